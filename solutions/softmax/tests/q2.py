"""Hidden tests of analyze_softmax_safety; every expected count is known by construction.

Each input is exact in float32 where the dtype is narrower, since rounding float64 to float16
once (NumPy) or by way of float32 (torch) can differ. Row sums stay far from the rounding
boundary and rows short of the length at which a sum accumulated in the dtype stalls, so the
order of summation does not matter.
"""

import math

import numpy as np
import torch
from otter.test_files import test_case

from grader.testing.hints import hint

OK_FORMAT = False
name = "q2"
points = None

DTYPES = ("float16", "bfloat16", "float32", "float64")


def check(analyze_softmax_safety, scores, dtype, /, **expected):
    answer = analyze_softmax_safety(scores, dtype)
    with hint("The answer is no dict."):
        assert isinstance(answer, dict), f"got a {type(answer).__name__}"
    for key in expected:
        with hint("A key that the docstring lists is missing."):
            assert key in answer, f"the key {key} is missing"
    wrong = {key: value for key, value in expected.items() if answer[key] != value}
    # An array takes longer to print than all else here.
    what = f"{dtype}, scores {np.asarray(scores).ravel()[:8]}" if wrong else ""
    said = "; ".join(
        f"{what}: {key} should be {value!r}, not {answer[key]!r}" for key, value in wrong.items()
    )
    with hint(
        "sum_overflow_rows alone is wrong: it counts the rows whose exps are all finite and whose "
        "sum is inf, and a row with an infinite exp is none of them."
    ):
        assert list(wrong) != ["sum_overflow_rows"], said
    assert not wrong, said


def following(value, dtype):
    """Return the next larger value of a dtype."""
    bits = torch.int16 if "16" in dtype else torch.int32 if "32" in dtype else torch.int64
    x = torch.tensor(value, dtype=getattr(torch, dtype))
    return float((x.view(bits) + 1).view(x.dtype))


@test_case(
    name="the limits of each dtype",
    points=0.25,
    hidden=True,
    failure_message=(
        "max_safe_input and dtype_max are those of the format that was asked for, in all "
        "four formats. See the docstring of q2."
    ),
)
def test_limits(analyze_softmax_safety, reference):
    with hint("max_safe_input or dtype_max is not that of the format that was asked for."):
        for dtype in DTYPES:
            check(
                analyze_softmax_safety,
                [0.0, 1.0],
                dtype,
                dtype=dtype,
                max_safe_input=reference.find_overflow_threshold(dtype),
                dtype_max=torch.finfo(getattr(torch, dtype)).max,
            )


@test_case(
    name="one step makes the difference",
    points=0.125,
    hidden=True,
    failure_message=(
        "The last value with a finite exp is safe, and the next value of the format is not. "
        "See q1, and step 4."
    ),
)
def test_one_step(analyze_softmax_safety, reference):
    for dtype in DTYPES:
        last = reference.find_overflow_threshold(dtype)
        with hint("The last score with a finite exp is not counted as safe."):
            check(
                analyze_softmax_safety,
                [[last, -5.0]],
                dtype,
                scores_max=last,
                overflow_count=0,
                sum_overflow_rows=0,
                will_overflow=False,
            )
        with hint("The first score with an infinite exp is not counted, or not once."):
            check(
                analyze_softmax_safety,
                [[last, -5.0], [following(last, dtype), -5.0]],
                dtype,
                overflow_count=1,
                sum_overflow_rows=0,
                will_overflow=True,
            )


@test_case(
    name="masked scores",
    points=0.25,
    hidden=True,
    failure_message=(
        "A score of -inf is masked: it is no overflow and no NaN, and scores are counted "
        "after their conversion. See the docstring of q2."
    ),
)
def test_masked(analyze_softmax_safety):
    masked = -math.inf
    harmless = {"overflow_count": 0, "sum_overflow_rows": 0, "will_overflow": False}
    with hint("Scores of -inf are not counted as masked."):
        check(
            analyze_softmax_safety,
            [[masked, 2.0, 3.0], [masked, masked, masked]],
            "float32",
            scores_min=masked,
            scores_max=3.0,
            underflow_rows=1,
            **harmless,
        )
    with hint("The scores are looked at before they are converted."):
        check(analyze_softmax_safety, [-1e9, 2.0], "float16", scores_min=masked, **harmless)
    with hint("The scores are converted to another format than the one asked for."):
        check(analyze_softmax_safety, [-1e9, 2.0], "float32", scores_min=-1e9, **harmless)


