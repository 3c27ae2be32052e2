"""Hidden tests of find_overflow_threshold; the answers come from the reference."""

from otter.test_files import test_case

from grader.testing.hints import hint

OK_FORMAT = False
name = "q1"
points = None

DTYPES = ("float16", "bfloat16", "float32", "float64")


def check(find_overflow_threshold, reference, *arguments):
    got = find_overflow_threshold(*arguments)
    expected = reference.find_overflow_threshold(*arguments)
    said = f"{arguments}: expected {expected!r}, got {got!r}"
    with hint("The answer is no Python float."):
        assert isinstance(got, float), said
    with hint("The answer is too small: a larger value of the format has a finite result too."):
        assert not got < expected, said
    with hint("The answer is too large: the function is inf there already."):
        assert got == expected, said


@test_case(
    name="the fourth precision",
    points=0.25,
    hidden=True,
    failure_message=(
        "bfloat16 is one of the four formats that the docstring names: its threshold is "
        "exact as well. See step 3, q1."
    ),
)
def test_bfloat16(find_overflow_threshold, reference):
    check(find_overflow_threshold, reference, "bfloat16")


@test_case(
    name="a second function",
    points=0.25,
    hidden=True,
    failure_message=(
        "The function is the one named by `op`, computed in that format on that device, "
        "whatever it is called. See the docstring of q1."
    ),
)
def test_exp2(find_overflow_threshold, reference):
    for dtype in DTYPES:
        check(find_overflow_threshold, reference, dtype, "exp2", "cpu")


@test_case(
    name="a third function",
    points=0.25,
    hidden=True,
    failure_message=(
        "Any torch function that never decreases for x >= 0 may be named by `op`, one that "
        "overflows far beyond exp's edge as well. See the docstring of q1."
    ),
)
def test_square(find_overflow_threshold, reference):
    for dtype in DTYPES:
        check(find_overflow_threshold, reference, dtype, "square")


@test_case(
    name="a fourth function",
    points=0.25,
    hidden=True,
    failure_message=(
        "The edge is where the function itself gives inf, so its inverse, or a formula for "
        "exp, does not find it. See step 3, q1."
    ),
)
def test_sinh(find_overflow_threshold, reference):
    # Only here: in the wider dtypes torch's vectorised sinh overflows a step before its scalar
    # one, so a right search over many values at once has another right answer.
    check(find_overflow_threshold, reference, "float16", "sinh")


@test_case(
    name="a function with no threshold",
    points=0.25,
    hidden=True,
    failure_message=(
        "If the function is finite everywhere, the answer is the largest value of the "
        "format. See the docstring of q1."
    ),
)
def test_never_overflows(find_overflow_threshold, reference):
    for dtype in ("float16", "float32"):
        check(find_overflow_threshold, reference, dtype, "sqrt")


@test_case(
    name="names that mean nothing here",
    points=0.25,
    hidden=True,
    failure_message=(
        "A format or an `op` that does not exist is a ValueError, not another error and not "
        "a number. See the docstring of q1."
    ),
)
def test_unknown_names(find_overflow_threshold, reference):
    with hint("What is valid got no right answer."):
        check(find_overflow_threshold, reference, "float32", "square")
    for arguments in (("int32",), ("float32", "exponential_growth"), ("float15", "square")):
        try:
            got = find_overflow_threshold(*arguments)
        except ValueError:
            continue
        message = f"{arguments}: expected a ValueError, got {got!r}"
        with hint("A format or an op that does not exist got an answer."):
            raise AssertionError(message)
