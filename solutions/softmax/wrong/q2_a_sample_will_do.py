# expect: q2 q3 q4
"""The first 32 scores of a row are sample enough to judge its sum."""

import numpy as np
import torch

FORMATS = ("float16", "bfloat16", "float32", "float64")


def _rounded(values, dtype):
    if dtype not in FORMATS:
        raise ValueError(f"unknown dtype {dtype!r}")
    if not isinstance(values, torch.Tensor):
        values = torch.from_numpy(np.array(values, dtype=np.float64, order="C"))
    return values.detach().to(getattr(torch, dtype))


def analyze_softmax_safety(scores, dtype="float32"):
    x = _rounded(scores, dtype)
    if x.ndim == 0 or x.numel() == 0:
        message = "scores must hold at least one row with at least one score"
        raise ValueError(message)
    exp = x.exp()
    # Most questions are about rows; only rows with an inf are looked at entry by entry.
    largest_exp = exp.amax(dim=-1)
    if bool(largest_exp.isnan().any()):
        message = "scores must not hold NaN"
        raise ValueError(message)
    infinite = largest_exp.isinf()
    overflow_count = int(exp[infinite].isinf().sum())
    sum_overflow_rows = int((exp[..., :32].sum(dim=-1).isinf() & ~infinite).sum())
    return {
        "dtype": dtype,
        "max_safe_input": find_overflow_threshold(dtype),
        "dtype_max": float(torch.finfo(x.dtype).max),
        "scores_min": float(x.min()),
        "scores_max": float(x.max()),
        "overflow_count": overflow_count,
        "sum_overflow_rows": sum_overflow_rows,
        "underflow_rows": int((largest_exp == 0).sum()),
        "will_overflow": overflow_count > 0 or sum_overflow_rows > 0,
        "total_values": x.numel(),
    }
