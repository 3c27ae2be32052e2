"""Hidden tests of overflowing_qkv: both attentions are run here, on what the student built."""

import numpy as np
import torch
from otter.test_files import test_case

OK_FORMAT = False
name = "q5"
points = None


def as_float64(matrix):
    if isinstance(matrix, np.ndarray):
        matrix = torch.from_numpy(np.array(matrix, dtype=np.float64, order="C"))
    return matrix.detach().cpu().to(torch.float64)


def matrices(qkv, shape):
    """Return Q, K and V as float64 tensors, after checking shape and entries."""
    assert isinstance(qkv, tuple | list), f"got a {type(qkv).__name__}"
    assert len(qkv) == 3, f"got {len(qkv)} matrices"
    for given in qkv:
        assert isinstance(given, np.ndarray | torch.Tensor), f"got a {type(given).__name__}"
        assert "complex" not in str(given.dtype), "got complex entries"
        matrix = as_float64(given)
        assert tuple(matrix.shape) == shape, f"shape {tuple(matrix.shape)}, not {shape}"
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
    assert naive.isnan().any(), f"{what}: naive attention holds no NaN"
    stable = attention(qkv, dtype, subtract_max=True)
    assert stable.isfinite().all(), f"{what}: the max-subtracted form is not finite"


@test_case(name="wider exponents", points=0.5, hidden=True)
def test_wider_exponents(overflowing_qkv):
    check(overflowing_qkv, "float32", 32, 64)
    check(overflowing_qkv, "bfloat16", 32, 64)


@test_case(name="many shapes and seeds", points=0.5, hidden=True)
def test_shapes_and_seeds(overflowing_qkv, rng):
    check(overflowing_qkv, "float16", 1, 1)
    check(overflowing_qkv, "float32", 3, 512)
    for _ in range(6):
        seq_len, d_model = int(rng.integers(2, 40)), int(rng.integers(4, 300))
        check(overflowing_qkv, "float16", seq_len, d_model, int(rng.integers(1000)))


@test_case(name="just possible", points=0.5, hidden=True)
def test_just_possible(overflowing_qkv):
    check(overflowing_qkv, "float32", 8, 31)
    check(overflowing_qkv, "bfloat16", 8, 31)
    check(overflowing_qkv, "float64", 2, 2048)


@test_case(name="just impossible", points=0.5, hidden=True)
def test_just_impossible(overflowing_qkv):
    for dtype, d_model in (("float32", 30), ("bfloat16", 30), ("float64", 1900)):
        try:
            overflowing_qkv(dtype, 8, d_model)
        except ValueError:
            continue
        message = f"{dtype}, d_model {d_model}: no answer exists, so a ValueError is due"
        raise AssertionError(message)
