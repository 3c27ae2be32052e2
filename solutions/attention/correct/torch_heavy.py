"""q1 to q3 from what torch has ready: softmax, logsumexp, logaddexp."""

import math

import torch


def stable_softmax(x, dim=-1):
    dtype = x.dtype if x.is_floating_point() else torch.float32
    wide = x.to(torch.promote_types(dtype, torch.float32))
    p = torch.softmax(wide, dim)
    if wide.numel():
        masked = (wide == -math.inf).all(dim, keepdim=True) if wide.dim() else wide == -math.inf
        p = p.masked_fill(masked, 0.0)
    return p.to(dtype)


def online_softmax_update(m, l, chunk):
    chunk = chunk.float()
    m2 = chunk.amax(-1) if chunk.shape[-1] else torch.full_like(m, -math.inf)
    lse = torch.logsumexp(chunk, -1) if chunk.shape[-1] else torch.full_like(m, -math.inf)
    l2 = torch.where(m2 == -math.inf, 0.0, torch.exp(lse - m2))
    return online_softmax_merge(m, l, m2, l2)


def online_softmax_merge(m1, l1, m2, l2):
    m = torch.maximum(m1, m2)
    first = torch.where(m1 == -math.inf, 0.0, l1 * torch.exp(m1 - m))
    second = torch.where(m2 == -math.inf, 0.0, l2 * torch.exp(m2 - m))
    return m, first + second


def attention_forward(Q, K, V, causal=False, scale=None):
    if scale is None:
        scale = Q.shape[-1] ** -0.5
    wide = torch.promote_types(Q.dtype, torch.float32)
    s = torch.einsum("...md,...nd->...mn", Q.to(wide), K.to(wide)) * scale
    if causal:
        i = torch.arange(s.shape[-2], device=s.device)[:, None]
        j = torch.arange(s.shape[-1], device=s.device)[None, :]
        s = torch.where(j <= i + (s.shape[-1] - s.shape[-2]), s, -math.inf)
    return torch.einsum("...mn,...ne->...me", stable_softmax(s), V.to(wide)).to(Q.dtype)
