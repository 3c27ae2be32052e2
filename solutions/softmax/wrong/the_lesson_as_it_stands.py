# expect: q1 q2 q3 q4 q5 gpu: q3_gpu
"""Every function of the lesson, typed in as it stands."""

import warnings

import numpy as np


def find_overflow_threshold(dtype_str):
    number = {"float16": np.float16, "float32": np.float32}.get(dtype_str, np.float64)
    lower, upper = 0.0, 1000.0
    while upper - lower > 0.01:
        centre = (lower + upper) / 2
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            overflows = np.isinf(np.exp(number(centre)))
        if overflows:
            upper = centre
        else:
            lower = centre
    return lower


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


def softmax_stress_test(seq_lengths, d_models, num_trials=100):
    rows = []
    for seq_len in seq_lengths:
        for d_model in d_models:
            failures, largest = 0, []
            for _ in range(num_trials):
                Q = np.random.randn(seq_len, d_model)
                K = np.random.randn(seq_len, d_model)
                scores = Q @ K.T
                largest.append(scores.max())
                failures += scores.max() > 11
            rows.append(
                {
                    "seq_len": seq_len,
                    "d_model": d_model,
                    "failure_rate": failures / num_trials,
                    "avg_max_score": np.mean(largest),
                }
            )
    return rows


def overflowing_qkv(dtype="float16", seq_len=32, d_model=64, seed=0):
    np.random.seed(42)
    Q = np.random.randn(seq_len, d_model)
    K = np.random.randn(seq_len, d_model)
    V = np.random.randn(seq_len, d_model)
    K[5] = Q[10] * 3
    return Q, K, V
