# expect: q1 q2 gpu: q3_gpu
"""A bisection over real numbers ends between two values of the dtype, however small its tolerance."""

import torch


def find_overflow_threshold(dtype_str, op="exp", device="cpu"):
    if dtype_str not in ("float16", "bfloat16", "float32", "float64") or not hasattr(torch, op):
        raise ValueError("unknown dtype or op")
    dtype = getattr(torch, dtype_str)
    low, high = 0.0, torch.finfo(dtype).max
    while high - low > 1e-12 * high:
        middle = low + (high - low) / 2
        x = torch.tensor(middle, dtype=dtype, device=device)
        if torch.isfinite(getattr(torch, op)(x)):
            low = middle
        else:
            high = middle
    return high
