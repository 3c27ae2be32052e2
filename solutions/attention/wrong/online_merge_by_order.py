# expect: q2
# The second part is thought to have the larger maximum.
import math

import torch


def online_softmax_merge(m1, l1, m2, l2):
    m = m2
    shift = torch.where(m == -math.inf, 0.0, m)
    return m, l1 * torch.exp(m1 - shift) + l2 * torch.exp(m2 - shift)
