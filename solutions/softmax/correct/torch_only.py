"""Torch from end to end; NumPy appears for the generator that the task asks for."""

import numpy as np
import torch

NAMES = ["float16", "bfloat16", "float32", "float64"]


def dtype_named(name):
    if name not in NAMES:
        raise ValueError(f"{name} is not one of {NAMES}")
    return getattr(torch, name)


def find_overflow_threshold(dtype_str, op="exp", device="cpu"):
    dtype = dtype_named(dtype_str)
    f = getattr(torch, op, None)
    if not callable(f):
        raise ValueError(f"torch has no function {op}")
    bits = {2: torch.int16, 4: torch.int32, 8: torch.int64}[dtype.itemsize]
    inf = torch.tensor(float("inf"), dtype=dtype, device=device).view(bits)
    low = torch.zeros((), dtype=bits, device=device)
    high = inf.clone()
    # inf itself is the first candidate known to be bad, whatever the function makes of it
    while high - low > 1:
        middle = low + (high - low) // 2
        if f(middle.view(dtype)).isfinite():
            low = middle
        else:
            high = middle
    return low.view(dtype).item()


def to_tensor(x, dtype):
    x = torch.as_tensor(x if isinstance(x, torch.Tensor) else np.asarray(x))
    if x.numel() == 0 or x.isnan().any():
        raise ValueError("x is empty or holds NaN")
    return x.to(dtype_named(dtype))


def analyze_softmax_safety(scores, dtype="float32"):
    x = to_tensor(scores, dtype)
    e = torch.exp(x)
    finite = torch.isfinite(e)
    rows_ok = finite.all(-1)
    sum_bad = torch.logical_and(rows_ok, ~torch.isfinite(e.sum(-1)))
    count = (~finite).sum().item()
    return {
        "dtype": dtype,
        "max_safe_input": find_overflow_threshold(dtype),
        "dtype_max": torch.finfo(x.dtype).max,
        "scores_min": x.min().item(),
        "scores_max": x.max().item(),
        "overflow_count": count,
        "sum_overflow_rows": sum_bad.sum().item(),
        "underflow_rows": torch.eq(e, 0).all(-1).sum().item(),
        "will_overflow": count > 0 or sum_bad.any().item(),
        "total_values": x.numel(),
    }


def softmax_with_overflow_detection(x, dtype="float32"):
    x = to_tensor(x, dtype)
    e = torch.exp(x)
    s = torch.sum(e, dim=-1, keepdim=True)
    p = torch.div(e, s)
    has_inf = torch.isinf(s).any().item()  # an infinite exp makes its sum infinite too
    has_nan = torch.isnan(p).any().item()
    info = {"has_inf": has_inf, "has_nan": has_nan, "actual_overflow": has_inf or has_nan}
    info["predicted_overflow"] = analyze_softmax_safety(x, dtype)["will_overflow"]
    return p, info


def softmax_stress_test(
    seq_lengths, d_models, num_trials=100, dtype="float16", scaled=False, seed=0
):
    rng = np.random.default_rng(seed)
    table = []
    for n in seq_lengths:
        for d in d_models:
            fails, top = [], []
            for _ in range(num_trials):
                q = torch.from_numpy(rng.standard_normal((n, d)))
                k = torch.from_numpy(rng.standard_normal((n, d)))
                s = q @ k.T * (d**-0.5 if scaled else 1)
                top.append(s.max())
                fails.append(analyze_softmax_safety(s, dtype)["will_overflow"])
            table.append(
                dict(
                    seq_len=n,
                    d_model=d,
                    failure_rate=sum(fails) / num_trials,
                    avg_max_score=torch.stack(top).mean().item(),
                )
            )
    return table


def overflowing_qkv(dtype="float16", seq_len=32, d_model=64, seed=0):
    Q = torch.full((seq_len, d_model), 4.0, dtype=torch.float64)
    top = (Q[0] @ Q[0] / d_model**0.5).to(dtype_named(dtype))
    if top.exp().isfinite():
        raise ValueError(f"16 * sqrt({d_model}) is harmless in {dtype}")
    return Q.to(top.dtype), Q.to(top.dtype), torch.ones_like(Q)


quiz_exp0 = 1
quiz_fp16_threshold = "b"
quiz_naive_1000 = "c"
quiz_why_scale = "d"
