# expect: error|fails
# input: torch
# once: what may travel is the same at every level
import torch

def answer(x):
    return (x * 2).to("meta")
