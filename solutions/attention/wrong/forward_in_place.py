# expect: q3
# Scales the queries where they lie, which saves a tensor.
import math

import torch


def attention_forward(Q, K, V, causal=False, scale=None):
    scale = 1 / math.sqrt(Q.shape[-1]) if scale is None else scale
    wide = torch.promote_types(Q.dtype, torch.float32)
    q = Q.to(wide)
    q *= scale
    s = q @ K.to(wide).transpose(-2, -1)
    if causal:
        M, N = s.shape[-2:]
        seen = torch.ones(M, N, dtype=torch.bool, device=s.device).tril(N - M)
        s = s.masked_fill(~seen, -math.inf)
    p = torch.softmax(s, -1)
    p = torch.where(p.isnan() & s.isneginf(), 0.0, p)
    return (p @ V.to(wide)).to(Q.dtype)
