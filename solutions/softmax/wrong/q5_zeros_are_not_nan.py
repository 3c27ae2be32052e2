# expect: q5
"""Only the row sums overflow, and a number / inf is 0, not NaN."""

import numpy as np


def overflowing_qkv(dtype="float16", seq_len=32, d_model=64, seed=0):
    if 16 * d_model**0.5 <= find_overflow_threshold(dtype):
        raise ValueError("impossible")
    Q = np.full((seq_len, d_model), (min(16, 10.5 / d_model**0.5)) ** 0.5)
    K = np.full((seq_len, d_model), (min(16, 10.5 / d_model**0.5)) ** 0.5)
    V = np.ones((seq_len, d_model))
    return Q, K, V
