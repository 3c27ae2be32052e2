# expect: q3_tiled
# The whole score matrix at once, which is what tiles are there to avoid.
import torch


def attention_tiled(Q, K, V, block):
    s = Q @ K.T * Q.shape[1] ** -0.5
    m = s.amax(1)
    p = torch.exp(s - m[:, None])
    return m, p.sum(1), p @ V
