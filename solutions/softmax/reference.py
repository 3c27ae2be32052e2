"""Reference solutions of "The Softmax Problem" (week 3, day 2)."""

from functools import cache

import numpy as np
import torch

# The integer type of the same width: for values >= 0 the order of the bit patterns is the order
# of the values, so a bisection over integers visits only values the dtype can hold.
_FORMATS = {
    "float16": (torch.float16, torch.int16),
    "bfloat16": (torch.bfloat16, torch.int16),
    "float32": (torch.float32, torch.int32),
    "float64": (torch.float64, torch.int64),
}


def _format_of(dtype: str) -> tuple[torch.dtype, torch.dtype]:
    if dtype not in _FORMATS:
        message = f"unknown dtype {dtype!r}; choose one of {', '.join(_FORMATS)}"
        raise ValueError(message)
    return _FORMATS[dtype]


def _in_dtype(values: np.ndarray | torch.Tensor | list, dtype: str) -> torch.Tensor:
    torch_dtype, _ = _format_of(dtype)
    if not isinstance(values, torch.Tensor):
        # A copy in C order: torch refuses negative strides and warns about read-only arrays.
        values = torch.from_numpy(np.array(values, dtype=np.float64, order="C"))
    return values.detach().to(torch_dtype)


@cache
def _largest_finite_input(dtype: str, op: str, device: str) -> float:
    torch_dtype, bits_dtype = _format_of(dtype)
    function = getattr(torch, op, None)

    def is_finite(bits: int) -> bool:
        x = torch.tensor([bits], dtype=bits_dtype, device=device).view(torch_dtype)
        return bool(torch.isfinite(function(x)))

    largest = torch.tensor([torch.finfo(torch_dtype).max], dtype=torch_dtype)
    low, high = 0, int(largest.view(bits_dtype))
    try:
        if is_finite(high):
            return float(largest)
    except TypeError as error:
        message = f"unknown op {op!r}; choose a function of one tensor, such as 'exp'"
        raise ValueError(message) from error
    while high - low > 1:
        middle = (low + high) // 2
        if is_finite(middle):
            low = middle
        else:
            high = middle
    return float(torch.tensor([low], dtype=bits_dtype).view(torch_dtype))


def find_overflow_threshold(dtype_str: str, op: str = "exp", device: str = "cpu") -> float:
    """Find the largest value of a dtype for which a function of it is still finite.

    dtype_str: "float16", "bfloat16", "float32" or "float64".
    op: the name of a torch function of one tensor that never decreases for x >= 0, such as
        "exp": the function is getattr(torch, op), computed in that dtype on that device.
    device: where to compute, such as "cpu" or "cuda".

    Returns a Python float. It is exact: a value the dtype can hold, where the function is
    finite, while at the next larger value of the dtype it is inf. If the function is finite
    everywhere, that is the dtype's largest value.

    Raises ValueError for an unknown dtype or op.
    """
    return _largest_finite_input(dtype_str, op, device)


def analyze_softmax_safety(
    scores: np.ndarray | list, dtype: str = "float32"
) -> dict[str, bool | int | float | str]:
    """Say what the naive softmax formula, computed in a dtype, would do to these scores.

    scores: a list or array of real numbers, at least 1-D; softmax runs over the last axis, so
        each slice along it is one row. The scores are converted to dtype before anything else.
        -inf is a masked score, and fine.
    dtype: "float16", "bfloat16", "float32" or "float64". exp and row sums have it too.

    Returns a dict of plain Python values (no NumPy or torch scalars):

    - "dtype": the name given
    - "max_safe_input": the largest value of dtype with a finite exp
    - "dtype_max": the largest finite value of dtype
    - "scores_min", "scores_max": of the converted scores
    - "overflow_count": how many converted scores have an infinite exp
    - "sum_overflow_rows": rows in which every exp is finite and the row sum is not
    - "underflow_rows": rows in which every exp is 0, those of only -inf included
    - "will_overflow": whether overflow_count or sum_overflow_rows is above 0
    - "total_values": how many scores there are

    Raises ValueError if the scores are empty or hold a NaN, and for an unknown dtype.
    """
    x = _in_dtype(scores, dtype)
    if x.ndim == 0 or x.numel() == 0:
        message = "scores must hold at least one row with at least one score"
        raise ValueError(message)
    exp = x.exp()
    # Most questions are about rows; only rows with an inf are looked at entry by entry.
    largest_exp = exp.amax(dim=-1)
    if bool(largest_exp.isnan().any()):
        message = "scores must not hold NaN"
        raise ValueError(message)
    infinite = largest_exp.isinf()
    overflow_count = int(exp[infinite].isinf().sum())
    sum_overflow_rows = int((exp.sum(dim=-1).isinf() & ~infinite).sum())
    return {
        "dtype": dtype,
        "max_safe_input": find_overflow_threshold(dtype),
        "dtype_max": float(torch.finfo(x.dtype).max),
        "scores_min": float(x.min()),
        "scores_max": float(x.max()),
        "overflow_count": overflow_count,
        "sum_overflow_rows": sum_overflow_rows,
        "underflow_rows": int((largest_exp == 0).sum()),
        "will_overflow": overflow_count > 0 or sum_overflow_rows > 0,
        "total_values": x.numel(),
    }


