import numpy as np
import torch
from otter.test_files import test_case

OK_FORMAT = False
name = "q3"
points = None

FLAGS = ("predicted_overflow", "has_inf", "has_nan", "actual_overflow")


def run(function, scores, dtype):
    """Call the function and check that it returns (probs, info)."""
    case = f"for scores {scores} in {dtype}"
    result = function(np.array(scores), dtype)
    assert isinstance(result, tuple), f"{case}, return (probs, info)."
    assert len(result) == 2, f"{case}, return (probs, info), not {len(result)} values."
    probs, info = result
    assert isinstance(info, dict), f"{case}, info is a {type(info).__name__}; return a dict."
    for flag in FLAGS:
        assert flag in info, f'{case}, info lacks "{flag}".'
    return probs, info


def check_flags(info, expected, scores, dtype, hint):
    """Compare the four flags, given in the order of FLAGS."""
    for flag, value in zip(FLAGS, expected, strict=True):
        assert bool(info[flag]) == value, (
            f'for scores {scores} in {dtype}, "{flag}" should be {value}, not {info[flag]}: {hint}.'
        )


def check_probs(probs, expected, scores, dtype, hint):
    """Check the form of probs and compare values that are far from rounding, NaN equal to NaN."""
    case = f"for scores {scores} in {dtype}"
    assert isinstance(probs, torch.Tensor), (
        f"{case}, probs is a {type(probs).__name__}; return a torch tensor."
    )
    assert probs.dtype == getattr(torch, dtype), (
        f"{case}, probs has dtype {probs.dtype}; convert the scores before exp and stay there."
    )
    wanted = torch.tensor(expected, dtype=torch.float64)
    assert probs.shape == wanted.shape, (
        f"{case}, probs has shape {tuple(probs.shape)}, not {tuple(wanted.shape)}."
    )
    got = probs.detach().cpu().to(torch.float64)
    assert torch.allclose(got, wanted, rtol=0.02, atol=0, equal_nan=True), (
        f"{case}, probs should be {expected}, not {got.tolist()}: {hint}."
    )


@test_case(name="harmless scores", points=0.25, hidden=False)
def test_harmless(softmax_with_overflow_detection):
    scores, dtype = [1.0, 2.0, 3.0, 4.0], "float32"
    probs, info = run(softmax_with_overflow_detection, scores, dtype)
    expected = [0.0320586, 0.0871443, 0.2368828, 0.6439143]
    check_probs(probs, expected, scores, dtype, "exp of each, divided by the sum of them all")
    check_flags(info, (False, False, False, False), scores, dtype, "nothing overflows here")
    for flag in FLAGS:
        assert type(info[flag]) is bool, (
            f'for scores {scores} in {dtype}, "{flag}" is a {type(info[flag]).__name__}; make it '
            "a Python bool."
        )


@test_case(name="zeros instead of a half", points=0.75, hidden=False)
def test_sum_overflow(softmax_with_overflow_detection):
    scores, dtype = [11.0, 11.0], "float16"
    probs, info = run(softmax_with_overflow_detection, scores, dtype)
    hint = "in float16 exp(11) = 59872 is finite, but the sum of two of them is inf"
    check_flags(info, (True, True, False, True), scores, dtype, hint)
    hint = "59872 / inf is 0, so keep exp, sum and quotient in float16"
    check_probs(probs, [0.0, 0.0], scores, dtype, hint)


@test_case(name="very negative scores", points=0.5, hidden=False)
def test_very_negative(softmax_with_overflow_detection):
    scores, dtype = [-1000.0, -1000.0, -1000.0], "float32"
    probs, info = run(softmax_with_overflow_detection, scores, dtype)
    check_probs(probs, [float("nan")] * 3, scores, dtype, "every exp is 0, and 0 / 0 is NaN")
    check_flags(info, (False, False, True, True), scores, dtype, "NaN came without any inf")


@test_case(name="one bad row among good ones", points=0.25, hidden=False)
def test_one_bad_row(softmax_with_overflow_detection):
    scores, dtype = [[0.0, 0.0], [12.0, 0.0]], "float16"
    probs, info = run(softmax_with_overflow_detection, scores, dtype)
    check_flags(info, (True, True, True, True), scores, dtype, "exp(12) is inf in float16")
    expected = [[0.5, 0.5], [float("nan"), 0.0]]
    hint = "each row has its own sum, so one bad row leaves the others alone"
    check_probs(probs, expected, scores, dtype, hint)


@test_case(name="the scores stay as they are", points=0.25, hidden=False)
def test_scores_kept(softmax_with_overflow_detection):
    for given in (np.array([1.0, 2.0], dtype=np.float32), torch.tensor([1.0, 2.0])):
        probs, _info = softmax_with_overflow_detection(given, "float32")
        hint = "exp of each, divided by the sum of them both"
        check_probs(probs, [0.2689414, 0.7310586], [1.0, 2.0], "float32", hint)
        assert given.tolist() == [1.0, 2.0], (
            f'after softmax_with_overflow_detection(x, "float32") a {type(given).__name__} x of '
            f"[1.0, 2.0] holds {given.tolist()}: work on a copy, and avoid exp_() and /=."
        )
