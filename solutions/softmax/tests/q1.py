"""Hidden tests of find_overflow_threshold; the answers come from the reference."""

from otter.test_files import test_case

OK_FORMAT = False
name = "q1"
points = None

DTYPES = ("float16", "bfloat16", "float32", "float64")


def check(find_overflow_threshold, reference, *arguments):
    got = find_overflow_threshold(*arguments)
    expected = reference.find_overflow_threshold(*arguments)
    assert isinstance(got, float), f"{arguments}: got a {type(got).__name__}"
    assert got == expected, f"{arguments}: expected {expected!r}, got {got!r}"


@test_case(name="the fourth precision", points=0.25, hidden=True)
def test_bfloat16(find_overflow_threshold, reference):
    check(find_overflow_threshold, reference, "bfloat16")


@test_case(name="a second function", points=0.5, hidden=True)
def test_exp2(find_overflow_threshold, reference):
    for dtype in DTYPES:
        check(find_overflow_threshold, reference, dtype, "exp2", "cpu")


@test_case(name="a third function", points=0.5, hidden=True)
def test_square(find_overflow_threshold, reference):
    for dtype in DTYPES:
        check(find_overflow_threshold, reference, dtype, "square")


@test_case(name="a fourth function", points=0.25, hidden=True)
def test_sinh(find_overflow_threshold, reference):
    # Only here: in the wider dtypes torch's vectorised sinh overflows a step before its scalar
    # one, so a right search over many values at once has another right answer.
    check(find_overflow_threshold, reference, "float16", "sinh")


@test_case(name="a function with no threshold", points=0.25, hidden=True)
def test_never_overflows(find_overflow_threshold, reference):
    for dtype in ("float16", "float32"):
        check(find_overflow_threshold, reference, dtype, "sqrt")


@test_case(name="names that mean nothing here", points=0.25, hidden=True)
def test_unknown_names(find_overflow_threshold):
    for arguments in (("int32",), ("float32", "exponential_growth"), ("float15", "square")):
        try:
            got = find_overflow_threshold(*arguments)
        except ValueError:
            continue
        message = f"{arguments}: expected a ValueError, got {got!r}"
        raise AssertionError(message)
