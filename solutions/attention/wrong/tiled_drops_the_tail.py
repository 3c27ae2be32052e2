# expect: q3_tiled
# Whole tiles only: the keys behind the last whole tile are never looked at.
import math

import torch


def attention_tiled(Q, K, V, block):
    m = torch.full(Q.shape[:1], -math.inf)
    l = torch.zeros(Q.shape[0])
    acc = torch.zeros(Q.shape[0], V.shape[1])
    for start in range(0, K.shape[0] // block * block, block):
        s = Q @ K[start : start + block].T * Q.shape[1] ** -0.5
        new_m = torch.maximum(m, s.amax(1))
        p = torch.exp(s - new_m[:, None])
        factor = torch.exp(m - new_m)
        l = l * factor + p.sum(1)
        acc = acc * factor[:, None] + p @ V[start : start + block]
        m = new_m
    return m, l, acc
