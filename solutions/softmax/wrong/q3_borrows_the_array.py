# expect: q3
"""A float32 array is in the right format already, so its memory will do for the exponentials."""

import numpy as np
import torch

FORMATS = ("float16", "bfloat16", "float32", "float64")


def _rounded(values, dtype):
    if dtype not in FORMATS:
        raise ValueError(f"unknown dtype {dtype!r}")
    if not isinstance(values, torch.Tensor):
        values = torch.from_numpy(np.array(values, dtype=np.float64, order="C"))
    return values.detach().to(getattr(torch, dtype))


def softmax_with_overflow_detection(x, dtype="float32"):
    rounded = _rounded(x, dtype)
    predicted = analyze_softmax_safety(rounded, dtype)["will_overflow"]
    if isinstance(x, np.ndarray) and x.dtype == np.float32 and dtype == "float32":
        exp = torch.from_numpy(np.exp(x, out=x))
    else:
        exp = rounded.exp()
    row_sum = exp.sum(dim=-1, keepdim=True)
    probs = exp / row_sum
    has_inf = bool(exp.isinf().any()) or bool(row_sum.isinf().any())
    has_nan = bool(probs.isnan().any())
    return probs, {
        "predicted_overflow": bool(predicted),
        "has_inf": has_inf,
        "has_nan": has_nan,
        "actual_overflow": has_inf or has_nan,
    }
