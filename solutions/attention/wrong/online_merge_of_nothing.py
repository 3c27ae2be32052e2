# expect: q2
# Two parts that have seen nothing merge into NaN.
import math

import torch


def online_softmax_update(m, l, chunk):
    scores = chunk.to(torch.float32)
    none = torch.full((*scores.shape[:-1], 1), -math.inf, device=scores.device)
    new_m = torch.maximum(m, torch.cat([scores, none], dim=-1).amax(dim=-1))
    shift = torch.where(new_m == -math.inf, 0.0, new_m)
    return new_m, l * torch.exp(m - shift) + torch.exp(scores - shift[..., None]).sum(dim=-1)


def online_softmax_merge(m1, l1, m2, l2):
    m = torch.maximum(m1, m2)
    return m, l1 * torch.exp(m1 - m) + l2 * torch.exp(m2 - m)
