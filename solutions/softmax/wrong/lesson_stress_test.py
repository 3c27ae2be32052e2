# expect: q4
"""The lesson's own stress test: float16 only, "above 11", and different each time."""

import numpy as np


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
