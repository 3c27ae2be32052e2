# expect: error|fails
# input: torch
import torch

def answer(x):
    return (x * 2).to("meta")
