# expect: q1 q2 q5 gpu: q3_gpu
"""The lesson's own search: to a hundredth, over real numbers, for exp and three dtypes only."""

import warnings

import numpy as np


def find_overflow_threshold(dtype_str):
    number = {"float16": np.float16, "float32": np.float32}.get(dtype_str, np.float64)
    lower, upper = 0.0, 1000.0
    while upper - lower > 0.01:
        centre = (lower + upper) / 2
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            overflows = np.isinf(np.exp(number(centre)))
        if overflows:
            upper = centre
        else:
            lower = centre
    return lower
