# expect: q1
# The maximum is taken away before integers become floats.
import math

import torch


def stable_softmax(x, dim=-1):
    if x.numel() == 0:
        return x.to(x.dtype if x.is_floating_point() else torch.float32)
    if x.dtype == torch.bool:
        x = x.to(torch.float32)
    top = x.amax(dim, keepdim=True)
    d = x - torch.where(top == -math.inf, 0.0, top).to(x.dtype) if x.is_floating_point() else x - top
    wide = d.to(torch.promote_types(d.dtype, torch.float32)) if d.is_floating_point() else d.float()
    e = torch.exp(wide)
    total = e.sum(dim, keepdim=True)
    return (e / torch.where(total == 0, 1.0, total)).to(x.dtype if x.is_floating_point() else torch.float32)
