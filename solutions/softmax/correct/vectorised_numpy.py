"""NumPy wherever NumPy has the dtype; torch only for bfloat16 and the search."""

import numpy as np
import torch


def find_overflow_threshold(dtype_str, op="exp", device="cpu"):
    try:
        width = {"float16": 16, "bfloat16": 16, "float32": 32, "float64": 64}[dtype_str]
        f = getattr(torch, op)
    except (KeyError, AttributeError) as error:
        raise ValueError(f"unknown name {error}") from error
    dtype, ints = getattr(torch, dtype_str), f"int{width}"

    def finite(patterns):
        x = torch.from_numpy(np.asarray(patterns).astype(ints)).to(device).view(dtype)
        return torch.isfinite(f(x)).cpu().numpy()

    # 65 patterns a round; the last finite one is where the next round starts
    top = int(torch.tensor([torch.finfo(dtype).max], dtype=dtype).view(getattr(torch, ints)))
    low, high = 0, top
    while True:
        grid = [low + (high - low) * k // 64 for k in range(65)]
        good = int(np.flatnonzero(finite(grid))[-1])
        if good == 64 or high - low <= 1:
            answer = grid[good]
            break
        low, high = grid[good], grid[good + 1]
    return torch.from_numpy(np.array([answer]).astype(ints)).view(dtype).item()


def as_array(scores, dtype):
    """Values of dtype, held in a float32 array for bfloat16."""
    if isinstance(scores, torch.Tensor):
        scores = scores.detach().cpu().double().numpy()
    scores = np.asarray(scores, dtype=np.float64)
    if dtype == "bfloat16":
        return to_bfloat16(scores)
    return scores.astype(dtype)


def to_bfloat16(values):
    return torch.from_numpy(np.array(values)).to(torch.bfloat16).float().numpy()


def naive_parts(scores, dtype):
    with np.errstate(all="ignore"):
        x = as_array(scores, dtype)
        keep = to_bfloat16 if dtype == "bfloat16" else (lambda values: values)
        e = keep(np.exp(x))
        total = keep(e.sum(axis=-1, keepdims=True))
        return x, e, total, keep(e / total)


def analyze_softmax_safety(scores, dtype="float32"):
    limit = find_overflow_threshold(dtype)
    if np.size(scores) == 0:
        raise ValueError("empty")
    x, e, total, _ = naive_parts(scores, dtype)
    if np.isnan(x).any():
        raise ValueError("NaN")
    bad = np.isinf(e)
    only_sum = np.isinf(total[..., 0]) & ~bad.any(axis=-1)
    return {
        "dtype": dtype,
        "max_safe_input": limit,
        "dtype_max": float(torch.finfo(getattr(torch, dtype)).max),
        "scores_min": float(x.min()),
        "scores_max": float(x.max()),
        "overflow_count": int(bad.sum()),
        "sum_overflow_rows": int(only_sum.sum()),
        "underflow_rows": int((e == 0).all(axis=-1).sum()),
        "will_overflow": bool(bad.any() or only_sum.any()),
        "total_values": int(x.size),
    }


def softmax_with_overflow_detection(x, dtype="float32"):
    device = x.device if isinstance(x, torch.Tensor) else "cpu"
    predicted = analyze_softmax_safety(x, dtype)["will_overflow"]
    _, e, total, probs = naive_parts(x, dtype)
    has_inf = bool(np.isinf(e).any() or np.isinf(total).any())
    has_nan = bool(np.isnan(probs).any())
    probs = torch.from_numpy(np.ascontiguousarray(probs)).to(device, getattr(torch, dtype))
    return probs, {
        "predicted_overflow": predicted,
        "has_inf": has_inf,
        "has_nan": has_nan,
        "actual_overflow": has_inf | has_nan,
    }


def softmax_stress_test(
    seq_lengths, d_models, num_trials=100, dtype="float16", scaled=False, seed=0
):
    rng = np.random.default_rng(seed)
    out = []
    for n in seq_lengths:
        for d in d_models:
            failed = np.zeros(num_trials, dtype=bool)
            top = np.zeros(num_trials)
            # all trials of a pair in batches of a million scores
            batch = max(1, 10**6 // (n * n))
            for start in range(0, num_trials, batch):
                count = min(batch, num_trials - start)
                q, k = rng.standard_normal((2, count, n, d))
                scores = q @ k.transpose(0, 2, 1)
                if scaled:
                    scores /= d**0.5
                top[start : start + count] = scores.max(axis=(1, 2))
                _, _, total, _ = naive_parts(scores, dtype)
                failed[start : start + count] = np.isinf(total).any(axis=(1, 2))
            out.append(
                {
                    "seq_len": n,
                    "d_model": d,
                    "failure_rate": float(failed.mean()),
                    "avg_max_score": float(top.mean()),
                }
            )
    return out


def overflowing_qkv(dtype="float16", seq_len=32, d_model=64, seed=0):
    signs = np.random.default_rng(seed).choice([-4.0, 4.0], size=d_model)
    Q = np.tile(signs, (seq_len, 1))
    threshold = find_overflow_threshold(dtype)
    if not as_array([Q[0] @ Q[0] / np.sqrt(d_model)], dtype)[0] > threshold:
        raise ValueError("out of reach")
    return Q.astype("float32"), Q.astype("float32"), np.ones_like(Q, dtype="float32")


quiz_exp0 = 1.0
quiz_fp16_threshold = "b"
quiz_naive_1000 = "c"
quiz_why_scale = "d"
