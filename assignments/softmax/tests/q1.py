import numpy as np
import torch
from otter.test_files import test_case

OK_FORMAT = False
name = "q1"
points = None


def exp_of(value, dtype):
    return float(torch.exp(torch.tensor(value, dtype=getattr(torch, dtype))))


def check_exp_threshold(answer, dtype):
    """Check an answer by what exp does to it and to its neighbour in the dtype."""
    call = f'find_overflow_threshold("{dtype}")'
    assert isinstance(answer, float), (
        f"{call} returned a {type(answer).__name__}; return a Python float."
    )
    held = getattr(np, dtype)(answer)
    assert float(held) == answer, (
        f"{call} returned {answer!r}, which {dtype} cannot hold (it would round it to "
        f"{float(held)!r}); search among the values that {dtype} has."
    )
    assert exp_of(answer, dtype) != float("inf"), (
        f"{call} returned {answer!r}, but in {dtype} exp({answer!r}) is already inf; the answer "
        "is the last value before that."
    )
    following = float(np.nextafter(held, held.dtype.type(np.inf)))
    assert exp_of(following, dtype) == float("inf"), (
        f"{call} returned {answer!r}, but the next {dtype}, {following!r}, has a finite exp too: "
        f"{exp_of(following, dtype):.6g}; the answer is the last value with a finite exp."
    )


@test_case(name="the float16 threshold is exact", points=0.75, hidden=False)
def test_float16(find_overflow_threshold):
    check_exp_threshold(find_overflow_threshold("float16"), "float16")


@test_case(name="the float32 and float64 thresholds are exact", points=0.5, hidden=False)
def test_float32_and_float64(find_overflow_threshold):
    check_exp_threshold(find_overflow_threshold("float32"), "float32")
    check_exp_threshold(find_overflow_threshold("float64"), "float64")


@test_case(name="an unknown dtype is refused", points=0.25, hidden=False)
def test_unknown_dtype(find_overflow_threshold):
    # Whoever refuses everything has refused nothing: first an answer. How exact it is counts above.
    answer = find_overflow_threshold("float32")
    near = isinstance(answer, float) and abs(answer - 88.7) < 1
    assert near, f'find_overflow_threshold("float32") returned {answer!r}, and no float near 88.7.'
    try:
        answer = find_overflow_threshold("float8")
    except ValueError:
        return
    raise AssertionError(
        f'find_overflow_threshold("float8") returned {answer!r}; there is no such dtype here, so '
        "raise a ValueError instead of guessing."
    )
