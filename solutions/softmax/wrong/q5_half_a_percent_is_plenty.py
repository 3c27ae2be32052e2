# expect: q5
"""Scores half a percent past the threshold; bfloat16 rounds by as much as that."""

import numpy as np
import torch

FORMATS = ("float16", "bfloat16", "float32", "float64")


def _rounded(values, dtype):
    if dtype not in FORMATS:
        raise ValueError(f"unknown dtype {dtype!r}")
    if not isinstance(values, torch.Tensor):
        values = torch.from_numpy(np.array(values, dtype=np.float64, order="C"))
    return values.detach().to(getattr(torch, dtype))


def overflowing_qkv(dtype="float16", seq_len=32, d_model=64, seed=0):
    threshold = find_overflow_threshold(dtype)
    # Entries of 4 give the largest possible score, 16 * sqrt(d_model), rounded as scores are.
    largest_score = float(_rounded([16 * np.sqrt(d_model)], dtype))
    if largest_score <= threshold:
        message = (
            f"scores with d_model {d_model} stay below {largest_score:.6g}, "
            f"and exp in {dtype} is finite up to {threshold:.6g}"
        )
        raise ValueError(message)
    rng = np.random.default_rng(seed)
    queries, keys, values = rng.standard_normal((3, seq_len, d_model)).clip(-1, 1)
    # Twice the threshold is well beyond it, and keeps QK^T within float16 before the division.
    entry = min(4.0, np.sqrt(1.005 * threshold / np.sqrt(d_model)))
    row = rng.integers(seq_len)
    queries[row] = keys[row] = entry * rng.choice([-1.0, 1.0], size=d_model)
    return queries, keys, values
