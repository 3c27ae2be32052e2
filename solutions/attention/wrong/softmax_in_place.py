# expect: q1
# Float inputs are shifted where they are.
import math

import torch


def stable_softmax(x, dim=-1):
    wide = x.float() if x.dtype != torch.float64 else x
    if x.numel() == 0:
        return wide.to(x.dtype if x.is_floating_point() else torch.float32)
    if x.is_floating_point():
        wide = x
    top = wide.amax(dim, keepdim=True)
    e = wide.sub_(torch.where(top == -math.inf, 0.0, top).to(wide.dtype)).to(torch.promote_types(wide.dtype, torch.float32)).exp()
    total = e.sum(dim, keepdim=True)
    return (e / torch.where(total == 0, 1.0, total)).to(x.dtype if x.is_floating_point() else torch.float32)
