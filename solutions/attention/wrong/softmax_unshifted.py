# expect: q1 q3
# exp comes first; the maximum is thought to be a detail.
import math

import torch


def stable_softmax(x, dim=-1):
    wide = x.float() if x.dtype != torch.float64 else x
    if x.numel() == 0:
        return wide.to(x.dtype if x.is_floating_point() else torch.float32)
    top = wide.amax(dim, keepdim=True)
    e = torch.exp(wide)
    total = e.sum(dim, keepdim=True)
    return (e / torch.where(total == 0, 1.0, total)).to(x.dtype if x.is_floating_point() else torch.float32)
