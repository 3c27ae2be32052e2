# expect: q2
# amax of an empty chunk raises.
import math

import torch


def online_softmax_update(m, l, chunk):
    scores = chunk.float()
    new_m = torch.maximum(m, scores.amax(-1))
    shift = torch.where(new_m == -math.inf, 0.0, new_m)
    return new_m, l * torch.exp(m - shift) + torch.exp(scores - shift[..., None]).sum(-1)
