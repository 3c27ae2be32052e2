# expect: q5
"""Hides a NaN in V, where every softmax must find it."""

import numpy as np


def overflowing_qkv(dtype="float16", seq_len=32, d_model=64, seed=0):
    if 16 * d_model**0.5 <= find_overflow_threshold(dtype):
        raise ValueError("impossible")
    Q = np.full((seq_len, d_model), 4.0)
    K = np.full((seq_len, d_model), 4.0)
    V = np.ones((seq_len, d_model))
    V[0, 0] = np.nan
    return Q, K, V
