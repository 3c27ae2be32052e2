"""Everything a loop: one power of two, one row, one trial at a time."""

import math

import numpy as np
import torch

DTYPES = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
}


def find_overflow_threshold(dtype_str, op="exp", device="cpu"):
    if dtype_str not in DTYPES:
        raise ValueError("no such dtype: " + str(dtype_str))
    if not hasattr(torch, op):
        raise ValueError("no such op: " + str(op))
    dtype = DTYPES[dtype_str]
    largest = torch.finfo(dtype).max
    # build the answer from powers of two, largest first, keeping each one that fits
    x = 0.0
    for exponent in range(1023, -1075, -1):
        candidate = x + 2.0**exponent
        if candidate > largest:
            continue
        tensor = torch.tensor([candidate], dtype=dtype, device=device)
        if tensor.item() != candidate:
            break
        if torch.isfinite(getattr(torch, op)(tensor)).item():
            x = candidate
    return x


def analyze_softmax_safety(scores, dtype="float32"):
    threshold = find_overflow_threshold(dtype)
    if isinstance(scores, torch.Tensor):
        x = scores.to(DTYPES[dtype])
    else:
        x = torch.tensor(np.array(scores, dtype=np.float64)).to(DTYPES[dtype])
    if x.numel() == 0:
        raise ValueError("no scores")
    overflow_count = 0
    sum_overflow_rows = 0
    underflow_rows = 0
    for row in x.reshape(-1, x.shape[-1]):
        if torch.isnan(row).any().item():
            raise ValueError("NaN in the scores")
        too_large = (row > threshold).sum().item()
        overflow_count += too_large
        e = torch.exp(row)
        total = e.sum()
        if too_large == 0 and math.isinf(total.item()):
            sum_overflow_rows += 1
        if e.max().item() == 0.0:
            underflow_rows += 1
    return {
        "dtype": dtype,
        "max_safe_input": threshold,
        "dtype_max": torch.finfo(DTYPES[dtype]).max,
        "scores_min": x.min().item(),
        "scores_max": x.max().item(),
        "overflow_count": overflow_count,
        "sum_overflow_rows": sum_overflow_rows,
        "underflow_rows": underflow_rows,
        "will_overflow": overflow_count + sum_overflow_rows > 0,
        "total_values": x.numel(),
    }


def softmax_with_overflow_detection(x, dtype="float32"):
    predicted = analyze_softmax_safety(x, dtype)["will_overflow"]
    if not isinstance(x, torch.Tensor):
        x = torch.tensor(np.array(x, dtype=np.float64))
    x = x.to(DTYPES[dtype])
    rows = x.reshape(-1, x.shape[-1])
    probs = torch.zeros_like(rows)
    has_inf = False
    has_nan = False
    for i in range(len(rows)):
        e = [torch.exp(score) for score in rows[i]]
        # one addition at a time, in the dtype
        total = torch.zeros((), dtype=x.dtype, device=x.device)
        for value in e:
            total = total + value
            if torch.isinf(value):
                has_inf = True
        if torch.isinf(total):
            has_inf = True
        for j in range(len(e)):
            probs[i, j] = e[j] / total
            if torch.isnan(probs[i, j]):
                has_nan = True
    info = {
        "predicted_overflow": predicted,
        "has_inf": has_inf,
        "has_nan": has_nan,
        "actual_overflow": has_inf or has_nan,
    }
    return probs.reshape(x.shape), info


def softmax_stress_test(
    seq_lengths, d_models, num_trials=100, dtype="float16", scaled=False, seed=0
):
    rng = np.random.default_rng(seed)
    results = []
    for seq_len in seq_lengths:
        for d_model in d_models:
            failures = 0
            total = 0.0
            for trial in range(num_trials):
                Q = rng.normal(size=(seq_len, d_model))
                K = rng.normal(size=(seq_len, d_model))
                scores = Q @ K.T
                if scaled:
                    scores = scores / math.sqrt(d_model)
                total += scores.max()
                if analyze_softmax_safety(scores, dtype)["will_overflow"]:
                    failures += 1
            results.append(
                {
                    "seq_len": seq_len,
                    "d_model": d_model,
                    "failure_rate": failures / num_trials,
                    "avg_max_score": total / num_trials,
                }
            )
    return results


def overflowing_qkv(dtype="float16", seq_len=32, d_model=64, seed=0):
    threshold = find_overflow_threshold(dtype)
    largest = torch.tensor(16 * math.sqrt(d_model), dtype=DTYPES[dtype]).item()
    if largest <= threshold:
        raise ValueError("entries of at most 4 cannot overflow here")
    Q = np.zeros((seq_len, d_model))
    K = np.zeros((seq_len, d_model))
    V = np.zeros((seq_len, d_model))
    for j in range(d_model):
        Q[0, j] = 4.0
        K[0, j] = 4.0
        V[0, j] = 1.0
    return Q, K, V


quiz_exp0 = 1
quiz_fp16_threshold = "b"
quiz_naive_1000 = "c"
quiz_why_scale = "d"
