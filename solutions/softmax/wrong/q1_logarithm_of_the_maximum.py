# expect: q1 q2 gpu: q3_gpu
"""log(max) is a real number between two values of the dtype, so rounding it may go up."""

import numpy as np
import torch


def find_overflow_threshold(dtype_str, op="exp", device="cpu"):
    inverse = {"exp": np.log, "exp2": np.log2, "square": np.sqrt, "sinh": np.arcsinh}
    if dtype_str not in ("float16", "bfloat16", "float32", "float64") or not hasattr(torch, op):
        raise ValueError("unknown dtype or op")
    dtype = getattr(torch, dtype_str)
    largest = torch.finfo(dtype).max
    if op not in inverse:
        return largest
    return torch.tensor(inverse[op](largest), dtype=torch.float64).to(dtype).item()
