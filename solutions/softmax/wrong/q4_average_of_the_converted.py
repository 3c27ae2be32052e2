# expect: q4
"""avg_max_score is made of what analyze_softmax_safety calls scores_max: rounded to the format."""

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
                found = analyze_softmax_safety(scores, dtype)
                largest.append(found["scores_max"])
                failures += found["will_overflow"]
            rows.append(
                {
                    "seq_len": seq_len,
                    "d_model": d_model,
                    "failure_rate": failures / num_trials,
                    "avg_max_score": float(np.mean(largest)),
                }
            )
    return rows
