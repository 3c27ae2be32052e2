# expect: q5
"""Returns seq_len x seq_len matrices, the shape of the scores."""

import numpy as np


def overflowing_qkv(dtype="float16", seq_len=32, d_model=64, seed=0):
    if 16 * d_model**0.5 <= find_overflow_threshold(dtype):
        raise ValueError("impossible")
    Q = np.full((seq_len, seq_len), 4.0)
    K = np.full((seq_len, seq_len), 4.0)
    V = np.ones((seq_len, seq_len))
    return Q, K, V
