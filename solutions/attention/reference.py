# ruff: noqa: ANN001, ANN202, E741, PLR2004
# A kernel's parameters have no Python types; l is the running sum in every text about it; tile
# sizes are measured numbers.
"""Reference solutions of the attention assignment: from a safe softmax to one Triton kernel.

Importable without triton; then only `attention` fails.
"""

import math
import os
from typing import NamedTuple

import torch

if not torch.cuda.is_available():
    # The interpreter runs the kernel on the CPU, and is chosen when triton is imported.
    os.environ.setdefault("TRITON_INTERPRET", "1")

try:
    import triton
    import triton.language as tl
except ImportError:
    triton = tl = None

LOG2_E = math.log2(math.e)


def stable_softmax(x: torch.Tensor, dim: int = -1) -> torch.Tensor:
    """Return the softmax of x along dim, computed so that no finite input can overflow it.

    x: a tensor of any shape and strides, also empty or 0-d. It is not changed.
    Returns a new tensor of the same shape. Float dtypes keep their dtype; integers and bools
    become float32 before anything is subtracted.

    An entry of -inf gets 0. A slice of only -inf gives zeros. A slice that holds NaN or +inf
    is NaN all through. Intermediate results of half inputs are kept in float32.
    """
    dtype = x.dtype if x.is_floating_point() else torch.float32
    wide = x.to(torch.promote_types(dtype, torch.float32))
    if x.numel() == 0:
        return wide.to(dtype, copy=True)
    peak = wide.amax(dim=dim, keepdim=True)
    # -inf - -inf is NaN: a slice that is masked all through is shifted by nothing.
    exps = torch.exp(wide - torch.where(peak == -math.inf, 0.0, peak))
    total = exps.sum(dim=dim, keepdim=True)
    return (exps / torch.where(total == 0, 1.0, total)).to(dtype)


