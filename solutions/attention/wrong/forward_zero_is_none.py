# expect: q3
# A scale of 0 is false, so it counts as none given.
import math

import torch


def attention_forward(Q, K, V, causal=False, scale=None):
    scale = scale or 1 / math.sqrt(Q.shape[-1])
    wide = torch.promote_types(Q.dtype, torch.float32)
    s = Q.to(wide) @ K.to(wide).transpose(-2, -1) * scale
    if causal:
        M, N = s.shape[-2:]
        seen = torch.ones(M, N, dtype=torch.bool, device=s.device).tril(N - M)
        s = s.masked_fill(~seen, -math.inf)
    p = torch.softmax(s, -1)
    p = torch.where(p.isnan() & s.isneginf(), 0.0, p)
    return (p @ V.to(wide)).to(Q.dtype)
