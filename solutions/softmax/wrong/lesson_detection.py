# expect: q3 gpu: q3_gpu
"""The lesson's own detector: it is told the dtype and never applies it."""

import warnings

import numpy as np


def softmax_with_overflow_detection(x, dtype="float32"):
    analysis = analyze_softmax_safety(x, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exp_x = np.exp(x)
        probs = exp_x / exp_x.sum(axis=-1, keepdims=True)
    has_inf = np.isinf(exp_x).any()
    has_nan = np.isnan(probs).any()
    return probs, {
        "predicted_overflow": analysis["will_overflow"],
        "actual_overflow": has_inf or has_nan,
        "has_inf": has_inf,
        "has_nan": has_nan,
    }
