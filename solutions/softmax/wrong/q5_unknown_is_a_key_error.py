# expect: q5
"""Looks the limit up in a table, and a name that is not in there is a KeyError."""

import numpy as np

LIMITS = {"float16": 11.0859375, "bfloat16": 88.5, "float32": 88.722, "float64": 709.782}


def overflowing_qkv(dtype="float16", seq_len=32, d_model=64, seed=0):
    limit = LIMITS[dtype]
    if 16 * np.sqrt(d_model) <= limit:
        raise ValueError("no entries up to 4 break this format")
    entry = min(4.0, np.sqrt(2 * limit / np.sqrt(d_model)))
    rows = np.full((seq_len, d_model), entry)
    return rows, rows, np.ones((seq_len, d_model))
