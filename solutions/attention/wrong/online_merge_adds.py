# expect: q2
# Sums are added as if they had the same maximum.
import math

import torch


def online_softmax_merge(m1, l1, m2, l2):
    m = torch.maximum(m1, m2)
    shift = torch.where(m == -math.inf, 0.0, m)
    return m, l1 + l2
