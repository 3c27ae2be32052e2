"""The reference kernel by itself: its errors next to their bound, its speed next to torch's own.

Needs torch, NumPy and this project only; no sandbox, no otter.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from grader.testing import numerics, timing

BACKENDS = ("FLASH_ATTENTION", "CUDNN_ATTENTION")
WARM_CALLS = 5
Attention = Callable[..., torch.Tensor]


def worst_ratio(
    attention: Attention, dtype: torch.dtype, d: int, *, seeds: int, rows: int, device: str
) -> float:
    """Return the largest error of a seed, as a share of its bound, of heads of shape (rows, d)."""
    worst = 0.0
    for seed in range(seeds):
        draw = torch.Generator(device=device).manual_seed(seed)
        q, k, v = (
            torch.randn(1, 2, rows, d, generator=draw, device=device, dtype=dtype) for _ in "qkv"
        )
        for causal in (False, True):
            truth = numerics.attention_truth(q, k, v, causal=causal)
            got = attention(q, k, v, causal=causal)
            worst = max(worst, numerics.worst_ratio(got, truth.expected, truth.bound))
    return worst


def beside_torch(
    attention: Attention, shape: tuple[int, int, int, int], *, causal: bool, repetitions: int,
    flush_bytes: int, device: str,
) -> dict[str, Any]:  # fmt: skip
    """Return milliseconds a call and TFLOP/s of float16 heads of (B, H, N, d), and of torch's.

    `floor_ms` is the roofline's time; a backend that torch does not offer here is None.
    """
    batch, heads, length, d = shape
    draw = torch.Generator(device=device).manual_seed(0)
    kind = {"generator": draw, "device": device, "dtype": torch.float16}
    q, k, v = (torch.randn(shape, **kind) for _ in "qkv")
    flush = torch.empty(flush_bytes, dtype=torch.int8, device=device)

    def timed(call: Callable[[], Any]) -> float:
        return milliseconds(call, flush, repetitions)

    ours = timed(lambda: attention(q, k, v, causal=causal))
    flops, moved = timing.attention_work(batch * heads, length, d, causal=causal)
    name = torch.cuda.get_device_name() if device == "cuda" else ""
    row: dict[str, Any] = {
        "d": d, "causal": causal, "heads": batch * heads, "length": length, "ms": ours,
        "tflops": flops / ours / 1e9, "floor_ms": 1e3 * timing.roofline(name, flops, moved),
    }  # fmt: skip
    for backend in BACKENDS:
        try:
            with torch.nn.attention.sdpa_kernel(getattr(torch.nn.attention.SDPBackend, backend)):
                row[backend] = timed(
                    lambda: torch.nn.functional.scaled_dot_product_attention(
                        q, k, v, is_causal=causal
                    )
                )
        except RuntimeError:
            row[backend] = None
    return row


def milliseconds(call: Callable[[], Any], flush: torch.Tensor, repetitions: int) -> float:
    """Return the median of some calls, each with a cleared L2 cache, by CUDA's own events.

    On the CPU, where there are none, by the host's clock.
    """
    spans = []
    for _ in range(WARM_CALLS + repetitions):
        flush.zero_()
        spans.append(_by_events(call) if flush.is_cuda else _by_host(call))
    return statistics.median(spans[WARM_CALLS:])


def _by_events(call: Callable[[], Any]) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    call()
    end.record()
    torch.cuda.synchronize()
    return float(start.elapsed_time(end))


def _by_host(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)
