# expect: q1
# Finite scores beyond a thousand are taken for mistakes, and cut off.
import math

import torch


def stable_softmax(x, dim=-1):
    dtype = x.dtype if x.is_floating_point() else torch.float32
    wide = x.to(torch.promote_types(dtype, torch.float32))
    if x.numel() == 0:
        return wide.to(dtype, copy=True)
    wide = torch.where(wide.isfinite(), wide.clamp(-1000, 1000), wide)
    top = wide.amax(dim, keepdim=True)
    e = torch.exp(wide - torch.where(top == -math.inf, 0.0, top))
    total = e.sum(dim, keepdim=True)
    return (e / torch.where(total == 0, 1.0, total)).to(dtype)
