"""Hidden tests of softmax_with_overflow_detection.

Tolerance: with u the unit roundoff of the dtype and n the row length, exp and the sum it goes
into may be off by 4u each, the sum by (n - 1)u in any order and the quotient and the stored sum
by u each, so a probability s may be off by s(n + 9)u, plus a subnormal step for the exp
(relative to the sum) and one for the quotient.
"""

import math

import numpy as np
import torch
from otter.test_files import test_case

from grader.testing.hints import hint

OK_FORMAT = False
name = "q3"
points = None

DTYPES = ("float16", "bfloat16", "float32", "float64")
FLAGS = ("predicted_overflow", "has_inf", "has_nan", "actual_overflow")


def rounded(scores, dtype):
    if isinstance(scores, torch.Tensor):  # NumPy has no bfloat16
        return scores.detach().to(torch.float64).to(getattr(torch, dtype))
    return torch.tensor(np.asarray(scores, dtype=np.float64)).to(getattr(torch, dtype))


def following(value, dtype):
    """Return the next larger value of a dtype."""
    bits = torch.int16 if "16" in dtype else torch.int32 if "32" in dtype else torch.int64
    x = rounded(value, dtype)
    return float((x.view(bits) + 1).view(x.dtype))


def run(function, scores, dtype):
    """Return probs as float64 and info, after checking the form of both."""
    result = function(scores, dtype)
    with hint("The result is no pair (probs, info)."):
        assert isinstance(result, tuple), f"got a {type(result).__name__}"
        assert len(result) == 2, f"got {len(result)} values"
    probs, info = result
    with hint("probs is no tensor of the format that was asked for."):
        assert isinstance(probs, torch.Tensor), f"probs is a {type(probs).__name__}"
        assert probs.dtype == getattr(torch, dtype), f"probs is {probs.dtype}, not {dtype}"
    shape = tuple(np.shape(scores))
    with hint("probs does not have the shape of x, or is not where x is."):
        assert tuple(probs.shape) == shape, f"probs has shape {tuple(probs.shape)}, not {shape}"
        assert probs.device.type == "cpu", f"probs is on {probs.device}"
    with hint("info is no dict."):
        assert isinstance(info, dict), f"info is a {type(info).__name__}"
    return probs.detach().to(torch.float64), info


def check_flags(info, expected, what):
    """Compare all four flags, the prediction among them."""
    check_facts(info, expected[1:], what)
    with hint("predicted_overflow is not what a right analyze_softmax_safety says."):
        assert "predicted_overflow" in info, f"{what}: no predicted_overflow"
        got = bool(info["predicted_overflow"])
        assert got == expected[0], f"{what}: predicted_overflow should be {expected[0]}, not {got}"


def check_facts(info, expected, what):
    """Compare the flags that say what happened; nothing of them rests on the prediction."""
    facts = FLAGS[1:]
    with hint("has_inf, has_nan or actual_overflow does not say what the formula did."):
        assert all(flag in info for flag in facts), f"{what}: a flag is missing in {info}"
        got = tuple(bool(info[flag]) for flag in facts)
        assert got == expected, f"{what}: {facts} should be {expected}, not {got}"


def check_close(probs, scores, dtype):
    """Compare with softmax in float64 of the rounded scores; the bound is in the module text."""
    x = rounded(scores, dtype).to(torch.float64)
    oracle = torch.softmax(x, dim=-1)
    info = torch.finfo(getattr(torch, dtype))
    step = info.smallest_normal * info.eps
    row_sum = x.exp().sum(dim=-1, keepdim=True)
    bound = oracle * (x.shape[-1] + 9) * info.eps / 2 + step * (1 + 1 / row_sum)
    error = (probs - oracle).abs()
    with hint("A probability is further off than rounding in the format explains."):
        assert (error <= bound).all(), f"{dtype}: errors {error} exceed the bounds {bound}"


