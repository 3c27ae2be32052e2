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


def checked(qkv, seq_len, d_model, case):
    """Return Q, K and V as float64 tensors, after checking what they must be."""
    assert isinstance(qkv, tuple | list), f"{case}, return (Q, K, V)."
    assert len(qkv) == 3, f"{case}, return (Q, K, V), not {len(qkv)} values."
    matrices = []
    for label, given in zip("QKV", qkv, strict=True):
        assert isinstance(given, np.ndarray | torch.Tensor), (
            f"{case}, {label} is a {type(given).__name__}; return arrays or tensors."
        )
        assert "complex" not in str(given.dtype), f"{case}, {label} is complex; return reals."
        matrix = as_float64(given)
        assert tuple(matrix.shape) == (seq_len, d_model), (
            f"{case}, {label} has shape {tuple(matrix.shape)}, not {(seq_len, d_model)}."
        )
        bad = ~(matrix.abs() <= 4)
        if bad.any():
            row, column = bad.nonzero()[0].tolist()
            raise AssertionError(
                f"{case}, {label}[{row}, {column}] is {matrix[row, column].item():.4g}; every "
                "entry must be finite and at most 4 in absolute value."
            )
        matrices.append(matrix)
    return matrices


def attention(Q, K, V, dtype, subtract_max):
    """Scaled attention with every step rounded to dtype; also its largest score."""

    def rounded(matrix):
        return matrix.to(getattr(torch, dtype)).to(torch.float64)

    Q, K, V = rounded(Q), rounded(K), rounded(V)
    scores = rounded(rounded(Q @ K.T) / Q.shape[1] ** 0.5)
    shift = scores.max(dim=1, keepdim=True).values if subtract_max else 0.0
    exp = rounded(torch.exp(rounded(scores - shift)))
    weights = rounded(exp / rounded(exp.sum(dim=1, keepdim=True)))
    return rounded(weights @ V), scores.max().item()


def check_breaks(qkv, dtype, seq_len, d_model, case):
    """Check that naive attention holds a NaN and the max-subtracted form does not."""
    Q, K, V = checked(qkv, seq_len, d_model, case)
    naive, largest = attention(Q, K, V, dtype, subtract_max=False)
    assert naive.isnan().any(), (
        f"{case}, naive scaled attention holds no NaN; the largest scaled score is {largest:.4g}."
    )
    stable, _ = attention(Q, K, V, dtype, subtract_max=True)
    assert stable.isfinite().all(), (
        f"{case}, attention with the row maximum subtracted is not finite either (largest scaled "
        f"score: {largest:.4g}); only the naive form should break."
    )


@test_case(name="entries are small and finite", points=0.25, hidden=False)
def test_entries(overflowing_qkv):
    case = 'for overflowing_qkv("float16", seq_len=6, d_model=16)'
    Q, K, _ = checked(overflowing_qkv("float16", seq_len=6, d_model=16), 6, 16, case)
    assert (Q @ K.T).any(), f"{case}, every score is 0: no format breaks on that."
    case = "for overflowing_qkv()"
    checked(overflowing_qkv(), 32, 64, case)


@test_case(name="naive float16 attention breaks", points=0.5, hidden=False)
def test_float16(overflowing_qkv):
    qkv = overflowing_qkv("float16", seq_len=32, d_model=64, seed=1)
    case = 'for overflowing_qkv("float16", seq_len=32, d_model=64, seed=1)'
    check_breaks(qkv, "float16", 32, 64, case)


@test_case(name="the impossible is refused", points=0.25, hidden=False)
def test_impossible(overflowing_qkv):
    # Whoever refuses everything has refused nothing: first an answer that must be right.
    case = 'for overflowing_qkv("float16", seq_len=64, d_model=64)'
    check_breaks(overflowing_qkv("float16", seq_len=64, d_model=64), "float16", 64, 64, case)
    try:
        qkv = overflowing_qkv("float64", seq_len=32, d_model=64)
    except ValueError:
        return
    case = 'for overflowing_qkv("float64", seq_len=32, d_model=64)'
    Q, K, _ = checked(qkv, 32, 64, case)
    largest = (Q @ K.T / 8).max().item()
    raise AssertionError(
        f"{case}, the largest scaled score is {largest:.4g} and can never exceed 16 * 8 = 128, "
        "which is harmless in float64; raise a ValueError where no answer exists."
    )
