# expect: q1 q2 q5 gpu: q3_gpu
"""The first value that overflows, not the last that does not."""

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
    low, high = 0, int(torch.tensor(float("inf"), dtype=dtype).view(ints))
    while high - low > 1:
        middle = (low + high) // 2
        x = torch.tensor(middle, dtype=ints, device=device).view(dtype)
        if torch.isfinite(getattr(torch, op)(x)):
            low = middle
        else:
            high = middle
    return torch.tensor(high, dtype=ints).view(dtype).item()
