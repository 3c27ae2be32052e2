# expect: q1
"""Whatever torch has is a dtype, and its errors are left to speak for themselves."""

import torch


def find_overflow_threshold(dtype_str, op="exp", device="cpu"):
    kinds = {
        "float16": torch.int16,
        "bfloat16": torch.int16,
        "float32": torch.int32,
        "float64": torch.int64,
    }
    dtype = getattr(torch, dtype_str)
    ints = {2: torch.int16, 4: torch.int32, 8: torch.int64}[torch.finfo(dtype).bits // 8]
    low, high = 0, int(torch.tensor(float("inf"), dtype=dtype).view(ints))
    while high - low > 1:
        middle = (low + high) // 2
        x = torch.tensor(middle, dtype=ints, device=device).view(dtype)
        if torch.isfinite(getattr(torch, op)(x)):
            low = middle
        else:
            high = middle
    return torch.tensor(low, dtype=ints).view(dtype).item()
