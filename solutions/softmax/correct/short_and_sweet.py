"""As few lines as stay readable."""

from bisect import bisect_left

import numpy as np
import torch

BITS = dict(float16=torch.int16, bfloat16=torch.int16, float32=torch.int32, float64=torch.int64)


def find_overflow_threshold(dtype_str, op="exp", device="cpu"):
    if dtype_str not in BITS or not hasattr(torch, op):
        raise ValueError(f"unknown dtype or op: {dtype_str}, {op}")
    ints, dtype, f = BITS[dtype_str], getattr(torch, dtype_str), getattr(torch, op)
    value = lambda n: torch.tensor(n, dtype=ints, device=device).view(dtype)
    first_inf = int(torch.tensor(torch.inf, dtype=dtype).view(ints))
    broken = lambda n: bool(f(value(n)).isinf())
    return value(bisect_left(range(first_inf), True, key=broken) - 1).item()


def naive(scores, dtype):
    if dtype not in BITS:
        raise ValueError(dtype)
    x = torch.as_tensor(scores if torch.is_tensor(scores) else np.asarray(scores))
    x = x.to(getattr(torch, dtype))
    if not x.numel() or x.isnan().any():
        raise ValueError("the scores are empty or hold NaN")
    e = x.exp()
    return x, e, e.sum(-1, keepdim=True)


def analyze_softmax_safety(scores, dtype="float32"):
    x, e, s = naive(scores, dtype)
    ninf = e.isinf().sum(-1, keepdim=True)
    return {
        "dtype": dtype,
        "max_safe_input": find_overflow_threshold(dtype),
        "dtype_max": torch.finfo(x.dtype).max,
        "scores_min": x.min().item(),
        "scores_max": x.max().item(),
        "overflow_count": ninf.sum().item(),
        "sum_overflow_rows": (s.isinf() & (ninf == 0)).sum().item(),
        "underflow_rows": (s == 0).sum().item(),
        "will_overflow": s.isinf().any().item(),
        "total_values": x.numel(),
    }


def softmax_with_overflow_detection(x, dtype="float32"):
    _, e, s = naive(x, dtype)
    inf, nan = s.isinf().any().item(), (e / s).isnan().any().item()
    # the prediction and the sums are the same computation
    return e / s, dict(
        predicted_overflow=inf, has_inf=inf, has_nan=nan, actual_overflow=inf or nan
    )


def softmax_stress_test(
    seq_lengths, d_models, num_trials=100, dtype="float16", scaled=False, seed=0
):
    rng = np.random.default_rng(seed)

    def row(n, d):
        draw = lambda: rng.standard_normal((n, d)) / (d**0.25 if scaled else 1)
        trials = [draw() @ draw().T for _ in range(num_trials)]
        return {
            "seq_len": n,
            "d_model": d,
            "failure_rate": sum(naive(t, dtype)[2].isinf().any().item() for t in trials)
            / num_trials,
            "avg_max_score": float(np.mean([t.max() for t in trials])),
        }

    return [row(n, d) for n in seq_lengths for d in d_models]


def overflowing_qkv(dtype="float16", seq_len=32, d_model=64, seed=0):
    Q = np.full((seq_len, d_model), 4.0)
    if not analyze_softmax_safety([16 * d_model**0.5], dtype)["overflow_count"]:
        raise ValueError("no entries up to 4 can do it")
    return Q, Q, Q


quiz_exp0 = 1
quiz_fp16_threshold = "b"
quiz_naive_1000 = "c"
quiz_why_scale = "d"