def mixed_rows(rng, threshold):
    """Return scores of shape (3, 5, 16) with rows of five kinds, and what they amount to."""
    below = math.floor(threshold) - 1
    rows = np.round(rng.standard_normal((15, 16)) * 8) / 8
    kinds = rng.permutation(np.repeat(np.arange(5), 3))
    rows[kinds == 1, 3] = threshold + 2 if threshold < 12 else math.ceil(threshold) + 2
    rows[kinds == 2] = below
    rows[kinds == 3] = -1000.0
    rows[kinds == 4] = below
    rows[kinds == 4, 7:9] = math.ceil(threshold) + 1
    return rows.reshape(3, 5, 16), {
        "overflow_count": 3 + 6,
        "sum_overflow_rows": 3,
        "underflow_rows": 3,
        "will_overflow": True,
        "total_values": 240,
        "scores_min": -1000.0,
        "scores_max": float(rows.max()),
    }


@test_case(
    name="many rows of all kinds",
    points=0.25,
    hidden=True,
    failure_message=(
        "Each slice along the last axis is one row, in arrays of any number of dimensions, for "
        "every key. See the docstring of q2."
    ),
)
def test_many_rows(analyze_softmax_safety, reference, rng):
    for dtype in DTYPES:
        scores, expected = mixed_rows(rng, reference.find_overflow_threshold(dtype))
        with hint("In scores of three dimensions rows of several kinds are counted wrongly."):
            check(analyze_softmax_safety, scores, dtype, **expected)


@test_case(
    name="rows that vanish",
    points=0.25,
    hidden=True,
    failure_message=(
        "A row counts for underflow_rows if every exp in it is 0 in the format. See “Two "
        "failures without a single NaN” in step 3."
    ),
)
def test_underflow(analyze_softmax_safety):
    fine = {"overflow_count": 0, "will_overflow": False}
    rows = [[-18.0] * 3, [-17.0] * 3, [-18.0, -18.0, 0.0]]
    with hint("In float16 rows in which every exp is 0 are counted wrongly."):
        check(analyze_softmax_safety, rows, "float16", underflow_rows=1, **fine)
    rows = [[-200.0, -300.0], [-80.0, -300.0]]
    with hint("In float32 rows in which every exp is 0 are counted wrongly."):
        check(analyze_softmax_safety, rows, "float32", underflow_rows=1, **fine)
    with hint("A row is said to vanish in float64, whose exps are far above 0 there."):
        check(analyze_softmax_safety, rows, "float64", underflow_rows=0, **fine)


@test_case(
    name="equal scores, longer and longer rows",
    points=0.125,
    hidden=True,
    failure_message=(
        "A row of harmless exps can still have a sum that the format cannot hold. See “Two "
        "failures without a single NaN” in step 3, and sum_overflow_rows in q2."
    ),
)
def test_long_rows(analyze_softmax_safety):
    for dtype, length, safe, unsafe in (
        ("float16", 8, 8.5, 9.5),
        ("float16", 64, 6.5, 7.5),
        ("float16", 1024, 3.5, 4.75),
        ("bfloat16", 64, 83.5, 85.5),
        ("float32", 64, 83.5, 85.5),
        ("float64", 64, 704.5, 706.5),
    ):
        for score, rows in ((safe, 0), (unsafe, 1)):
            with hint(
                "A sum of equal exps is taken for inf where the format holds it, or the reverse."
            ):
                check(
                    analyze_softmax_safety,
                    [[score] * length],
                    dtype,
                    overflow_count=0,
                    sum_overflow_rows=rows,
                    will_overflow=rows > 0,
                )


@test_case(
    name="input that has no answer",
    points=0.125,
    hidden=True,
    failure_message=(
        "Empty scores, a NaN and an unknown format are a ValueError; what is valid is "
        "answered. See the docstring of q2."
    ),
)
def test_refused(analyze_softmax_safety):
    with hint("What is valid got no right answer."):
        check(analyze_softmax_safety, [1.0, 2.0], "float32", scores_max=2.0, total_values=2)
    for scores, dtype in (
        ([1.0, math.nan], "float32"),
        ([], "float32"),
        ([[], []], "float16"),
        ([1.0, 2.0], "float15"),
    ):
        try:
            analyze_softmax_safety(scores, dtype)
        except ValueError:
            continue
        message = f"expected a ValueError for scores {scores} in {dtype}"
        with hint("Something that has no answer got one."):
            raise AssertionError(message)


@test_case(
    name="whole numbers",
    points=0.125,
    hidden=True,
    failure_message=(
        "Scores of whole numbers are converted to the format before anything else. See the "
        "docstring of q2."
    ),
)
def test_whole_numbers(analyze_softmax_safety):
    scores = np.array([[3, -2, 60], [1, 100, 3]], dtype=np.int8)
    with hint("Whole numbers are not converted before exp."):
        check(analyze_softmax_safety, scores, "float32", overflow_count=1, scores_max=100.0)
    with hint("Whole numbers are not converted before exp, here to float16."):
        check(analyze_softmax_safety, [12, 0], "float16", overflow_count=1, scores_max=12.0)
