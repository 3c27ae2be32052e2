# expect: q5
"""Standard normal entries, clipped at 4, and good luck."""

import numpy as np


def overflowing_qkv(dtype="float16", seq_len=32, d_model=64, seed=0):
    if 16 * d_model**0.5 <= find_overflow_threshold(dtype):
        raise ValueError("impossible")
    rng = np.random.default_rng(seed)
    Q = rng.standard_normal((seq_len, d_model)).clip(-4, 4)
    K = rng.standard_normal((seq_len, d_model)).clip(-4, 4)
    V = np.ones((seq_len, d_model))
    return Q, K, V
