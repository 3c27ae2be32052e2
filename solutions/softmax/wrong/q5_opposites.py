# expect: q5
"""Points the keys away from the queries, so that scores are very negative: exp is 0 sooner or later, in float32 only later."""

import numpy as np


def overflowing_qkv(dtype="float16", seq_len=32, d_model=64, seed=0):
    if 16 * d_model**0.5 <= find_overflow_threshold(dtype):
        raise ValueError("impossible")
    Q = np.full((seq_len, d_model), 4.0)
    K = np.full((seq_len, d_model), -4.0)
    V = np.ones((seq_len, d_model))
    return Q, K, V
