# expect: q3
# A single query is taken for the first one, as while a model writes it never is.
import math

import torch


def attention_forward(Q, K, V, causal=False, scale=None):
    scale = 1 / math.sqrt(Q.shape[-1]) if scale is None else scale
    wide = torch.promote_types(Q.dtype, torch.float32)
    s = Q.to(wide) @ K.to(wide).transpose(-2, -1) * scale
    if causal:
        M, N = s.shape[-2:]
        s = s.masked_fill(~torch.ones(M, N, dtype=torch.bool, device=s.device).tril(N - M if M > 1 else 0), -math.inf)
    p = torch.softmax(s, -1)
    p = torch.where(p.isnan() & s.isneginf(), 0.0, p)
    return (p @ V.to(wide)).to(Q.dtype)
