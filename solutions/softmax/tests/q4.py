"""Hidden tests of softmax_stress_test: statistics, never draw by draw.

The constants are what the reference gives, measured once over 40,000 trials or more; each
uncertainty is four of its standard errors. A right answer is refused with a probability below
one in a million in each case, whatever it draws.
"""

import math

import numpy as np
from otter.test_files import test_case

OK_FORMAT = False
name = "q4"
points = None

FALSE_ALARM = 5e-7  # for each of two bands


def binomial_band(trials, lowest_rate, highest_rate):
    """Return the counts that a rate within these limits leaves but for one in two million."""

    def probability(count, rate):
        ways = math.lgamma(trials + 1) - math.lgamma(count + 1) - math.lgamma(trials - count + 1)
        return math.exp(ways + count * math.log(rate) + (trials - count) * math.log1p(-rate))

    low, tail = 0, probability(0, lowest_rate)
    while tail <= FALSE_ALARM / 2:
        low += 1
        tail += probability(low, lowest_rate)
    high, tail = trials, probability(trials, highest_rate)
    while tail <= FALSE_ALARM / 2:
        high -= 1
        tail += probability(high, highest_rate)
    return low, high


@test_case(name="how often it fails", points=0.5, hidden=True)
def test_failure_rate(softmax_stress_test, rng):
    # At d_model 2 a test of the largest score alone finds a rate of 0.668, the lesson's "above
    # 11" one of 0.69: the row sums decide. The middling rate shows trials that are not their own.
    # The large ones come in several calls, so that slow code that is right meets no limit.
    for seq_len, d_model, calls, trials, rate, uncertainty in (
        (512, 2, 10, 160, 0.917, 0.006),
        (32, 8, 1, 150, 0.374, 0.006),
    ):
        low, high = binomial_band(trials, rate - uncertainty, rate + uncertainty)
        share, failures = trials // calls, 0
        seeds = [int(seed) for seed in rng.integers(2**31, size=calls)]
        for seed in seeds:
            (row,) = softmax_stress_test([seq_len], [d_model], share, "float16", False, seed)
            failures += round(row["failure_rate"] * share)
        assert low <= failures <= high, (
            f"seeds {seeds}, seq_len {seq_len}, d_model {d_model}: {failures} of {trials} trials "
            f"failed; expected {low} to {high}"
        )


@test_case(name="how large the scores are", points=0.25, hidden=True)
def test_average_of_the_largest(softmax_stress_test, rng):
    trials, mean, deviation = 200, 3.505, 0.605
    # Six standard errors: the mean of 200 is close enough to normal for one in a million.
    slack = 6 * deviation / math.sqrt(trials) + 0.01
    seed = int(rng.integers(2**31))
    rows = softmax_stress_test([24], [2, 8], num_trials=trials, scaled=True, seed=seed)
    got = rows[1]["avg_max_score"]
    assert abs(got - mean) <= slack, (
        f"seed {seed}: avg_max_score is {got:.4g}; expected {mean} within {slack:.2g}"
    )


@test_case(name="every precision", points=0.25, hidden=True)
def test_every_precision(softmax_stress_test, rng):
    # The scores' standard deviation is sqrt(d_model). At 64 it is the largest of 4,096 scores
    # against 11 deviations (88.7 / 8), at 4,096 the largest of 256 against 1.4 (88.7 / 64). The
    # scaled rows of 256 sum to about 420 each, and to more than float16 holds all together.
    for seq_len, d_model, dtype, scaled, expected in (
        (64, 64, "bfloat16", False, 0.0),
        (64, 64, "float64", False, 0.0),
        (16, 4096, "bfloat16", False, 1.0),
        (16, 4096, "float32", False, 1.0),
        (16, 4096, "float64", False, 0.0),
        (256, 64, "float16", True, 0.0),
    ):
        seed = int(rng.integers(2**31))
        (row,) = softmax_stress_test([seq_len], [d_model], 2, dtype, scaled, seed)
        assert row["failure_rate"] == expected, (
            f"{dtype}, seq_len {seq_len}, d_model {d_model}, scaled {scaled}: the rate should be "
            f"{expected}, not {row['failure_rate']}"
        )


@test_case(name="where the draws come from", points=0.25, hidden=True)
def test_generator(softmax_stress_test, rng):
    # The global state of the student's process is out of reach, its draws are not: with one
    # score a trial, np.random.seed(seed) and its like give the product of the first two normal
    # numbers of the legacy stream, which default_rng(seed) never does.
    def single(seed):
        (row,) = softmax_stress_test([1], [1], num_trials=1, seed=seed)
        return float(row["avg_max_score"])

    seeds = [int(seed) for seed in rng.integers(2**31, size=3)]
    scores = [single(seed) for seed in seeds]
    assert len(set(scores)) == len(seeds), f"seeds {seeds} give the same scores {scores}"
    assert scores == [single(seed) for seed in seeds], f"seeds {seeds} do not repeat"
    for seed, score in zip(seeds, scores, strict=True):
        legacy = math.prod(np.random.RandomState(seed).standard_normal(2))
        assert not math.isclose(score, legacy, rel_tol=1e-3), (
            f"seed {seed}: the draws are those of np.random.seed, NumPy's global state"
        )
