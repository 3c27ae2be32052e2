# expect: q2
# Scores below -10000 are taken for masks.
import math

import torch


def online_softmax_update(m, l, chunk):
    scores = chunk.to(torch.float32)
    scores = scores.masked_fill(scores < -1e4, -math.inf)
    none = torch.full((*scores.shape[:-1], 1), -math.inf, device=scores.device)
    new_m = torch.maximum(m, torch.cat([scores, none], dim=-1).amax(dim=-1))
    shift = torch.where(new_m == -math.inf, 0.0, new_m)
    return new_m, l * torch.exp(m - shift) + torch.exp(scores - shift[..., None]).sum(dim=-1)
