"""Everything in small steps, with chunks of keys in q3 and a grid of three axes in q4."""

import math

import torch
import triton
import triton.language as tl

NOTHING = float("-inf")


def working_dtype(x):
    """float64 stays, everything else is computed in float32."""
    if x.dtype == torch.float64:
        return torch.float64
    return torch.float32


def stable_softmax(x, dim=-1):
    if x.is_floating_point():
        result_dtype = x.dtype
    else:
        result_dtype = torch.float32
    if x.numel() == 0:
        return torch.zeros(x.shape, dtype=result_dtype, device=x.device)
    wide = x.to(working_dtype(x))
    largest = torch.amax(wide, dim=dim, keepdim=True)
    everything_masked = largest == NOTHING
    largest = torch.where(everything_masked, torch.zeros_like(largest), largest)
    shifted = wide - largest
    exps = torch.exp(shifted)
    sums = torch.sum(exps, dim=dim, keepdim=True)
    sums = torch.where(everything_masked, torch.ones_like(sums), sums)
    result = exps / sums
    return result.to(result_dtype)


def exp_of_difference(a, b):
    """exp(a - b), 0 where both are -inf."""
    difference = torch.where(a == NOTHING, torch.full_like(a, NOTHING), a - b)
    return torch.exp(difference)


def online_softmax_update(m, l, chunk):
    new_m = m.clone()
    scores = chunk.to(torch.float32)
    for column in range(0, scores.shape[-1], 64):
        new_m = torch.maximum(new_m, scores[..., column : column + 64].amax(dim=-1))
    new_l = l * exp_of_difference(m, new_m)
    new_l = new_l + exp_of_difference(scores, new_m[..., None].expand_as(scores)).sum(dim=-1)
    return new_m, new_l


def online_softmax_merge(m1, l1, m2, l2):
    m = torch.where(m1 > m2, m1, m2)
    return m, l1 * exp_of_difference(m1, m) + l2 * exp_of_difference(m2, m)


def attention_forward(Q, K, V, causal=False, scale=None):
    M, N, d = Q.shape[-2], K.shape[-2], Q.shape[-1]
    if scale is None:
        scale = 1 / math.sqrt(d)
    dtype = working_dtype(Q)
    wide_q = Q.to(dtype)
    m = torch.full(Q.shape[:-1], NOTHING, dtype=dtype, device=Q.device)
    l = torch.zeros(Q.shape[:-1], dtype=dtype, device=Q.device)
    acc = torch.zeros((*Q.shape[:-1], V.shape[-1]), dtype=dtype, device=Q.device)
    rows = torch.arange(M, device=Q.device)[:, None]
    for start in range(0, N, 32):
        stop = min(start + 32, N)
        s = wide_q @ K[..., start:stop, :].to(dtype).transpose(-2, -1)
        s = s * scale
        if causal:
            keys = torch.arange(start, stop, device=Q.device)[None, :]
            s = s.masked_fill(keys > rows + (N - M), NOTHING)
        new_m = torch.maximum(m, s.amax(dim=-1))
        p = exp_of_difference(s, new_m[..., None].expand_as(s))
        rescale = exp_of_difference(m, new_m)
        l = l * rescale + p.sum(dim=-1)
        acc = acc * rescale[..., None] + p @ V[..., start:stop, :].to(dtype)
        m = new_m
    l = torch.where(l == 0, torch.ones_like(l), l)
    return (acc / l[..., None]).to(Q.dtype)


@triton.jit
def kernel(Q, K, V, O, M, N, D, H, scale,
           qb, qh, qm, qd, kb, kh, kn, kd, vb, vh, vn, vd, ob, oh, om, od,
           CAUSAL: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BD: tl.constexpr):
    rows = tl.program_id(0) * BM + tl.arange(0, BM)
    cols = tl.arange(0, BD)
    h = tl.program_id(1)
    b = tl.program_id(2)
    here = (rows[:, None] < M) & (cols[None, :] < D)
    q = tl.load(Q + b * qb + h * qh + rows[:, None] * qm + cols[None, :] * qd, mask=here, other=0.0)
    m = tl.full([BM], float("-inf"), tl.float32)
    l = tl.zeros([BM], tl.float32)
    acc = tl.zeros([BM, BD], tl.float32)
    for start in range(0, N, BN):
        keys = start + tl.arange(0, BN)
        there = (keys[:, None] < N) & (cols[None, :] < D)
        k = tl.load(K + b * kb + h * kh + keys[:, None] * kn + cols[None, :] * kd, mask=there, other=0.0)
        v = tl.load(V + b * vb + h * vh + keys[:, None] * vn + cols[None, :] * vd, mask=there, other=0.0)
        s = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
        visible = keys[None, :] < N
        if CAUSAL:
            visible = visible & (keys[None, :] <= rows[:, None] + N - M)
        s = tl.where(visible, s, float("-inf"))
        new_m = tl.maximum(m, tl.max(s, 1))
        shift = tl.where(new_m == float("-inf"), 0.0, new_m)
        p = tl.exp(s - shift[:, None])
        alpha = tl.exp(m - shift)
        l = l * alpha + tl.sum(p, 1)
        acc = acc * alpha[:, None] + tl.dot(p.to(v.dtype), v, input_precision="ieee")
        m = new_m
    out = acc / tl.where(l == 0.0, 1.0, l)[:, None]
    tl.store(O + b * ob + h * oh + rows[:, None] * om + cols[None, :] * od, out.to(O.dtype.element_ty), mask=here)


def attention(q, k, v, *, causal=False, scale=None):
    B, H, M, D = q.shape
    N = k.shape[2]
    scale = 1 / math.sqrt(D) if scale is None else scale
    out = torch.empty((B, H, M, D), dtype=q.dtype, device=q.device)
    BD = max(16, triton.next_power_of_2(D))
    grid = (triton.cdiv(M, 64), H, B)
    kernel[grid](q, k, v, out, M, N, D, H, scale,
                 *q.stride(), *k.stride(), *v.stride(), *out.stride(),
                 CAUSAL=causal, BM=64, BN=32, BD=BD)
    return out
