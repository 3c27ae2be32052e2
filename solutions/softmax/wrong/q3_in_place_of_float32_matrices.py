# expect: q3
"""A float32 matrix of NumPy is worked on in place, where that is the format asked for."""

import numpy as np
import torch


def softmax_with_overflow_detection(x, dtype="float32"):
    is_array = isinstance(x, np.ndarray) and x.ndim == 2 and x.dtype == dtype == "float32"
    if not isinstance(x, torch.Tensor):
        x = torch.from_numpy(x if is_array else np.array(x, np.float64))
    predicted = analyze_softmax_safety(x, dtype)["will_overflow"]
    x = x.to(getattr(torch, dtype))
    e = x.exp_() if is_array else x.exp()
    total = e.sum(dim=-1, keepdim=True)
    probs = e / total
    has_inf = bool(torch.isinf(e).any() or torch.isinf(total).any())
    has_nan = bool(torch.isnan(probs).any())
    return probs, {
        "predicted_overflow": predicted,
        "has_inf": has_inf,
        "has_nan": has_nan,
        "actual_overflow": has_inf or has_nan,
    }
