# expect: q2 q3 q4 gpu: q3_gpu
"""The lesson's own analysis: rounded limits, scores never converted, sums never looked at."""

import numpy as np


def analyze_softmax_safety(scores, dtype="float32"):
    limits = {"float16": (11.0, 65504.0), "float32": (88.0, 3.4e38)}
    safe, largest = limits.get(dtype, (709.0, 1.8e308))
    flat = scores.flatten()
    return {
        "dtype": dtype,
        "max_safe_input": safe,
        "dtype_max": largest,
        "scores_min": flat.min(),
        "scores_max": flat.max(),
        "will_overflow": flat.max() > safe,
        "overflow_count": (flat > safe).sum(),
        "total_values": len(flat),
    }
