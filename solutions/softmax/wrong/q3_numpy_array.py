# expect: q3 gpu: q3_gpu
"""Returns probs as a NumPy array."""

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
    has_inf = bool(torch.isinf(e).any() or torch.isinf(total).any())
    has_nan = bool(torch.isnan(probs).any())
    probs = probs.float().cpu().numpy()
    return probs, {
        "predicted_overflow": predicted,
        "has_inf": has_inf,
        "has_nan": has_nan,
        "actual_overflow": has_inf or has_nan,
    }
