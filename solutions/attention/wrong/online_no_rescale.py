# expect: q2
# The old sum is not multiplied by exp(old - new maximum).
import math

import torch


def online_softmax_update(m, l, chunk):
    scores = chunk.float()
    if scores.shape[-1] == 0:
        return m.clone(), l.clone()
    new_m = torch.maximum(m, scores.amax(-1))
    shift = torch.where(new_m == -math.inf, 0.0, new_m)
    return new_m, l + torch.exp(scores - shift[..., None]).sum(-1)
