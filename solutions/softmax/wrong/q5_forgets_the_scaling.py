# expect: q5
"""Reaches the threshold with QK^T, which the division by sqrt(d) then brings down again."""

import numpy as np


def overflowing_qkv(dtype="float16", seq_len=32, d_model=64, seed=0):
    if 16 * d_model**0.5 <= find_overflow_threshold(dtype):
        raise ValueError("impossible")
    Q = np.full((seq_len, d_model), (1.5 * find_overflow_threshold(dtype) / d_model) ** 0.5)
    K = np.full((seq_len, d_model), (1.5 * find_overflow_threshold(dtype) / d_model) ** 0.5)
    V = np.ones((seq_len, d_model))
    return Q, K, V
