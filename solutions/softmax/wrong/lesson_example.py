# expect: q5
"""The lesson's own example: one key three times a query, which only breaks float16, with entries above 4."""

import numpy as np


def overflowing_qkv(dtype="float16", seq_len=32, d_model=64, seed=0):
    np.random.seed(42)
    Q = np.random.randn(seq_len, d_model)
    K = np.random.randn(seq_len, d_model)
    V = np.random.randn(seq_len, d_model)
    K[5] = Q[10] * 3
    return Q, K, V
