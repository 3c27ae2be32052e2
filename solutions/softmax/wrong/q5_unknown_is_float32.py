# expect: q5
"""Any other name is taken for float32."""

import numpy as np


def overflowing_qkv(dtype="float16", seq_len=32, d_model=64, seed=0):
    limit = {"float16": 11.0859375, "bfloat16": 88.5, "float64": 709.782}.get(dtype, 88.722)
    if 16 * np.sqrt(d_model) <= limit:
        raise ValueError("no entries up to 4 break this format")
    entry = min(4.0, np.sqrt(2 * limit / np.sqrt(d_model)))
    rows = np.full((seq_len, d_model), entry)
    return rows, rows, np.ones((seq_len, d_model))
