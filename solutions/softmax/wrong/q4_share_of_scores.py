# expect: q4
"""failure_rate is the share of scores that overflow, not of trials that fail."""

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
                Q = rng.standard_normal((seq_len, d_model))
                K = rng.standard_normal((seq_len, d_model))
                scores = Q @ K.T
                if scaled:
                    scores = scores / np.sqrt(d_model)
                largest.append(scores.max())
                failures += analyze_softmax_safety(scores, dtype)["overflow_count"] / scores.size
            rows.append(
                {
                    "seq_len": seq_len,
                    "d_model": d_model,
                    "failure_rate": failures / num_trials,
                    "avg_max_score": float(np.mean(largest)),
                }
            )
    return rows
