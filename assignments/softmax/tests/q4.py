import numpy as np
from otter.test_files import test_case

OK_FORMAT = False
name = "q4"
points = None


def check_rows(rows, pairs, call):
    """Check that there is one row for each pair, in order, with sensible numbers."""
    assert isinstance(rows, list), f"{call} returned a {type(rows).__name__}; return a list."
    for row in rows:
        assert isinstance(row, dict), f"{call} returned a list of {type(row).__name__}, not dicts."
        for key in ("seq_len", "d_model", "failure_rate", "avg_max_score"):
            assert key in row, f'{call} returned a row without the key "{key}".'
    got = [(int(row["seq_len"]), int(row["d_model"])) for row in rows]
    assert got == pairs, (
        f"{call} gave (seq_len, d_model) rows {got}, not {pairs}: one for each pair, and every "
        "d_model for the first sequence length before the next one."
    )


@test_case(name="one row for each pair", points=0.25, hidden=False)
def test_rows(softmax_stress_test):
    call = "softmax_stress_test([4, 2], [3, 8], num_trials=7)"
    rows = softmax_stress_test([4, 2], [3, 8], num_trials=7)
    check_rows(rows, [(4, 3), (4, 8), (2, 3), (2, 8)], call)
    for row in rows:
        failures = row["failure_rate"] * 7
        assert 0 <= failures <= 7, (
            f"{call} gave the failure rate {row['failure_rate']}; it is a fraction from 0 to 1."
        )
        assert abs(failures - round(failures)) < 1e-6, (
            f"{call} gave the failure rate {row['failure_rate']}; of 7 trials, it must be a "
            "multiple of 1/7: a trial fails as a whole or not at all."
        )


@test_case(name="the seed decides the draws", points=0.25, hidden=False)
def test_seed(softmax_stress_test):
    # In your own kernel this sees NumPy's global state; reading it changes nothing.
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = softmax_stress_test([6], [5], num_trials=5, seed=3)
    other = softmax_stress_test([6], [5], num_trials=5, seed=4)
    again = softmax_stress_test([6], [5], num_trials=5, seed=3)
    call = "softmax_stress_test([6], [5], num_trials=5, seed=3)"
    assert first == again, (
        f"{call} gave {first} and then {again}: make a generator from the seed in each call."
    )
    assert first[0]["avg_max_score"] != other[0]["avg_max_score"], (
        f"{call} and the same with seed=4 gave the same scores {first}: use the seed."
    )
    assert np.array_equal(before, np.random.get_state()[1]), (  # noqa: NPY002
        f"{call} changed NumPy's global random state; draw from numpy.random.default_rng(seed)."
    )


@test_case(name="scaling and precision matter", points=0.25, hidden=False)
def test_scaling_and_precision(softmax_stress_test):
    # Scores have a standard deviation of 8, scaled 1: float16 ends at 11, float32 at 88.
    for dtype, scaled, expected in (
        ("float16", False, 1.0),
        ("float16", True, 0.0),
        ("float32", False, 0.0),
    ):
        (row,) = softmax_stress_test([64], [64], num_trials=5, dtype=dtype, scaled=scaled)
        assert row["failure_rate"] == expected, (
            f'for seq_len 64, d_model 64, dtype="{dtype}", scaled={scaled} the failure rate '
            f"should be {expected}, not {row['failure_rate']} (average largest score: "
            f"{row['avg_max_score']:.4g})."
        )
