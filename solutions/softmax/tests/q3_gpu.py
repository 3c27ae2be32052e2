"""Hidden tests of q1 and q3 on a GPU: the FP16 failure cases.

Before a student is judged on a failure, the same formula must be seen to fail on this very
device; if it does not, that is our fault and not theirs, so the case raises and is ungraded.
"""

import math

import torch
from otter.test_files import test_case

from grader.testing.hints import hint

OK_FORMAT = False
name = "q3_gpu"
points = None
requires = "cuda"

FLAGS = ("predicted_overflow", "has_inf", "has_nan", "actual_overflow")
NAN = math.nan


def naive(scores):
    exp = torch.exp(scores)
    return exp / exp.sum(dim=-1, keepdim=True)


def same(got, expected):
    # As in q3: 4u for exp, 4u for what it adds to the sum, (n + 1)u for the rest; u = 2**-11.
    rtol = (expected.shape[-1] + 9) * 2.0**-11
    return torch.allclose(got.cpu().double(), expected, rtol=rtol, atol=0, equal_nan=True)


def check(function, device, scores, expected, flags):
    """Compare probabilities of float16 scores on the device, NaN equal to NaN, and the flags."""
    x = torch.tensor(scores, dtype=torch.float16, device=device)
    wanted = torch.tensor(expected, dtype=torch.float64)
    if not same(naive(x), wanted):
        message = f"the naive formula on {device} gives {naive(x)} for {scores}, not {expected}"
        raise RuntimeError(message)
    probs, info = function(x, "float16")
    with hint("probs is no float16 tensor of the shape of x, on its device."):
        assert isinstance(probs, torch.Tensor), f"probs is a {type(probs).__name__}"
        assert probs.device.type == x.device.type, f"probs is on {probs.device}, not {x.device}"
        assert probs.dtype == torch.float16, f"probs is {probs.dtype}"
        assert tuple(probs.shape) == tuple(x.shape), f"probs has shape {tuple(probs.shape)}"
    with hint("The probabilities are not those of the naive formula in float16."):
        assert same(probs, wanted), f"expected {expected}, got {probs}"
    got = tuple(bool(info[flag]) for flag in FLAGS)
    with hint("At least one of the four flags is wrong."):
        assert got == flags, f"{scores}: {FLAGS} should be {flags}, not {got}"


@test_case(
    name="thresholds on this device",
    points=0.5,
    hidden=True,
    failure_message=(
        "find_overflow_threshold computes on the device that it is given. See q3_gpu."
    ),
)
def test_thresholds(find_overflow_threshold, reference, device):
    for dtype in ("float16", "bfloat16", "float32", "float64"):
        for op in ("exp", "exp2", "square"):
            expected = reference.find_overflow_threshold(dtype, op, device)
            got = find_overflow_threshold(dtype, op, device)
            with hint("The threshold is not the one that this device computes."):
                assert got == expected, f"{dtype}, {op}: expected {expected!r}, got {got!r}"


@test_case(
    name="one step makes the difference",
    points=0.5,
    hidden=True,
    failure_message=(
        "The edge of float16 on a GPU: the probabilities and the flags change there. See q3_gpu."
    ),
)
def test_one_step(softmax_with_overflow_detection, reference, device):
    last = reference.find_overflow_threshold("float16", "exp", device)
    # exp(0) = 1 is too small to push the sum over the edge as well.
    check(
        softmax_with_overflow_detection,
        device,
        [last, 0.0],
        [1.0, math.exp(-last)],
        (False, False, False, False),
    )
    check(
        softmax_with_overflow_detection,
        device,
        [last + 2.0**-7, 0.0],
        [NAN, 0.0],
        (True, True, True, True),
    )


@test_case(
    name="equal scores, longer and longer rows",
    points=0.5,
    hidden=True,
    failure_message="A row sum past the edge of float16 gives zeros on a GPU too. See q3_gpu.",
)
def test_long_rows(softmax_with_overflow_detection, device):
    for length, safe, unsafe in ((2, 10.0, 11.0), (64, 6.5, 7.5), (1024, 3.5, 4.75)):
        check(
            softmax_with_overflow_detection,
            device,
            [[safe] * length, [unsafe] * length],
            [[1 / length] * length, [0.0] * length],
            (True, True, False, True),
        )


@test_case(
    name="very negative scores",
    points=0.25,
    hidden=True,
    failure_message=(
        "A row whose exps all vanish is NaN in the naive formula, and nothing is repaired. "
        "See “Two failures without a single NaN” in step 3."
    ),
)
def test_very_negative(softmax_with_overflow_detection, device):
    check(
        softmax_with_overflow_detection,
        device,
        [[-1000.0] * 3, [1.0] * 3],
        [[NAN] * 3, [1 / 3] * 3],
        (False, False, True, True),
    )
    check(
        softmax_with_overflow_detection,
        device,
        [-17.0, -17.5, -16.5],
        [0.5, 0.0, 0.5],
        (False, False, False, False),
    )


@test_case(
    name="masked scores",
    points=0.25,
    hidden=True,
    failure_message=(
        "A score of -inf has probability 0 on a GPU too; a row with nothing else is NaN. "
        "See q3_gpu."
    ),
)
def test_masked(softmax_with_overflow_detection, device):
    check(
        softmax_with_overflow_detection,
        device,
        [[-math.inf, 2.0, 2.0], [0.0, -math.inf, -1e9]],
        [[0.0, 0.5, 0.5], [1.0, 0.0, 0.0]],
        (False, False, False, False),
    )
    check(
        softmax_with_overflow_detection,
        device,
        [[-math.inf, -math.inf], [1.0, 1.0]],
        [[NAN, NAN], [0.5, 0.5]],
        (False, False, True, True),
    )
