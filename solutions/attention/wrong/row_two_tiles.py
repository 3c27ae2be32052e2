# expect: q4_row
# Two tiles, as in the public check, however long the row is.
import torch
import triton
import triton.language as tl


@triton.jit
def row_kernel(x, out, n, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    m = tl.full([], float("-inf"), tl.float32)
    l = tl.full([], 0.0, tl.float32)
    for start in range(0, 128, BLOCK):
        tile = tl.load(x + row * n + start + tl.arange(0, BLOCK)).to(tl.float32)
        new_m = tl.maximum(m, tl.max(tile, 0))
        l = (l * tl.exp(m - new_m) + tl.sum(tl.exp(tile - new_m), 0)).to(tl.float32)
        m = new_m
    tl.store(out + row, m + tl.log(l.to(tl.float32)))


def row_logsumexp(x):
    out = torch.empty(x.shape[0], dtype=torch.float32, device=x.device)
    row_kernel[(x.shape[0],)](x, out, x.shape[1], BLOCK=64)
    return out
