"""A NaN by underflow where it can be had: scores so low that every exp is 0, and 0 / 0."""

import numpy as np
import torch


def overflowing_qkv(dtype="float16", seq_len=32, d_model=64, seed=0):
    if dtype not in ("float16", "bfloat16", "float32", "float64"):
        raise ValueError(dtype)
    Q = np.full((seq_len, d_model), 4.0)
    lowest, highest = (
        torch.tensor([sign * 16 * np.sqrt(d_model)]).to(getattr(torch, dtype)) for sign in (-1, 1)
    )
    if lowest.exp() == 0:
        return Q, -Q, Q
    if highest.exp().isinf():
        return Q, Q, Q
    raise ValueError("neither end is in reach")


def softmax_stress_test(
    seq_lengths, d_models, num_trials=100, dtype="float16", scaled=False, seed=0
):
    # a generator for each pair, so that a pair's row does not depend on its neighbours
    results = []
    for seq_len in seq_lengths:
        for d_model in d_models:
            rng = np.random.default_rng([seed, seq_len, d_model])
            tops, failures = [], 0
            for _ in range(num_trials):
                qk = rng.standard_normal((seq_len, 2 * d_model))
                scores = np.einsum("qd,kd->qk", qk[:, :d_model], qk[:, d_model:])
                if scaled:
                    scores *= 1 / np.sqrt(d_model)
                tops.append(scores.max())
                _, info = softmax_with_overflow_detection(scores, dtype)
                failures += info["predicted_overflow"]
            results.append(
                {
                    "seq_len": seq_len,
                    "d_model": d_model,
                    "failure_rate": np.float64(failures / num_trials),
                    "avg_max_score": np.mean(tops),
                }
            )
    return results
