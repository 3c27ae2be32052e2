# expect: q1
# The sum takes in the first 16,384 scores of a slice, which is what one block holds.
import math

import torch


def stable_softmax(x, dim=-1):
    dtype = x.dtype if x.is_floating_point() else torch.float32
    wide = x.to(torch.promote_types(dtype, torch.float32))
    if x.numel() == 0:
        return wide.to(dtype, copy=True)
    top = wide.amax(dim, keepdim=True)
    e = torch.exp(wide - torch.where(top == -math.inf, 0.0, top))
    block = e if e.ndim == 0 else e.narrow(dim, 0, min(e.shape[dim], 16_384))
    total = block.sum(dim, keepdim=True)
    return (e / torch.where(total == 0, 1.0, total)).to(dtype)
