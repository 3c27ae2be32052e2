"""The answer to q1 is built bit by bit, and infinities are recognised by their bits."""

import numpy as np
import torch

# sign, exponent and mantissa bits
LAYOUT = {"float16": (5, 10), "bfloat16": (8, 7), "float32": (8, 23), "float64": (11, 52)}
INTS = {16: torch.int16, 32: torch.int32, 64: torch.int64}


def layout(dtype):
    if dtype not in LAYOUT:
        raise ValueError(dtype)
    exponent, mantissa = LAYOUT[dtype]
    return exponent, mantissa, INTS[1 + exponent + mantissa]


def find_overflow_threshold(dtype_str, op="exp", device="cpu"):
    exponent, mantissa, ints = layout(dtype_str)
    if op not in dir(torch):
        raise ValueError(op)
    infinity = (2**exponent - 1) << mantissa
    pattern = 0
    for bit in reversed(range(exponent + mantissa)):
        trial = pattern | (1 << bit)
        if trial >= infinity:
            continue
        x = torch.tensor([trial], dtype=ints, device=device).view(getattr(torch, dtype_str))
        y = getattr(torch, op)(x).view(ints)
        if int(y) & infinity != infinity:
            pattern = trial
    return torch.tensor([pattern], dtype=ints).view(getattr(torch, dtype_str)).item()


def bits_of(x, dtype):
    return x.view(layout(dtype)[2])


def infinity_of(dtype):
    exponent, mantissa, _ = layout(dtype)
    return (2**exponent - 1) << mantissa


def convert(scores, dtype):
    layout(dtype)
    if not torch.is_tensor(scores):
        scores = torch.tensor(np.array(scores, dtype=float))
    x = scores.to(getattr(torch, dtype)).contiguous()
    if not x.numel():
        raise ValueError("empty")
    sign_off = bits_of(x, dtype) & torch.iinfo(layout(dtype)[2]).max
    if (sign_off > infinity_of(dtype)).any():
        raise ValueError("NaN")
    return x


def analyze_softmax_safety(scores, dtype="float32"):
    x = convert(scores, dtype)
    e = x.exp()
    inf_bits = infinity_of(dtype)
    is_inf = bits_of(e, dtype) == inf_bits
    sum_inf = bits_of(e.sum(-1), dtype) == inf_bits
    hit = is_inf.any(-1)
    report = {
        "dtype": dtype,
        "max_safe_input": find_overflow_threshold(dtype),
        "dtype_max": torch.tensor([inf_bits - 1], dtype=layout(dtype)[2]).view(x.dtype).item(),
        "scores_min": x.min().item(),
        "scores_max": x.max().item(),
        "overflow_count": is_inf.sum().item(),
        "sum_overflow_rows": (sum_inf & ~hit).sum().item(),
        "underflow_rows": (bits_of(e, dtype) == 0).all(-1).sum().item(),
        "total_values": x.numel(),
    }
    report["will_overflow"] = sum_inf.any().item()
    return report


def softmax_with_overflow_detection(x, dtype="float32"):
    x = convert(x, dtype)
    e = x.exp()
    total = e.sum(-1, keepdim=True)
    probs = e / total
    has_inf = (bits_of(total, dtype) == infinity_of(dtype)).any().item()
    magnitude = bits_of(probs, dtype) & torch.iinfo(layout(dtype)[2]).max
    has_nan = (magnitude > infinity_of(dtype)).any().item()
    return probs, {
        "predicted_overflow": analyze_softmax_safety(x, dtype)["will_overflow"],
        "actual_overflow": has_inf or has_nan,
        "has_inf": has_inf,
        "has_nan": has_nan,
    }


def overflowing_qkv(dtype="float16", seq_len=32, d_model=64, seed=0):
    # one query and one key that agree, in a crowd of small noise
    if find_overflow_threshold(dtype) >= float(
        torch.tensor(16 * d_model**0.5).to(getattr(torch, dtype))
    ):
        raise ValueError("no such Q, K and V")
    rng = np.random.default_rng(seed)
    Q, K, V = (rng.uniform(-0.25, 0.25, size=(seq_len, d_model)) for _ in "QKV")
    Q[-1], K[0] = -4, -4
    return Q, K, V


quiz_exp0 = 1
quiz_fp16_threshold = "b"
quiz_naive_1000 = "c"
quiz_why_scale = "d"
