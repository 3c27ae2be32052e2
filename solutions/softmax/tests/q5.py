"""Hidden tests of overflowing_qkv: both attentions are run here, on what the student built."""

import contextlib

import numpy as np
import torch
from otter.test_files import test_case

from grader.testing.hints import hint

OK_FORMAT = False
name = "q5"
points = None


def as_float64(matrix):
    if isinstance(matrix, np.ndarray):
        matrix = torch.from_numpy(np.array(matrix, dtype=np.float64, order="C"))
    return matrix.detach().cpu().to(torch.float64)


def matrices(qkv, shape):
    """Return Q, K and V as float64 tensors, after checking shape and entries."""
    with hint("The answer is not three arrays or tensors."):
        assert isinstance(qkv, tuple | list), f"got a {type(qkv).__name__}"
        assert len(qkv) == 3, f"got {len(qkv)} matrices"
    for given in qkv:
        with hint("The answer is not three arrays or tensors of real numbers."):
            assert isinstance(given, np.ndarray | torch.Tensor), f"got a {type(given).__name__}"
            assert "complex" not in str(given.dtype), "got complex entries"
        matrix = as_float64(given)
        with hint("A matrix does not have the shape (seq_len, d_model)."):
            assert tuple(matrix.shape) == shape, f"shape {tuple(matrix.shape)}, not {shape}"
        with hint("An entry is not finite, or above 4 in absolute value."):
            assert (matrix.abs() <= 4).all(), "an entry is not finite or above 4"
        yield matrix


def attention(qkv, dtype, *, subtract_max):
    """Run scaled attention in float64 with every step rounded to dtype."""

    def rounded(matrix):
        return matrix.to(getattr(torch, dtype)).to(torch.float64)

    q, k, v = (rounded(matrix) for matrix in qkv)
    scores = rounded(rounded(q @ k.T) / q.shape[1] ** 0.5)
    if subtract_max:
        scores = rounded(scores - scores.max(dim=1, keepdim=True).values)
    exp = rounded(torch.exp(scores))
    weights = rounded(exp / rounded(exp.sum(dim=1, keepdim=True)))
    return rounded(weights @ v)


def check(overflowing_qkv, dtype, seq_len, d_model, seed=0):
    """Check that only the naive attention breaks."""
    what = f"{dtype}, seq_len {seq_len}, d_model {d_model}, seed {seed}"
    answer = overflowing_qkv(dtype, seq_len, d_model, seed)
    qkv = tuple(matrices(answer, (seq_len, d_model)))
    naive = attention(qkv, dtype, subtract_max=False)
    with hint("The naive attention survives these inputs: its output holds no NaN."):
        assert naive.isnan().any(), f"{what}: naive attention holds no NaN"
    stable = attention(qkv, dtype, subtract_max=True)
    with hint("The max-subtracted attention is not finite with these inputs either."):
        assert stable.isfinite().all(), f"{what}: the max-subtracted form is not finite"


def is_refused(find_overflow_threshold, dtype):
    with contextlib.suppress(Exception):  # whatever else a student's code raises for it
        try:
            find_overflow_threshold(dtype)
        except ValueError:
            return True
    return False


@test_case(
    name="wider exponents",
    points=0.5,
    hidden=True,
    failure_message=(
        "Q, K and V for float32 and bfloat16 need larger scores than for float16, and "
        "entries up to 4 are enough. See step 4, q5."
    ),
)
def test_wider_exponents(overflowing_qkv):
    check(overflowing_qkv, "float32", 32, 64)
    check(overflowing_qkv, "bfloat16", 32, 64)


@test_case(
    name="many shapes and seeds",
    points=0.5,
    hidden=True,
    failure_message=(
        "Any seq_len, d_model and seed for which an answer exists gets one. See the "
        "docstring of q5."
    ),
)
def test_shapes_and_seeds(overflowing_qkv, rng):
    check(overflowing_qkv, "float16", 1, 1)
    check(overflowing_qkv, "float32", 3, 512)
    for _ in range(6):
        seq_len, d_model = int(rng.integers(2, 40)), int(rng.integers(4, 300))
        check(overflowing_qkv, "float16", seq_len, d_model, int(rng.integers(1000)))


@test_case(
    name="just possible",
    points=0.5,
    hidden=True,
    failure_message=(
        "Near the smallest d_model every entry counts: use all that the limit of 4 allows. "
        "See step 4, q5."
    ),
)
def test_just_possible(overflowing_qkv):
    check(overflowing_qkv, "float32", 8, 31)
    check(overflowing_qkv, "bfloat16", 8, 31)
    check(overflowing_qkv, "float64", 2, 2048)


@test_case(
    name="just impossible",
    points=0.5,
    hidden=True,
    failure_message=(
        "Where no entries up to 4 can break the format, and for an unknown dtype, the answer is a "
        "ValueError. Work out the largest score that they give. See step 4, q5."
    ),
)
def test_just_impossible(overflowing_qkv, find_overflow_threshold):
    with hint("What is possible got no right answer."):
        check(overflowing_qkv, "float16", 30, 30)
    for dtype, d_model in (("float32", 30), ("bfloat16", 30), ("float64", 1900)):
        try:
            overflowing_qkv(dtype, 8, d_model)
        except ValueError:
            continue
        message = f"{dtype}, d_model {d_model}: no answer exists, so a ValueError is due"
        with hint("Inputs came where none can break the format."):
            raise AssertionError(message)
    for dtype in ("float8", "int64"):
        if not is_refused(find_overflow_threshold, dtype):
            continue  # which q1 has told, and costs nothing here
        try:
            overflowing_qkv(dtype, 8, 64)
        except ValueError:
            continue
        with hint("Inputs came for a dtype that does not exist, or is no float."):
            raise AssertionError(f"{dtype} is unknown, so a ValueError is due")
