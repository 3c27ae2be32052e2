# expect: q3
# Every intermediate has the inputs' dtype, though the maximum is taken away.
import math

import torch


def attention_forward(Q, K, V, causal=False, scale=None):
    scale = 1 / math.sqrt(Q.shape[-1]) if scale is None else scale
    wide = Q.dtype
    s = (Q * scale) @ K.transpose(-2, -1)
    if causal:
        M, N = s.shape[-2:]
        s = s.masked_fill(~torch.ones(M, N, dtype=torch.bool, device=s.device).tril(N - M), -math.inf)
    p = torch.softmax(s, -1)
    p = torch.where(p.isnan() & s.isneginf(), 0.0, p)
    return (p @ V.to(wide)).to(Q.dtype)
