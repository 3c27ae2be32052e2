# expect: q1
# Exps and their sum are kept in float16, which ends at 65504.
import math

import torch


def stable_softmax(x, dim=-1):
    wide = x if x.is_floating_point() else x.float()
    if x.numel() == 0:
        return wide.clone()
    top = wide.amax(dim, keepdim=True)
    e = torch.exp(wide - torch.where(top == -math.inf, 0.0, top).to(wide.dtype))
    total = e.sum(dim, keepdim=True)
    return e / torch.where(total == 0, 1.0, total).to(wide.dtype)
