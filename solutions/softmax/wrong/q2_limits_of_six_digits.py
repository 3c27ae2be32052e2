# expect: q2 q3
"""Wide formats are compared with limits of six digits, which are a little too small."""

import numpy as np
import torch


def analyze_softmax_safety(scores, dtype="float32"):
    limit = find_overflow_threshold(dtype)
    if not isinstance(scores, torch.Tensor):
        scores = torch.tensor(np.array(scores, dtype=np.float64))
    x = scores.to(getattr(torch, dtype))
    if x.numel() == 0 or x.isnan().any():
        raise ValueError("no scores, or NaN among them")
    e = x.exp()
    short = {"bfloat16": 88.5, "float32": 88.7228, "float64": 709.782}.get(dtype, limit)
    too_large = x > short
    sum_only = e.sum(-1).isinf() & ~too_large.any(-1)
    vanished = (e == 0).all(-1)
    return {
        "dtype": dtype,
        "max_safe_input": limit,
        "dtype_max": torch.finfo(x.dtype).max,
        "scores_min": x.min().item(),
        "scores_max": x.max().item(),
        "overflow_count": too_large.sum().item(),
        "sum_overflow_rows": sum_only.sum().item(),
        "underflow_rows": vanished.sum().item(),
        "will_overflow": (too_large.any() or sum_only.any()).item(),
        "total_values": x.numel(),
    }
