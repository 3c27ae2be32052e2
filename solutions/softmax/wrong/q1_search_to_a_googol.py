# expect: q1 gpu: q3_gpu
"""The search ends at 1e100: what is finite there is finite everywhere, I take it."""

import torch


def find_overflow_threshold(dtype_str, op="exp", device="cpu"):
    kinds = {
        "float16": torch.int16,
        "bfloat16": torch.int16,
        "float32": torch.int32,
        "float64": torch.int64,
    }
    if dtype_str not in kinds or not hasattr(torch, op):
        raise ValueError("unknown dtype or op")
    dtype, ints = getattr(torch, dtype_str), kinds[dtype_str]
    largest = torch.finfo(dtype).max
    end = torch.tensor(min(1e100, largest), dtype=dtype)
    try:
        is_finite = torch.isfinite(getattr(torch, op)(end.to(device)))
    except TypeError:
        raise ValueError("unknown op") from None
    if is_finite:
        return largest
    low, high = 0, int(end.view(ints))
    while high - low > 1:
        middle = (low + high) // 2
        x = torch.tensor(middle, dtype=ints, device=device).view(dtype)
        if torch.isfinite(getattr(torch, op)(x)):
            low = middle
        else:
            high = middle
    return torch.tensor(low, dtype=ints).view(dtype).item()
