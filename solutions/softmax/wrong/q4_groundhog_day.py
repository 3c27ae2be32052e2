# expect: q4
"""A new generator in each trial, so that all trials are the same one."""

import numpy as np


def softmax_stress_test(
    seq_lengths, d_models, num_trials=100, dtype="float16", scaled=False, seed=0
):
    rng = np.random.default_rng(seed)
    rows = []
    for seq_len in seq_lengths:
        for d_model in d_models:
            failures, largest = 0, []
            for _ in range(num_trials):
                rng = np.random.default_rng(seed)
                Q = rng.standard_normal((seq_len, d_model))
                K = rng.standard_normal((seq_len, d_model))
                scores = Q @ K.T
                if scaled:
                    scores = scores / np.sqrt(d_model)
                largest.append(scores.max())
                failures += analyze_softmax_safety(scores, dtype)["will_overflow"]
            rows.append(
                {
                    "seq_len": seq_len,
                    "d_model": d_model,
                    "failure_rate": failures / num_trials,
                    "avg_max_score": float(np.mean(largest)),
                }
            )
    return rows