def online_softmax_update(
    m: torch.Tensor, l: torch.Tensor, chunk: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Take one more chunk of scores into the running state (m, l) of a softmax.

    m, l: float32, shape (...): the largest score so far and the sum of exp(score - m) so far.
    A row that has seen nothing yet is m = -inf, l = 0.
    chunk: scores of shape (..., n), any float dtype, n >= 0, entries finite or -inf (masked).
    Returns the new (m, l): float32, shape (...). The arguments are not changed.

    After any split of a row into chunks, m + log(l) is the row's logsumexp. A chunk of only
    -inf leaves a state as it was, also one that has seen nothing: no NaN.
    """
    scores = chunk.to(torch.float32)
    none = torch.full((*scores.shape[:-1], 1), -math.inf, dtype=torch.float32, device=scores.device)
    chunk_m = torch.cat([scores, none], dim=-1).amax(dim=-1)
    shift = torch.where(chunk_m == -math.inf, 0.0, chunk_m)
    return online_softmax_merge(m, l, chunk_m, torch.exp(scores - shift[..., None]).sum(dim=-1))


def online_softmax_merge(
    m1: torch.Tensor, l1: torch.Tensor, m2: torch.Tensor, l2: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Join the states of two parts of the same rows into the state of the whole.

    m1, l1, m2, l2: float32, shape (...), as in `online_softmax_update`.
    Returns (m, l): float32, shape (...). The arguments are not changed.

    The order of the two parts does not matter, nor does the grouping of more than two. A part
    that has seen nothing (m = -inf, l = 0) changes nothing; two such parts give such a state.
    """
    m = torch.maximum(m1, m2)
    shift = torch.where(m == -math.inf, 0.0, m)
    return m, l1 * torch.exp(m1 - shift) + l2 * torch.exp(m2 - shift)


def attention_forward(
    Q: torch.Tensor,
    K: torch.Tensor,
    V: torch.Tensor,
    causal: bool = False,
    scale: float | None = None,
) -> torch.Tensor:
    """Return softmax(scale * Q K^T) V, computed with torch operations.

    Q: (..., M, d). K: (..., N, d). V: (..., N, e). One float dtype, same leading dimensions.
    causal: query i sees key j only where j <= i + (N - M): the last query sees every key.
    scale: 1 / sqrt(d) if None.
    Returns (..., M, e) in the inputs' dtype. The inputs are not changed.

    Scores are float32 or wider from the start, so half inputs whose Q K^T is past 65504 before
    it is scaled stay finite. A query that sees no key gets zeros.
    """
    wide = torch.promote_types(Q.dtype, torch.float32)
    scale = 1.0 / math.sqrt(Q.shape[-1]) if scale is None else scale
    scores = (Q.to(wide) @ K.to(wide).transpose(-2, -1)) * scale
    if causal:
        queries, keys = scores.shape[-2:]
        seen = torch.ones(queries, keys, dtype=torch.bool, device=scores.device)
        scores = scores.masked_fill(~seen.tril(keys - queries), -math.inf)
    return (stable_softmax(scores) @ V.to(wide)).to(Q.dtype)


def attention_tiled(
    Q: torch.Tensor, K: torch.Tensor, V: torch.Tensor, block: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the state (m, l, acc) of attention after a walk over the keys, `block` at a time.

    Q: (M, d). K: (N, d). V: (N, e). All float32, N >= 1; the last tile may be shorter.
    Scores are Q K^T / sqrt(d); they are made, used and forgotten tile by tile.
    Returns m (M,), l (M,) and acc (M, e), float32: each query's largest score, its sum of
    exp(score - m), and its sum of exp(score - m) times the rows of V. acc / l is attention.
    """
    m = torch.full(Q.shape[:1], -math.inf, device=Q.device)
    l = torch.zeros(Q.shape[:1], device=Q.device)
    acc = torch.zeros(Q.shape[0], V.shape[1], device=Q.device)
    for k_tile, v_tile in zip(K.split(block), V.split(block), strict=True):
        scores = Q @ k_tile.T / math.sqrt(Q.shape[1])
        new_m = torch.maximum(m, scores.amax(dim=1))
        weights, rescale = torch.exp(scores - new_m[:, None]), torch.exp(m - new_m)
        l = l * rescale + weights.sum(dim=1)
        acc = acc * rescale[:, None] + weights @ v_tile
        m = new_m
    return m, l, acc


if triton is not None:

    @triton.jit
    def _tile_kernel(q, k, out, scale, M: tl.constexpr, N: tl.constexpr, D: tl.constexpr):
        """Multiply one tile of queries with one tile of keys."""
        rows, keys, cols = tl.arange(0, M), tl.arange(0, N), tl.arange(0, D)
        q_tile = tl.load(q + rows[:, None] * D + cols[None, :])
        k_tile = tl.load(k + keys[None, :] * D + cols[:, None])
        scores = tl.dot(q_tile, k_tile) * scale
        tl.store(out + rows[:, None] * N + keys[None, :], scores)

    @triton.jit
    def _row_kernel(x, out, n, BLOCK: tl.constexpr):
        """Take one row into a running maximum and a running sum, a tile at a time."""
        first = x + tl.program_id(0) * n
        m, l = tl.full([], float("-inf"), tl.float32), tl.zeros([], tl.float32)
        for start in range(0, n, BLOCK):
            tile = tl.load(first + start + tl.arange(0, BLOCK)).to(tl.float32)
            new_m = tl.maximum(m, tl.max(tile, 0))
            l = l * tl.exp(m - new_m) + tl.sum(tl.exp(tile - new_m), 0)
            m = new_m
        tl.store(out + tl.program_id(0), m + tl.log(l))

    @triton.jit
    def _head_kernel(
        q, k, v, out, n_keys, scale,
        D: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
    ):  # fmt: skip
        """Compute BLOCK_M rows of one head whose tiles are whole."""
        rows = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
        tile, cols = tl.arange(0, BLOCK_N), tl.arange(0, D)
        q_tile = tl.load(q + rows[:, None] * D + cols[None, :])
        m = tl.full([BLOCK_M], float("-inf"), tl.float32)
        l = tl.zeros([BLOCK_M], tl.float32)
        acc = tl.zeros([BLOCK_M, D], tl.float32)
        for start in range(0, n_keys, BLOCK_N):
            keys = start + tile
            k_tile = tl.load(k + keys[None, :] * D + cols[:, None])
            scores = tl.dot(q_tile, k_tile) * scale
            new_m = tl.maximum(m, tl.max(scores, 1))
            p, rescale = tl.exp(scores - new_m[:, None]), tl.exp(m - new_m)
            l = l * rescale + tl.sum(p, 1)
            v_tile = tl.load(v + keys[:, None] * D + cols[None, :])
            acc = tl.dot(p.to(tl.float16), v_tile, acc * rescale[:, None])
            m = new_m
        result = (acc / l[:, None]).to(tl.float16)
        tl.store(out + rows[:, None] * D + cols[None, :], result)

    @triton.jit
    def _visit_keys(
        state_m, state_l, acc, q, k, v,
        first, last, offset, rows, n_keys, head_dim, scale,
        stride_kn, stride_kd, stride_vn, stride_vd,
        CAUSAL: tl.constexpr, MASKED: tl.constexpr, WHOLE_D: tl.constexpr,
        BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
    ):  # fmt: skip
        """Take the keys first..last, a tile at a time, into the running state of some rows."""
        cols = tl.arange(0, BLOCK_D)
        tile = tl.arange(0, BLOCK_N)
        k_ptrs = (
            k
            + tl.cast(first, tl.int64) * stride_kn
            + tile[None, :] * stride_kn
            + cols[:, None] * stride_kd
        )
        v_ptrs = (
            v
            + tl.cast(first, tl.int64) * stride_vn
            + tile[:, None] * stride_vn
            + cols[None, :] * stride_vd
        )
        for start in range(first, last, BLOCK_N):
            keys = start + tile
            if MASKED:
                k_tile = tl.load(
                    k_ptrs, mask=(keys[None, :] < n_keys) & (cols[:, None] < head_dim), other=0.0
                )
            elif WHOLE_D:
                k_tile = tl.load(k_ptrs)
            else:
                k_tile = tl.load(k_ptrs, mask=cols[:, None] < head_dim, other=0.0)

            # float32 from here on: the product of half inputs may be past 65504 before scaling.
            scores = tl.dot(q, k_tile, input_precision="ieee") * scale
            if MASKED:
                visible = keys[None, :] < n_keys
                if CAUSAL:
                    visible = visible & (keys[None, :] <= rows[:, None] + offset)
                scores = tl.where(visible, scores, float("-inf"))

            new_m = tl.maximum(state_m, tl.max(scores, 1))
            # A row that sees no key yet has a maximum of -inf, and -inf - -inf is NaN.
            shift = tl.where(new_m == float("-inf"), 0.0, new_m) if MASKED else new_m
            p = tl.exp2(scores - shift[:, None])
            rescale = tl.exp2(state_m - shift)
            state_l = state_l * rescale + tl.sum(p, 1)
            acc = acc * rescale[:, None]

            # The tail is masked here too: 0 * NaN is NaN, whatever the weight says.
            if MASKED:
                v_tile = tl.load(
                    v_ptrs, mask=(keys[:, None] < n_keys) & (cols[None, :] < head_dim), other=0.0
                )
            elif WHOLE_D:
                v_tile = tl.load(v_ptrs)
            else:
                v_tile = tl.load(v_ptrs, mask=cols[None, :] < head_dim, other=0.0)
            acc = tl.dot(p.to(v_tile.dtype), v_tile, acc, input_precision="ieee")
            state_m = new_m
            k_ptrs += BLOCK_N * stride_kn
            v_ptrs += BLOCK_N * stride_vn
        return state_m, state_l, acc

    @triton.jit
    def _attention_kernel(
        q, k, v, out, n_queries, n_keys, head_dim, heads, scale,
        stride_qb, stride_qh, stride_qm, stride_qd,
        stride_kb, stride_kh, stride_kn, stride_kd,
        stride_vb, stride_vh, stride_vn, stride_vd,
        stride_ob, stride_oh, stride_om, stride_od,
        CAUSAL: tl.constexpr, WHOLE_D: tl.constexpr,
        BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
    ):  # fmt: skip
        """Compute BLOCK_M rows of one head's output: a program of the grid."""
        tiles = tl.cdiv(n_queries, BLOCK_M)
        # The last rows see most keys under a causal mask: start them first, finish evenly.
        first_row = (tiles - 1 - tl.program_id(0) % tiles) * BLOCK_M
        plane = tl.program_id(0) // tiles
        batch = (plane // heads).to(tl.int64)
        head = (plane % heads).to(tl.int64)
        k += batch * stride_kb + head * stride_kh
        v += batch * stride_vb + head * stride_vh
        q += batch * stride_qb + head * stride_qh + first_row.to(tl.int64) * stride_qm
        out += batch * stride_ob + head * stride_oh + first_row.to(tl.int64) * stride_om

        lanes = tl.arange(0, BLOCK_M)
        rows = first_row + lanes
        cols = tl.arange(0, BLOCK_D)
        inside = (rows[:, None] < n_queries) & (cols[None, :] < head_dim)
        q_tile = tl.load(
            q + lanes[:, None] * stride_qm + cols[None, :] * stride_qd, mask=inside, other=0.0
        )

        # Keys before `whole` are seen by every row of this tile: no mask is worked out for them.
        offset = n_keys - n_queries
        if CAUSAL:
            last = tl.maximum(tl.minimum(first_row + BLOCK_M + offset, n_keys), 0)
            whole = tl.maximum(tl.minimum(first_row + offset + 1, n_keys), 0) // BLOCK_N * BLOCK_N
        else:
            last = n_keys
            whole = n_keys // BLOCK_N * BLOCK_N

        m = tl.full([BLOCK_M], float("-inf"), tl.float32)
        l = tl.zeros([BLOCK_M], tl.float32)
        acc = tl.zeros([BLOCK_M, BLOCK_D], tl.float32)
        m, l, acc = _visit_keys(
            m, l, acc, q_tile, k, v, 0, whole, offset, rows, n_keys, head_dim, scale,
            stride_kn, stride_kd, stride_vn, stride_vd, CAUSAL, False, WHOLE_D, BLOCK_N, BLOCK_D,
        )  # fmt: skip
        m, l, acc = _visit_keys(
            m, l, acc, q_tile, k, v, whole, last, offset, rows, n_keys, head_dim, scale,
            stride_kn, stride_kd, stride_vn, stride_vd, CAUSAL, True, WHOLE_D, BLOCK_N, BLOCK_D,
        )  # fmt: skip
        acc = acc / tl.where(l == 0.0, 1.0, l)[:, None]
        tl.store(
            out + lanes[:, None] * stride_om + cols[None, :] * stride_od,
            acc.to(out.dtype.element_ty),
            mask=inside,
        )


def tile_scores(q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    """Return q k^T / sqrt(d), made by one program of a Triton kernel.

    q: (M, d). k: (N, d). Both float16 and contiguous; M, N and d are 16, 32 or 64.
    Returns (M, N) float32. The products are summed and scaled in float32.
    """
    (rows, d), keys = q.shape, k.shape[0]
    out = torch.empty(rows, keys, dtype=torch.float32, device=q.device)
    _tile_kernel[(1,)](q, k, out, 1.0 / math.sqrt(d), M=rows, N=keys, D=d)
    return out


def row_logsumexp(x: torch.Tensor) -> torch.Tensor:
    """Return log(sum(exp(row))) of each row, from one pass of a Triton kernel over each row.

    x: (R, n), float16, contiguous, finite; n is a multiple of 64. One program takes one row.
    Returns (R,) float32: the running state's m + log(l) after the last tile.
    """
    out = x.new_empty(x.shape[:1], dtype=torch.float32)
    _row_kernel[(x.shape[0],)](x, out, x.shape[1], BLOCK=64)
    return out


def head_attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Return softmax(q k^T / sqrt(d)) v for one head, from one pass of a Triton kernel.

    q: (M, d). k, v: (N, d). All float16 and contiguous; M and N are multiples of 64, and d is
    16, 32, 64 or 128: every tile is whole, and no load needs a mask.
    Returns (M, d) float16. Scores, m, l and acc are float32.
    """
    out = torch.empty_like(q)
    d = q.shape[1]
    _head_kernel[(q.shape[0] // 64,)](
        q, k, v, out, k.shape[0], 1.0 / math.sqrt(d), D=d, BLOCK_M=64, BLOCK_N=64
    )
    return out


def _tile_sizes(q: torch.Tensor) -> tuple[int, int, int, int]:
    """Return (BLOCK_M, BLOCK_N, warps, stages) for a query tensor of shape (B, H, M, d)."""
    if not q.is_cuda:
        return 64, 64, 4, 1
    wide = q.shape[-1] > 64
    if q.dtype == torch.float32:
        return (32, 32, 4, 1) if wide else (64, 32, 4, 2)
    return (128, 64, 8, 3) if wide else (128, 64, 4, 3)


def attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    causal: bool = False,
    scale: float | None = None,
) -> torch.Tensor:
    """Return softmax(scale * q k^T) v for every batch and head, from one pass of a Triton kernel.

    q: (B, H, M, d). k, v: (B, H, N, d), d >= 1. Any strides; one dtype (float16 or float32, on
    a GPU also bfloat16) and one device. They are not changed, and what lies between or behind
    their elements in memory is never used.
    causal: query i sees key j only where j <= i + (N - M).
    scale: 1 / sqrt(d) if None.
    Returns a new contiguous (B, H, M, d) in q's dtype. A query that sees no key gets zeros.

    Scores, running maximum, running sum and accumulator are float32; products of float32
    inputs use input_precision="ieee". While it runs, torch only allocates, copies and views:
    the kernel does the mathematics.
    """
    batches, heads, queries, head_dim = q.shape
    keys = k.shape[2]
    out = torch.empty(q.shape, dtype=q.dtype, device=q.device)
    if out.numel() == 0:
        return out
    scale = 1.0 / math.sqrt(head_dim) if scale is None else scale
    block_m, block_n, warps, stages = _tile_sizes(q)
    block_d = max(16, triton.next_power_of_2(head_dim))
    _attention_kernel[(triton.cdiv(queries, block_m) * batches * heads,)](
        q, k, v, out, queries, keys, head_dim, heads, scale * LOG2_E,
        *q.stride(), *k.stride(), *v.stride(), *out.stride(),
        CAUSAL=causal, WHOLE_D=block_d == head_dim,
        BLOCK_M=block_m, BLOCK_N=block_n, BLOCK_D=block_d,
        num_warps=warps, num_stages=stages,
    )  # fmt: skip
    return out


# For the judge: inputs on which float16 fails, and the kernel that fails on them ------------------


class Head(NamedTuple):
    """Arguments of `attention`."""

    q: torch.Tensor
    k: torch.Tensor
    v: torch.Tensor
    causal: bool = False
    scale: float | None = None


def naive_fp16_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    causal: bool = False,
    scale: float | None = None,
) -> torch.Tensor:
    """Return attention the way the lesson warns of: no shift, every intermediate in float16.

    Arguments and result as in `attention`, in torch operations. Before a student is judged on a
    failure case, this must visibly fail it on the same device.
    """
    scale = 1.0 / math.sqrt(q.shape[-1]) if scale is None else scale
    scores = (q @ k.transpose(-2, -1)) * scale
    if causal:
        queries, keys = scores.shape[-2:]
        seen = torch.ones(queries, keys, dtype=torch.bool, device=scores.device)
        scores = scores.masked_fill(~seen.tril(keys - queries), -math.inf)
    exps = torch.exp(scores)
    return (exps @ v) / exps.sum(dim=-1, keepdim=True)


def fp16_failure_cases(seed: int, device: str = "cpu") -> dict[str, Head]:
    """Build heads in float16 on which `naive_fp16_attention` fails, by what is special in them.

    Small enough for the interpreter. All values are drawn from the seed, on the CPU.
    """
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(1, 1, *shape, generator=draw)

    def with_scores(scores: torch.Tensor, v: torch.Tensor, **options: bool) -> Head:
        # One coordinate carries the scores, exactly: q = 1 and scale = 1.
        q, k = torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, scores.numel(), 16)
        q[..., 0], k[..., 0] = 1.0, scores
        halves = (tensor.to(device, torch.float16) for tensor in (q, k, v))
        return Head(*halves, scale=1.0, **options)

    past, below = torch.full((40,), -4.0), torch.full((40,), -4.0)
    past[7] = 11.09375
    below[[7, 30]] = 11.0859375
    large = [torch.full((1, 1, rows, 64), 32.0, device=device).half() for rows in (16, 48)]
    return {
        "a score just past the exp threshold": with_scores(past, normal(40, 16)),
        "two scores one step below the exp threshold": with_scores(below, normal(40, 16)),
        "a long row of equal scores, whose sum of exps is past 65504": with_scores(
            torch.full((256,), 6.0), normal(256, 16)
        ),
        "products of 65536, past float16, before scaling": Head(
            *large, normal(48, 64).to(device).half()
        ),
        "scores so negative that every exp is 0": with_scores(
            -30 - 5 * torch.rand(40, generator=draw), normal(40, 16)
        ),
        "scores that rise along the row, tile after tile": with_scores(
            torch.linspace(-20, 40, 160), normal(160, 16)
        ),
        "an attention sink": with_scores(torch.tensor([14.0] + [0.0] * 149), 10 * normal(150, 16)),
        "V with a large mean": with_scores(torch.full((200,), 1.5), 400 + normal(200, 16)),
        "rows that see no key, which must be 0": Head(
            *(
                tensor.to(device).half()
                for tensor in (normal(48, 16), normal(16, 16), normal(16, 16))
            ),
            causal=True,
        ),
    }


def assert_naive_fails(cases: dict[str, Head]) -> None:
    """Raise RuntimeError unless `naive_fp16_attention` is visibly wrong on each case.

    Visibly: a NaN or inf, or an entry that is off by more than 10 times what float16 can hold of
    the largest value. A device on which a case does not fail cannot be used to judge it.
    """
    for name, (q, k, v, causal, scale) in cases.items():
        got = naive_fp16_attention(q, k, v, causal=causal, scale=scale)
        right = attention_forward(q.double(), k.double(), v.double(), causal, scale)
        error = (got.double() - right).abs().max()
        if bool(got.isfinite().all()) and float(error) <= 10 * 2**-11 * float(right.abs().max()):
            raise RuntimeError(f"The naive float16 kernel does not fail here on: {name}.")
