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


@test_case(name="ordinary rows", points=0.25, hidden=False)
def test_ordinary(stable_softmax):
    hint = "each entry is exp(x) over the sum of all of them"
    expected = [0.0900306, 0.2447285, 0.6652410]
    check(stable_softmax, [1.0, 2.0, 3.0], expected, torch.float32, hint)
    check(stable_softmax, [1.0, 2.0, 3.0], expected, torch.float64, hint)


@test_case(name="scores whose exp is not a number", points=0.5, hidden=False)
def test_large(stable_softmax):
    high = "exp(12) is infinite in float16, so take the maximum away first"
    check(stable_softmax, [12.0, 11.0, 1.0], [0.7310, 0.2689, 1.22e-5], torch.float16, high)
    high = "exp(100) is infinite in float32, so take the maximum away first"
    check(stable_softmax, [100.0, 99.0], [0.73106, 0.26894], torch.float32, high)
    low = "every exp(-1000) is 0, which leaves nothing to divide by: take the maximum away first"
    check(stable_softmax, [-1000.0, -1000.0], [0.5, 0.5], torch.float32, low)


@test_case(name="masked entries", points=0.5, hidden=False)
def test_masked(stable_softmax):
    hint = "an entry of -inf gets 0"
    check(stable_softmax, [0.0, -math.inf, 0.0], [0.5, 0.0, 0.5], torch.float32, hint)
    hint = "-inf minus -inf is NaN, so a slice of only -inf needs care: it gets zeros"
    check(stable_softmax, [-math.inf, -math.inf], [0.0, 0.0], torch.float32, hint)


@test_case(name="half inputs, worked out in float32", points=0.25, hidden=False)
def test_half_inputs(stable_softmax):
    for dtype, rounding in ((torch.float16, 2.0**-11), (torch.bfloat16, 2.0**-8)):
        for n in (150, 200, 250):
            x = torch.linspace(-2, 2, n).to(dtype)
            right = torch.softmax(x.double(), 0)
            got = stable_softmax(x)
            asked = f"stable_softmax of {n} {dtype} scores from -2 to 2"
            fits = isinstance(got, torch.Tensor) and (got.shape, got.dtype) == (x.shape, dtype)
            assert fits, f"{asked} is no {dtype} tensor of {n} entries."
            off = float(((got.double() - right).abs() / right).max())
            # One rounding, and 2 % of it for what float32 adds.
            assert off <= 1.02 * rounding, (
                f"an entry of {asked} is off by {off:.2g} of itself, and rounding it once explains "
                f"{rounding:.2g}: widen to float32 before the exp, keep the sum there, and round "
                "the result alone."
            )


@test_case(name="along the dim that is asked for", points=0.25, hidden=False)
def test_dim(stable_softmax):
    x = torch.tensor([[0.0, 0.0, 2.0], [0.0, 1.0, 0.0]])
    got = stable_softmax(x, dim=0)
    asked = f"stable_softmax(torch.tensor({x.tolist()}), dim=0)"
    assert isinstance(got, torch.Tensor), f"{asked} returned a {type(got).__name__}, not a tensor."
    right = torch.tensor([[0.5, 0.26894, 0.88080], [0.5, 0.73106, 0.11920]])
    assert got.shape == right.shape, f"{asked} has shape {tuple(got.shape)}, not (2, 3)."
    assert torch.allclose(got.double(), right.double(), rtol=2e-3), (
        f"{asked} should be about {right.tolist()}, but it is {got.tolist()}: with dim = 0 the two "
        "entries of each column add up to 1, so take both the maximum and the sum along dim."
    )


@test_case(name="the input stays as it is", points=0.25, hidden=False)
def test_input_kept(stable_softmax):
    for dtype in (torch.float16, torch.float32):
        x = torch.tensor([1.0, 2.0, 4.0], dtype=dtype)
        right = torch.tensor([0.0420101, 0.1141952, 0.8437947], dtype=torch.float64)
        got = stable_softmax(x)
        came = type(got).__name__
        assert isinstance(got, torch.Tensor), f"stable_softmax returned a {came}, not a tensor."
        assert torch.allclose(got.double(), right, rtol=2e-3), (
            f"stable_softmax of a {dtype} [1, 2, 4] should be about {show(right)}, not {show(got)}."
        )
        assert x.tolist() == [1.0, 2.0, 4.0], (
            f"after stable_softmax(x) a {dtype} x of [1.0, 2.0, 4.0] holds {x.tolist()}: work on a "
            "copy, and avoid sub_(), exp_() and -=."
        )
