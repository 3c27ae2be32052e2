# expect: q2
# The part with the largest maximum of all rows is thought to win in every row.
import math

import torch


def online_softmax_update(m, l, chunk):
    scores = chunk.to(torch.float32)
    none = torch.full((*scores.shape[:-1], 1), -math.inf, device=scores.device)
    new_m = torch.maximum(m, torch.cat([scores, none], dim=-1).amax(dim=-1))
    shift = torch.where(new_m == -math.inf, 0.0, new_m)
    return new_m, l * torch.exp(m - shift) + torch.exp(scores - shift[..., None]).sum(dim=-1)


def online_softmax_merge(m1, l1, m2, l2):
    if m1.max() < m2.max():
        m1, l1, m2, l2 = m2, l2, m1, l1
    shift = torch.where(m1 == -math.inf, 0.0, m1)
    return m1.clone(), l1 + l2 * torch.exp(m2 - shift)