@test_case(
    name="one step makes the difference",
    points=0.25,
    hidden=True,
    failure_message=(
        "At the edge of the format the probabilities and all four flags change together. "
        "See “The cascade” in step 3, and q3."
    ),
)
def test_one_step(softmax_with_overflow_detection, reference):
    for dtype in DTYPES:
        last = reference.find_overflow_threshold(dtype)
        scores = [last, 1.0 - last / 8]
        probs, info = run(softmax_with_overflow_detection, scores, dtype)
        check_close(probs, scores, dtype)
        check_flags(info, (False, False, False, False), f"{dtype}, the last finite exp")
        scores = [following(last, dtype), 1.0 - last / 8]
        probs, info = run(softmax_with_overflow_detection, scores, dtype)
        with hint("One step past the edge: inf / inf is NaN, and a number / inf is 0."):
            assert probs[0].isnan(), f"{dtype}: inf / inf should be NaN, not {probs[0]}"
            assert probs[1] == 0, f"{dtype}: a number / inf should be 0, not {probs[1]}"
        check_flags(info, (True, True, True, True), f"{dtype}, one step further")


@test_case(
    name="equal scores, longer and longer rows",
    points=0.25,
    hidden=True,
    failure_message=(
        "A row sum that is inf gives zeros without a NaN, and has_inf says so. See “Two "
        "failures without a single NaN” in step 3."
    ),
)
def test_long_rows(softmax_with_overflow_detection):
    for dtype, length, safe, unsafe in (
        ("float16", 8, 8.5, 9.5),
        ("float16", 64, 6.5, 7.5),
        ("float16", 1024, 3.5, 4.75),
        ("bfloat16", 64, 83.5, 85.5),
        ("float32", 64, 83.5, 85.5),
        ("float64", 64, 704.5, 706.5),
    ):
        scores = np.full((2, length), safe)
        probs, info = run(softmax_with_overflow_detection, scores, dtype)
        check_close(probs, scores, dtype)
        check_flags(info, (False, False, False, False), f"{dtype}, {length} times {safe}")
        scores[1] = unsafe
        probs, info = run(softmax_with_overflow_detection, scores, dtype)
        with hint("A row whose sum is inf should be zeros: sums are kept in the format."):
            assert (probs[1] == 0).all(), f"{dtype}, {length} times {unsafe}: should be zeros"
        check_close(probs[0], scores[0], dtype)
        check_flags(info, (True, True, False, True), f"{dtype}, {length} times {unsafe}")


@test_case(
    name="finite and still wrong",
    points=0.25,
    hidden=True,
    failure_message=(
        "exp, row sums and quotients are all kept in the format, rounding included: nothing "
        "is computed wider and rounded at the end. See the docstring of q3."
    ),
)
def test_subnormal(softmax_with_overflow_detection):
    # exp of these is 0.69, 0.42 and 1.15 times the smallest float16 above zero.
    probs, info = run(softmax_with_overflow_detection, [-17.0, -17.5, -16.5], "float16")
    with hint("Of the smallest numbers of float16 something is kept wider than the format."):
        assert probs.tolist() == [0.5, 0.0, 0.5], f"expected [0.5, 0, 0.5], got {probs.tolist()}"
    check_facts(info, (False, False, False), "nothing is inf or NaN")
    # The sum, 1.0183, is stored as 1.015625; every value is at least 0.15 ulp from a tie, so any
    # exp gives these bits. Rounding only the result would give 0.98046875 and 0.01794.
    probs, _ = run(softmax_with_overflow_detection, [0.0, -4.0], "bfloat16")
    with hint("In bfloat16 the row sum is not rounded to the format."):
        assert probs.tolist() == [0.984375, 0.01806640625], f"bfloat16 [0, -4]: {probs.tolist()}"


@test_case(
    name="bad rows among good rows",
    points=0.25,
    hidden=True,
    failure_message=(
        "A row that breaks does not touch its neighbours, and the flags speak for the whole "
        "input. See q3."
    ),
)
def test_bad_rows(softmax_with_overflow_detection, rng):
    scores = np.round(rng.standard_normal((4, 3, 6)) * 64) / 64
    for bad_score, flags_expected in (
        (1000.0, (True, True, True, True)),
        (-1000.0, (False, False, True, True)),
    ):
        broken = scores.copy()
        broken[2, 1] = bad_score
        probs, info = run(softmax_with_overflow_detection, broken, "float16")
        good = np.ones((4, 3), dtype=bool)
        good[2, 1] = False
        with hint("One bad row changes the rows beside it."):
            check_close(probs[torch.from_numpy(good)], scores[good], "float16")
        with hint("The bad row itself should be NaN: nothing is repaired."):
            assert probs[2, 1].isnan().all(), f"a row of {bad_score} should be NaN: {probs[2, 1]}"
        check_flags(info, flags_expected, f"one row of {bad_score}")


