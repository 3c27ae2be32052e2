# expect: q3
# The ready-made attention.
import math

import torch


def attention_forward(Q, K, V, causal=False, scale=None):
    M, N = Q.shape[-2], K.shape[-2]
    seen = torch.ones(M, N, dtype=torch.bool, device=Q.device)
    seen = seen.tril(N - M) if causal else seen
    wide = torch.promote_types(Q.dtype, torch.float32)
    out = torch.nn.functional.scaled_dot_product_attention(
        Q.to(wide), K.to(wide), V.to(wide), attn_mask=seen, scale=scale
    )
    return torch.where(seen.any(-1)[:, None], out, 0.0).to(Q.dtype)
