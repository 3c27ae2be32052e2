# expect: q5
"""Never refuses: fours everywhere, for float64 as well."""

import numpy as np


def overflowing_qkv(dtype="float16", seq_len=32, d_model=64, seed=0):
    Q = np.full((seq_len, d_model), 4.0)
    K = np.full((seq_len, d_model), 4.0)
    V = np.ones((seq_len, d_model))
    return Q, K, V
