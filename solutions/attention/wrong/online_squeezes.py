# expect: q2
# A chunk of one score loses its last dimension, which was the one to reduce.
import math

import torch


def online_softmax_update(m, l, chunk):
    scores = chunk.to(torch.float32)
    scores = scores.squeeze(-1) if scores.ndim > 1 else scores
    none = torch.full((*scores.shape[:-1], 1), -math.inf, device=scores.device)
    new_m = torch.maximum(m, torch.cat([scores, none], dim=-1).amax(dim=-1))
    shift = torch.where(new_m == -math.inf, 0.0, new_m)
    return new_m, l * torch.exp(m - shift) + torch.exp(scores - shift[..., None]).sum(dim=-1)
