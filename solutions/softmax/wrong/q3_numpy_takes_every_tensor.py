# expect: q3
"""Hands x.numpy() to analyze_softmax_safety, which raises for a bfloat16 tensor."""

import numpy as np
import torch


def softmax_with_overflow_detection(x, dtype="float32"):
    given = x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else np.array(x)
    predicted = analyze_softmax_safety(given, dtype)["will_overflow"]
    if not isinstance(x, torch.Tensor):
        x = torch.tensor(given.astype(np.float64))
    x = x.detach().to(getattr(torch, dtype))
    e = torch.exp(x)
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
