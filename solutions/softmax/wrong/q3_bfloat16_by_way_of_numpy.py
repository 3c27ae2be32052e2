# expect: q3
"""NumPy has no bfloat16, so float32 stands in and the result is rounded once."""

import numpy as np
import torch


def softmax_with_overflow_detection(x, dtype="float32"):
    if not isinstance(x, torch.Tensor):
        x = torch.tensor(np.array(x, dtype=np.float64))
    predicted = analyze_softmax_safety(x, dtype)["will_overflow"]
    working = {"bfloat16": "float32"}.get(dtype, dtype)
    x = x.to(getattr(torch, working))
    e = torch.exp(x)
    total = e.sum(dim=-1, keepdim=True)
    probs = (e / total).to(getattr(torch, dtype))
    has_inf = bool(torch.isinf(e).any() or torch.isinf(total).any())
    has_nan = bool(torch.isnan(probs).any())
    return probs, {
        "predicted_overflow": predicted,
        "has_inf": has_inf,
        "has_nan": has_nan,
        "actual_overflow": has_inf or has_nan,
    }
