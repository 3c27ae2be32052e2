import math

import torch
from otter.test_files import test_case

OK_FORMAT = False
name = "q1"
points = None


def show(tensor):
    return [round(value, 5) for value in tensor.tolist()]


def check(stable_softmax, row, expected, dtype, hint):
    x = torch.tensor(row, dtype=dtype)
    got = stable_softmax(x)
    asked = f"stable_softmax(torch.tensor({row}, dtype={dtype}))"
    assert isinstance(got, torch.Tensor), f"{asked} returned a {type(got).__name__}, not a tensor."
    assert got.shape == x.shape, f"{asked} has shape {tuple(got.shape)}, not {tuple(x.shape)}."
    assert got.dtype == dtype, f"{asked} is {got.dtype}: a float input keeps its dtype."
    right = torch.tensor(expected, dtype=torch.float64)
    close = torch.allclose(got.double(), right, rtol=2e-3, atol=1e-6)
    assert close, f"{asked} should be about {show(right)}, but it is {show(got)}: {hint}."


@test_case(name="ordinary rows", points=0.5, hidden=False)
def test_ordinary(stable_softmax):
    hint = "each entry is exp(x) over the sum of all of them"
    expected = [0.0900306, 0.2447285, 0.6652410]
    check(stable_softmax, [1.0, 2.0, 3.0], expected, torch.float32, hint)
    check(stable_softmax, [1.0, 2.0, 3.0], expected, torch.float64, hint)


@test_case(name="scores whose exp is not a number", points=0.5, hidden=False)
def test_large(stable_softmax):
    high = "exp(12) is infinite in float16, so take the maximum away first"
    check(stable_softmax, [12.0, 11.0, 1.0], [0.7310, 0.2689, 1.22e-5], torch.float16, high)
    low = "every exp(-1000) is 0, and 0 / 0 is NaN, so take the maximum away first"
    check(stable_softmax, [-1000.0, -1000.0], [0.5, 0.5], torch.float32, low)


@test_case(name="masked entries", points=0.5, hidden=False)
def test_masked(stable_softmax):
    hint = "an entry of -inf gets 0"
    check(stable_softmax, [0.0, -math.inf, 0.0], [0.5, 0.0, 0.5], torch.float32, hint)
    hint = "-inf minus -inf is NaN, so a slice of only -inf needs care: it gets zeros"
    check(stable_softmax, [-math.inf, -math.inf], [0.0, 0.0], torch.float32, hint)
