# expect: q2
# -inf - -inf is NaN for a state that has seen nothing.
import math

import torch


def online_softmax_update(m, l, chunk):
    scores = chunk.float()
    if scores.shape[-1] == 0:
        return m.clone(), l.clone()
    new_m = torch.maximum(m, scores.amax(-1))
    shift = new_m
    return new_m, l * torch.exp(m - shift) + torch.exp(scores - shift[..., None]).sum(-1)