@test_case(
    name="masked scores",
    points=0.25,
    hidden=True,
    failure_message=(
        "A score of -inf has probability 0; a row with nothing else is 0 / 0, and so NaN. "
        "See the docstring of q3."
    ),
)
def test_masked(softmax_with_overflow_detection):
    scores = [[-math.inf, 2.0, 3.0], [0.0, -1e9, -math.inf]]
    probs, info = run(softmax_with_overflow_detection, scores, "float16")
    check_close(probs, scores, "float16")
    check_facts(info, (False, False, False), "masked scores")
    scores = [[-math.inf, -math.inf], [0.0, 1.0]]
    probs, info = run(softmax_with_overflow_detection, scores, "float32")
    with hint("A row of nothing but -inf is 0 / 0, and so NaN."):
        assert probs[0].isnan().all(), f"0 / 0 should be NaN, not {probs[0]}"
    check_facts(info, (False, True, True), "a row with nothing left")


@test_case(
    name="every kind of input",
    points=0.25,
    hidden=True,
    failure_message=(
        "Lists, arrays and tensors of any real numbers (bfloat16, which NumPy has not, among "
        "them), shape and strides are taken; probs has the shape of x. See q3 in step 4."
    ),
)
def test_kinds_of_input(softmax_with_overflow_detection, rng):
    whole = rng.integers(-5, 6, size=(2, 3, 4), dtype=np.int8)
    tensor = torch.from_numpy(np.round(rng.standard_normal((5, 4, 3)) * 16) / 16)
    for scores, dtype in (
        (whole, "float32"),
        (whole.astype(np.float32), "float64"),
        (torch.from_numpy(whole), "float16"),
        (tensor, "bfloat16"),
        (tensor.to(torch.bfloat16), "float32"),
        (tensor.transpose(0, 2), "float32"),
    ):
        probs, info = run(softmax_with_overflow_detection, scores, dtype)
        check_close(probs, scores, dtype)
        check_facts(info, (False, False, False), "nothing is inf or NaN")


@test_case(
    name="the input afterwards",
    points=0.125,
    hidden=True,
    failure_message="x itself is left as it is. See the docstring of q3.",
)
def test_input_kept(softmax_with_overflow_detection, rng):
    array = rng.standard_normal((3, 4)).astype(np.float32)
    before = array.copy()
    probs, _ = run(softmax_with_overflow_detection, array, "float32")
    check_close(probs, before, "float32")
    with hint("A float32 array that was handed in was changed in place."):
        assert np.array_equal(array, before), "a float32 array was changed"
    tensor = torch.from_numpy(before).to(torch.float16)
    kept = tensor.clone()
    probs, _ = run(softmax_with_overflow_detection, tensor, "float16")
    check_close(probs, kept, "float16")
    with hint("A float16 tensor that was handed in was changed in place."):
        assert torch.equal(tensor, kept), "a float16 tensor was changed"


@test_case(
    name="input that has no answer",
    points=0.125,
    hidden=True,
    failure_message=(
        "Empty scores, a NaN and an unknown format are a ValueError; what is valid is "
        "answered. See the docstring of q3."
    ),
)
def test_refused(softmax_with_overflow_detection):
    with hint("What is valid got no right answer."):
        probs, _ = run(softmax_with_overflow_detection, np.zeros(2), "float32")
        check_close(probs, np.zeros(2), "float32")
    for scores, dtype in (
        ([1.0, math.nan], "float32"),
        (torch.tensor([[1.0, 2.0], [math.nan, 1.0]]), "float16"),
        ([], "float32"),
        ([1.0, 2.0], "float15"),
    ):
        try:
            softmax_with_overflow_detection(scores, dtype)
        except ValueError:
            continue
        message = f"expected a ValueError for {scores} in {dtype}"
        with hint("Something that has no answer got one."):
            raise AssertionError(message)


@test_case(
    name="as accurate as the dtype allows",
    points=0.25,
    hidden=True,
    failure_message=(
        "Probabilities are as near to the true ones as the format's own rounding allows. See q3."
    ),
)
def test_accuracy(softmax_with_overflow_detection, rng):
    for dtype in DTYPES:
        scores = np.round(rng.standard_normal((6, 5, 8)) * 32) / 16
        probs, _ = run(softmax_with_overflow_detection, scores, dtype)
        check_close(probs, scores, dtype)
