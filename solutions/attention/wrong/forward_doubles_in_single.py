# expect: q3
# Everything is worked out in float32, float64 inputs too.
import math

import torch


def attention_forward(Q, K, V, causal=False, scale=None):
    scale = 1 / math.sqrt(Q.shape[-1]) if scale is None else scale
    s = Q.float() @ K.float().transpose(-2, -1) * scale
    if causal:
        M, N = s.shape[-2:]
        s = s.masked_fill(~torch.ones(M, N, dtype=torch.bool, device=s.device).tril(N - M), -math.inf)
    p = torch.softmax(s, -1)
    p = torch.where(p.isnan() & s.isneginf(), 0.0, p)
    return (p @ V.float()).to(Q.dtype)
