# expect: q4_tile
# The products are rounded to float16 before they are scaled.
import math

import torch
import triton
import triton.language as tl


@triton.jit
def tile_kernel(q, k, out, scale, M: tl.constexpr, N: tl.constexpr, D: tl.constexpr):
    i, j, c = tl.arange(0, M), tl.arange(0, N), tl.arange(0, D)
    a = tl.load(q + i[:, None] * D + c[None, :])
    b = tl.load(k + j[None, :] * D + c[:, None])
    tl.store(out + i[:, None] * N + j[None, :], tl.dot(a, b).to(tl.float16).to(tl.float32) * scale)


def tile_scores(q, k):
    out = torch.empty(q.shape[0], k.shape[0], dtype=torch.float32, device=q.device)
    tile_kernel[(1,)](q, k, out, 1 / math.sqrt(q.shape[1]), q.shape[0], k.shape[0], q.shape[1])
    return out
