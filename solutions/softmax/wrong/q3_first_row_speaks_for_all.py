# expect: q3 gpu: q3_gpu
"""Only the first row is examined."""

import numpy as np
import torch


def softmax_with_overflow_detection(x, dtype="float32"):
    if not isinstance(x, torch.Tensor):
        x = torch.tensor(np.array(x, dtype=np.float64))
    predicted = analyze_softmax_safety(x, dtype)["will_overflow"]
    x = x.to(getattr(torch, dtype))
    e = torch.exp(x)
    total = e.sum(dim=-1, keepdim=True)
    probs = e / total
    rows = probs.reshape(-1, probs.shape[-1])
    has_inf = bool(torch.isinf(e).reshape(rows.shape)[0].any() or torch.isinf(total.flatten()[0]))
    has_nan = bool(torch.isnan(rows[0]).any())
    return probs, {
        "predicted_overflow": predicted,
        "has_inf": has_inf,
        "has_nan": has_nan,
        "actual_overflow": has_inf or has_nan,
    }
