# expect: q1 q2 gpu: q3_gpu
"""11, 88 and 709: everybody knows them, and all of them are rounded."""

def find_overflow_threshold(dtype_str, op="exp", device="cpu"):
    known = {"float16": 11.0, "bfloat16": 88.0, "float32": 88.0, "float64": 709.0}
    if dtype_str not in known:
        raise ValueError("never heard of " + dtype_str)
    return known[dtype_str]
