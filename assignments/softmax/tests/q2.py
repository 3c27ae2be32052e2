import numpy as np
from otter.test_files import test_case

OK_FORMAT = False
name = "q2"
points = None


def check(analyze, scores, dtype, expected, hint):
    """Compare some keys of the answer for one input."""
    call = f'analyze_softmax_safety(np.array({scores}), "{dtype}")'
    answer = analyze(np.array(scores), dtype)
    assert isinstance(answer, dict), f"{call} returned a {type(answer).__name__}; return a dict."
    for key, value in expected.items():
        assert key in answer, f'{call} returned a dict without the key "{key}".'
        assert answer[key] == value, (
            f'for scores {scores} in {dtype}, "{key}" should be {value}, not {answer[key]}: {hint}.'
        )


@test_case(name="harmless scores", points=0.25, hidden=False)
def test_harmless(analyze_softmax_safety):
    expected = {
        "dtype": "float32",
        "scores_min": -1.0,
        "scores_max": 4.0,
        "overflow_count": 0,
        "sum_overflow_rows": 0,
        "underflow_rows": 0,
        "will_overflow": False,
        "total_values": 6,
    }
    scores = [[1.0, 2.0, 3.0], [4.0, 0.5, -1.0]]
    check(analyze_softmax_safety, scores, "float32", expected, "nothing overflows here")


@test_case(name="the scores are converted first", points=0.25, hidden=False)
def test_converted_first(analyze_softmax_safety):
    check(
        analyze_softmax_safety,
        [0.1, 1.0, 70000.0],
        "float16",
        {"scores_min": 0.0999755859375, "scores_max": float("inf"), "overflow_count": 1},
        "float16 holds neither 0.1 nor 70000 exactly, and it is the converted scores that count",
    )
    check(
        analyze_softmax_safety,
        [11.089, 1.0],
        "float16",
        {"scores_max": 11.0859375, "overflow_count": 0, "will_overflow": False},
        "11.089 becomes 11.0859375 in float16, whose exp is finite, so compare after converting",
    )


@test_case(name="a sum can overflow by itself", points=0.25, hidden=False)
def test_sum_overflow(analyze_softmax_safety):
    check(
        analyze_softmax_safety,
        [11.0, 11.0],
        "float16",
        {"will_overflow": True, "overflow_count": 0, "sum_overflow_rows": 1},
        "exp(11) = 59872 is finite in float16, and 59872 + 59872 is not",
    )
    check(
        analyze_softmax_safety,
        [12.0, 1.0],
        "float16",
        {"overflow_count": 1, "sum_overflow_rows": 0},
        "an exp is inf here already, so the row's sum does not count once more",
    )


@test_case(name="plain Python values", points=0.25, hidden=False)
def test_plain_values(analyze_softmax_safety):
    types = {
        "dtype": str,
        "max_safe_input": float,
        "dtype_max": float,
        "scores_min": float,
        "scores_max": float,
        "overflow_count": int,
        "sum_overflow_rows": int,
        "underflow_rows": int,
        "will_overflow": bool,
        "total_values": int,
    }
    answer = analyze_softmax_safety([1.0, 100.0], "float32")
    assert isinstance(answer, dict), f"the answer is a {type(answer).__name__}; return a dict."
    for key, wanted in types.items():
        assert key in answer, f'for scores [1.0, 100.0] in float32 the key "{key}" is missing.'
        assert type(answer[key]) is wanted, (
            f'for scores [1.0, 100.0] in float32, "{key}" is a {type(answer[key]).__name__}; make '
            f"it a Python {wanted.__name__}, since NumPy and torch scalars do not go into JSON."
        )


@test_case(name="the edge itself is safe", points=0.25, hidden=False)
def test_edge(analyze_softmax_safety):
    safe = {"overflow_count": 0, "will_overflow": False}
    hint = "exp(11.0859375) = 65248 is the last that float16 holds"
    check(analyze_softmax_safety, [11.0859375, -5.0], "float16", safe, hint)
    unsafe = {"overflow_count": 1, "will_overflow": True}
    hint = "11.09375 is the next float16, and its exp is inf"
    check(analyze_softmax_safety, [11.09375, -5.0], "float16", unsafe, hint)


@test_case(name="a row lies along the last axis", points=0.25, hidden=False)
def test_last_axis(analyze_softmax_safety):
    expected = {"sum_overflow_rows": 1, "overflow_count": 0, "underflow_rows": 0}
    hint = "the row [11, 11] overflows in its sum, and no column does: sum over the last axis"
    scores = [[11.0, 11.0], [0.0, 0.0], [0.0, 0.0]]
    check(analyze_softmax_safety, scores, "float16", expected, hint)
    hint = "both exps of the row [-1000, -1000] are 0, and in each column one is not"
    scores = [[-1000.0, -1000.0], [0.0, 0.0]]
    check(analyze_softmax_safety, scores, "float32", {"underflow_rows": 1}, hint)
