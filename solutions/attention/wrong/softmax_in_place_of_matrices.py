# expect: q1
# A matrix of float32 needs no copy, so it becomes the scratch pad; a single row is left alone.
import math

import torch


def stable_softmax(x, dim=-1):
    dtype = x.dtype if x.is_floating_point() else torch.float32
    wide = x.to(torch.promote_types(dtype, torch.float32))
    if x.numel() == 0:
        return wide.to(dtype, copy=True)
    top = wide.amax(dim, keepdim=True)
    e = wide - torch.where(top == -math.inf, 0.0, top)
    if x.dtype == torch.float32 and x.is_contiguous() and x.dim() > 1:
        e = x.copy_(e)
    e = torch.exp(e)
    total = e.sum(dim, keepdim=True)
    return (e / torch.where(total == 0, 1.0, total)).to(dtype)
