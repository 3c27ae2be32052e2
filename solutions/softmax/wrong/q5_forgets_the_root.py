# expect: q5
"""Takes 16 for the largest score, whatever d_model is, so refuses what is possible."""

import numpy as np


def overflowing_qkv(dtype="float16", seq_len=32, d_model=64, seed=0):
    if 16 <= find_overflow_threshold(dtype):
        raise ValueError("impossible")
    Q = np.full((seq_len, d_model), 4.0)
    K = np.full((seq_len, d_model), 4.0)
    V = np.ones((seq_len, d_model))
    return Q, K, V
