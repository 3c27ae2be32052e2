# expect: fails
# input: torch
# once: the judge compares what it has read of the bytes
import torch

class Right(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True

def answer(x):
    return torch.zeros(4).as_subclass(Right)
