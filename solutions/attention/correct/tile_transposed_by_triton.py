"""A tile of scores: k is loaded as it lies, and transposed by Triton; q is scaled first."""

import math

import torch
import triton
import triton.language as tl


@triton.jit
def scores_kernel(Q, K, S, d: tl.constexpr, m: tl.constexpr, n: tl.constexpr, scale):
    i, j, c = tl.arange(0, m)[:, None], tl.arange(0, n), tl.arange(0, d)[None, :]
    q = tl.load(Q + i * d + c)
    k = tl.load(K + j[:, None] * d + c)
    acc = tl.zeros((m, n), dtype=tl.float32)
    acc = tl.dot(q, tl.trans(k), acc)
    tl.store(S + i * n + j[None, :], acc * scale)


def tile_scores(q, k):
    m, d = q.shape
    n, _ = k.shape
    scores = torch.zeros((m, n), device=q.device)
    scores_kernel[(1,)](q, k, scores, d, m, n, 1 / math.sqrt(d))
    return scores
