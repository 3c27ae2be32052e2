# expect: q5
"""Whether scores can break a format is decided by round numbers."""

import numpy as np


def overflowing_qkv(dtype="float16", seq_len=32, d_model=64, seed=0):
    limits = {"float16": 11, "bfloat16": 87, "float32": 87, "float64": 690}
    if dtype not in limits or 16 * np.sqrt(d_model) <= limits[dtype]:
        raise ValueError("no entries up to 4 break this format")
    rng = np.random.default_rng(seed)
    Q, K, V = rng.standard_normal((3, seq_len, d_model)).clip(-1, 1)
    entry = min(4.0, np.sqrt(2 * find_overflow_threshold(dtype) / np.sqrt(d_model)))
    row = rng.integers(seq_len)
    Q[row] = K[row] = entry * rng.choice([-1.0, 1.0], size=d_model)
    return Q, K, V