def softmax_with_overflow_detection(
    x: np.ndarray | torch.Tensor | list, dtype: str = "float32"
) -> tuple[torch.Tensor, dict[str, bool]]:
    """Compute the naive softmax in a dtype and report what went wrong on the way.

    x: a list, array or tensor of real numbers, at least 1-D; softmax runs over the last axis.
        x itself is left as it is.
    dtype: "float16", "bfloat16", "float32" or "float64". x is converted to it first, and exp,
        row sums and quotients are all kept in it. Nothing is subtracted and nothing repaired:
        where the formula gives 0, inf or NaN, so does this function.

    Returns (probs, info). probs is a tensor of that dtype, with the shape of x, on the device
    of x. info is a dict of Python bools:

    - "predicted_overflow": "will_overflow" of analyze_softmax_safety
    - "has_inf": an exp or a row sum is inf
    - "has_nan": probs holds a NaN
    - "actual_overflow": has_inf or has_nan

    Raises ValueError where analyze_softmax_safety does.
    """
    rounded = _in_dtype(x, dtype)
    predicted = analyze_softmax_safety(rounded, dtype)["will_overflow"]
    exp = rounded.exp()
    row_sum = exp.sum(dim=-1, keepdim=True)
    probs = exp / row_sum
    has_inf = bool(exp.isinf().any()) or bool(row_sum.isinf().any())
    has_nan = bool(probs.isnan().any())
    return probs, {
        "predicted_overflow": bool(predicted),
        "has_inf": has_inf,
        "has_nan": has_nan,
        "actual_overflow": has_inf or has_nan,
    }


def softmax_stress_test(
    seq_lengths: list[int],
    d_models: list[int],
    num_trials: int = 100,
    dtype: str = "float16",
    scaled: bool = False,
    seed: int = 0,
) -> list[dict[str, int | float]]:
    """Measure how often attention scores of random Q and K break the naive softmax.

    For each pair of a sequence length and a d_model, run num_trials trials. A trial draws Q and
    K of shape (seq_len, d_model) from the standard normal distribution; its scores are QK^T,
    divided by the square root of d_model if scaled. It fails if analyze_softmax_safety says
    that its scores "will_overflow" in dtype.

    All draws come from numpy.random.default_rng(seed): the same arguments give the same
    result, another seed gives other draws, and NumPy's global random state is neither used
    nor changed.

    Returns one dict for each pair, with every d_model for the first sequence length, then for
    the second, and so on:

    - "seq_len", "d_model": the pair
    - "failure_rate": the fraction of trials that failed, from 0 to 1
    - "avg_max_score": the largest score of a trial, averaged over the trials; of the scores
        as drawn, before they are converted to dtype

    Work on whole arrays: a trial of 512 x 512 scores then takes some hundredths of a second. A
    call that takes more than 10 seconds of one processor is stopped where it is graded.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for seq_len in seq_lengths:
        for d_model in d_models:
            scale = np.sqrt(d_model) if scaled else 1.0
            failures, max_scores = 0, []
            for _ in range(num_trials):
                queries = rng.standard_normal((seq_len, d_model))
                keys = rng.standard_normal((seq_len, d_model))
                scores = queries @ keys.T / scale
                max_scores.append(scores.max())
                failures += analyze_softmax_safety(scores, dtype)["will_overflow"]
            rows.append(
                {
                    "seq_len": seq_len,
                    "d_model": d_model,
                    "failure_rate": failures / num_trials,
                    "avg_max_score": float(np.mean(max_scores)),
                }
            )
    return rows


def overflowing_qkv(
    dtype: str = "float16", seq_len: int = 32, d_model: int = 64, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Build harmless-looking Q, K and V that break scaled attention with the naive softmax.

    Naive attention is softmax(QK^T / sqrt(d_model)) V with the naive softmax, every step (the
    inputs, QK^T, the division by sqrt(d_model), exp, row sum, quotient, output) rounded to
    dtype. With your Q, K and V its output must hold at least one NaN. The same attention with
    the maximum of each row subtracted before exp, in the same dtype, must be finite everywhere.

    dtype: "float16", "bfloat16", "float32" or "float64". d_model: from 1 to 4000.
    seed: for whatever you draw at random, if anything.

    Returns (Q, K, V), three arrays or tensors of shape (seq_len, d_model), every entry finite
    and at most 4 in absolute value.

    Raises ValueError if no such Q, K and V exist for this dtype and d_model, and for an
    unknown dtype.
    """
    threshold = find_overflow_threshold(dtype)
    # Entries of 4 give the largest possible score, 16 * sqrt(d_model), rounded as scores are.
    largest_score = float(_in_dtype([16 * np.sqrt(d_model)], dtype))
    if largest_score <= threshold:
        message = (
            f"scores with d_model {d_model} stay below {largest_score:.6g}, "
            f"and exp in {dtype} is finite up to {threshold:.6g}"
        )
        raise ValueError(message)
    rng = np.random.default_rng(seed)
    queries, keys, values = rng.standard_normal((3, seq_len, d_model)).clip(-1, 1)
    # Twice the threshold is well beyond it, and keeps QK^T within float16 before the division.
    entry = min(4.0, np.sqrt(2 * threshold / np.sqrt(d_model)))
    row = rng.integers(seq_len)
    queries[row] = keys[row] = entry * rng.choice([-1.0, 1.0], size=d_model)
    return queries, keys, values


quiz_exp0 = 1
quiz_fp16_threshold = "b"
quiz_naive_1000 = "c"
quiz_why_scale = "d"
