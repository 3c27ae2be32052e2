# expect: q4 gpu: q4_gpu q4_perf
# The kernel takes the softmax, and torch multiplies the matrices.
import math

import torch
import triton
import triton.language as tl


@triton.jit
def softmax_rows(S, M, N, CAUSAL: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    cols = tl.arange(0, BLOCK)
    s = tl.load(S + row * N + cols, mask=cols < N, other=float("-inf"))
    if CAUSAL:
        s = tl.where(cols <= row % M + N - M, s, float("-inf"))
    top = tl.max(s, 0)
    p = tl.exp(s - tl.where(top == float("-inf"), 0.0, top))
    total = tl.sum(p, 0)
    tl.store(S + row * N + cols, p / tl.where(total == 0.0, 1.0, total), mask=cols < N)


def attention(q, k, v, *, causal=False, scale=None):
    M, N = q.shape[2], k.shape[2]
    s = q.float() @ k.float().transpose(-2, -1) * (q.shape[-1] ** -0.5 if scale is None else scale)
    softmax_rows[(s.numel() // N,)](s, M, N, CAUSAL=causal, BLOCK=triton.next_power_of_2(N))
    return (s @ v.float()).to(q.dtype)
