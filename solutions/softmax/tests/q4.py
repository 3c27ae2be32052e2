"""Hidden tests of softmax_stress_test: statistics, never draw by draw.

The rates and means of a right answer are what the reference gives, measured over 16,000 trials or
more, with four standard errors on each side. A right answer is refused with a probability below one
in a million in each case, whatever it draws: see `sequential`.
"""

import math

import numpy as np
from otter.test_files import test_case

from grader.testing import sequential
from grader.testing.hints import hint

OK_FORMAT = False
name = "q4"
points = None

# Without a sum that overflows, a trial fails above 11.09 in float16 (the lesson says 11), and not
# below. How a right answer rounds its scores may decide in between.
HARMLESS = 11.0
FATAL = 11.2
LARGE_TRIALS = 240  # at most, of which every third has no score above 11
# How many of these fail, by the sum of a row: at seq_len 512, d_model 2 a right answer's rate is
# 0.736. A test of the largest score alone fails in none of them.
BY_SUM = {"right": (0.7, 0.76), "below": 0.05, "most": 60}
# How often it fails at seq_len 32, d_model 8. The rate is middling and a call's trials are many, so
# that a call whose trials are all the same one is refused, whether it fails or not.
MIDDLING = {"right": (0.361, 0.379), "below": 0.06, "above": 0.78, "most": 800}
SMALL_TRIALS = 40
# The largest score, scaled, at seq_len 24, d_model 8. Its deviation is 0.61, and it is skew: with
# 0.72, E exp(t x) is as `Mean` asks for it.
LARGEST = {"right": (3.49, 3.515), "below": 2.9, "above": 4.1, "deviation": 0.72, "most": 400}


def next_seed(rng):
    return int(rng.integers(2**31))


@test_case(
    name="how often it fails",
    points=0.5,
    hidden=True,
    failure_message=(
        "failure_rate is the share of independent trials that fail by your "
        "analyze_softmax_safety, from 0 to 1. See the docstring of q4."
    ),
)
def test_failure_rate(softmax_stress_test, rng):
    sums, trials = sequential.Rate(**BY_SUM), 0
    while not sums.is_known and trials < LARGE_TRIALS:
        trials, seed = trials + 1, next_seed(rng)
        (row,) = softmax_stress_test([512], [2], 1, "float16", False, seed)
        largest, rate = row["avg_max_score"], row["failure_rate"]
        if largest <= HARMLESS:
            sums.add(rate)
        with hint("A trial with a score whose exp is inf does not count as failed."):
            assert rate == 1 or not largest > FATAL, (
                f"seed {seed}, seq_len 512, d_model 2: a trial whose largest score is "
                f"{largest:.4g} has the failure rate {rate}"
            )
    call = f"{trials} trials at seq_len 512, d_model 2"
    with hint("Scores are larger or smaller than QK^T of standard normal numbers."):
        assert sums.is_known, f"{call}: in {sums.trials} no score is above 11, which is too few"
    with hint("Trials whose rows overflow in their sum alone are not counted as chance has it."):
        assert sums.is_right, f"{call}: the failure rate of those with no score above 11 is {sums}"
    rate = sequential.Rate(**MIDDLING)
    while not rate.is_known:
        seed = next_seed(rng)
        (row,) = softmax_stress_test([32], [8], SMALL_TRIALS, "float16", False, seed)
        rate.add(row["failure_rate"], SMALL_TRIALS)
    with hint("The share of trials that fail is not where chance leaves it."):
        assert rate.is_right, f"seq_len 32, d_model 8, up to seed {seed}: {rate}"


@test_case(
    name="how large the scores are",
    points=0.25,
    hidden=True,
    failure_message=(
        "avg_max_score is the largest score of each trial as it was drawn, before it is converted, "
        "averaged over the trials, and divided by the square root of d_model if scaled. See the "
        "docstring of q4."
    ),
)
def test_average_of_the_largest(softmax_stress_test, rng):
    mean = sequential.Mean(**LARGEST)
    while not mean.is_known:
        seed = next_seed(rng)
        rows = softmax_stress_test([24], [2, 8], num_trials=20, scaled=True, seed=seed)
        mean.add(rows[1]["avg_max_score"], 20)
    with hint("The average of the largest scores is not where chance leaves it."):
        assert mean.is_right, f"seq_len 24, d_model 8, up to seed {seed}: avg_max_score is {mean}"
    # A product as it is drawn has more digits than float16 holds, but for one in thousands.
    seeds = [next_seed(rng) for _ in range(4)]
    drawn = [softmax_stress_test([1], [1], 1, seed=seed)[0]["avg_max_score"] for seed in seeds]
    with hint("The largest scores are averaged after they were converted to the format."):
        assert any(float(np.float16(score)) != score for score in drawn), (
            f"seeds {seeds}: {drawn} are all of them float16"
        )


@test_case(
    name="every precision",
    points=0.25,
    hidden=True,
    failure_message=(
        "The same draws are judged in the format that was asked for: where float16 breaks, "
        "bfloat16 may not. See “Realistic attention scores” in step 2."
    ),
)
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
        with hint(
            "The failure rate does not fit the format, scaling or sizes that were asked for."
        ):
            assert row["failure_rate"] == expected, (
                f"{dtype}, seq_len {seq_len}, d_model {d_model}, scaled {scaled}: the rate should "
                f"be {expected}, not {row['failure_rate']}"
            )


@test_case(
    name="where the draws come from",
    points=0.25,
    hidden=True,
    failure_message=(
        "All draws come from numpy.random.default_rng(seed): equal seeds agree, others do "
        "not, and the global state plays no part. See the docstring of q4."
    ),
)
def test_generator(softmax_stress_test, rng):
    # The global state of the student's process is out of reach, its draws are not: with one
    # score a trial, np.random.seed(seed) and its like give the product of the first two normal
    # numbers of the legacy stream, which default_rng(seed) never does.
    def single(seed):
        (row,) = softmax_stress_test([1], [1], num_trials=1, seed=seed)
        return float(row["avg_max_score"])

    seeds = [int(seed) for seed in rng.integers(2**31, size=3)]
    scores = [single(seed) for seed in seeds]
    with hint("Other seeds give the same draws."):
        assert len(set(scores)) == len(seeds), f"seeds {seeds} give the same scores {scores}"
    with hint("The same seed gives other draws the second time."):
        assert scores == [single(seed) for seed in seeds], f"seeds {seeds} do not repeat"
    for seed, score in zip(seeds, scores, strict=True):
        legacy = math.prod(np.random.RandomState(seed).standard_normal(2))
        with hint("The draws come from the global state of NumPy."):
            assert not math.isclose(score, legacy, rel_tol=1e-3), (
                f"seed {seed}: the draws are those of np.random.seed, NumPy's global state"
            )
