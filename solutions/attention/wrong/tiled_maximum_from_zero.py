# expect: q3_tiled
# The running maximum starts at 0, which is no maximum of negative scores.
import torch


def attention_tiled(Q, K, V, block):
    m = torch.zeros(Q.shape[0])
    l = torch.zeros(Q.shape[0])
    acc = torch.zeros(Q.shape[0], V.shape[1])
    for start in range(0, K.shape[0], block):
        s = Q @ K[start : start + block].T * Q.shape[1] ** -0.5
        new_m = torch.maximum(m, s.amax(1))
        p = torch.exp(s - new_m[:, None])
        factor = torch.exp(m - new_m)
        l = l * factor + p.sum(1)
        acc = acc * factor[:, None] + p @ V[start : start + block]
        m = new_m
    return m, l, acc
