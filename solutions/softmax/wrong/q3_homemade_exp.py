# expect: q3
"""Powers of e from a list times a short series for the rest: good to nine digits, and no further."""

import math

import numpy as np
import torch

FORMATS = ("float16", "bfloat16", "float32", "float64")


def _rounded(values, dtype):
    if dtype not in FORMATS:
        raise ValueError(f"unknown dtype {dtype!r}")
    if not isinstance(values, torch.Tensor):
        values = torch.from_numpy(np.array(values, dtype=np.float64, order="C"))
    return values.detach().to(getattr(torch, dtype))


def _exp(x):
    wide = x.double()
    whole = wide.floor().clamp(-20, 20)
    rest = wide - whole
    series = sum(rest**power / math.factorial(power) for power in range(12))
    powers = torch.tensor([math.exp(power) for power in range(-20, 21)], dtype=torch.float64)
    product = powers[(whole.nan_to_num() + 20).long()] * series
    return torch.where(wide.abs() < 20, product.to(x.dtype), x.exp())


def softmax_with_overflow_detection(x, dtype="float32"):
    rounded = _rounded(x, dtype)
    predicted = analyze_softmax_safety(rounded, dtype)["will_overflow"]
    exp = _exp(rounded)
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
