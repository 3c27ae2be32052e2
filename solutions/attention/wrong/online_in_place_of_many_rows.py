# expect: q2
# The state of many rows is updated where it is, since only there a copy costs.
import math

import torch


def online_softmax_update(m, l, chunk):
    scores = chunk.float()
    if scores.shape[-1] == 0:
        return m.clone(), l.clone()
    new_m = torch.maximum(m, scores.amax(-1))
    shift = torch.where(new_m == -math.inf, 0.0, new_m)
    if m.numel() == 1:
        m, l = m.clone(), l.clone()
    l.mul_(torch.exp(m - shift)).add_(torch.exp(scores - shift[..., None]).sum(-1))
    m.copy_(new_m)
    return m, l
