# expect: q2
# The exps of a half chunk are added up in half.
import math

import torch


def online_softmax_update(m, l, chunk):
    scores = chunk.float()
    if scores.shape[-1] == 0:
        return m.clone(), l.clone()
    new_m = torch.maximum(m, scores.amax(-1))
    shift = torch.where(new_m == -math.inf, 0.0, new_m)
    return new_m, l * torch.exp(m - shift) + torch.exp(chunk - shift[..., None].to(chunk.dtype)).cumsum(-1)[..., -1].float()
