"""What a sequential test promises, computed exactly, and for the cases of our own assignments.

A test's rates are the numbers of the case itself. The trials are drawn here, without a softmax.
"""

import ast
import math
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.testing import sequential
from grader.testing.sequential import ERROR, Mean, Rate, Sequential
from tests.conftest import REPOSITORY

ANSWERS = 10_000
LIMIT = math.log((2 - ERROR) / ERROR)  # of one side of two


def stated(path: Path) -> types.SimpleNamespace:
    """Return the constants of a test file, without what only otter brings along."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    return types.SimpleNamespace(
        **{node.targets[0].id: ast.literal_eval(node.value) for node in assigned}  # type: ignore[attr-defined]
    )


CASE = stated(REPOSITORY / "solutions" / "softmax" / "tests" / "q4.py")


# Exactly: the chance of every count of trials in which it happened, addition by addition.


def chances(
    edge: tuple[float, float], rate: float, group: int, most: int, limit: float
) -> tuple[float, float, float]:
    """Return how likely one side calls an answer of a rate right, wrong, and neither in time."""
    right, wrong = edge
    counts = np.arange(most + 1)
    ways = [math.comb(group, n) * rate**n * (1 - rate) ** (group - n) for n in range(group + 1)]
    open_ = np.zeros(most + 1)
    open_[0], accepted, refused = 1.0, 0.0, 0.0
    for trials in range(group, most + 1, group):
        open_ = np.convolve(open_, ways)[: most + 1]
        seen = counts * math.log(wrong / right) + (trials - counts) * math.log(
            (1 - wrong) / (1 - right)
        )
        accepted += open_[seen <= -limit].sum()
        refused += open_[seen >= limit].sum()
        open_[np.abs(seen) >= limit] = 0.0
    return accepted, refused, open_.sum()


def sides(given: dict[str, Any]) -> list[tuple[float, float]]:
    pairs = zip(given["right"], (given.get("below"), given.get("above")), strict=True)
    return [(right, wrong) for right, wrong in pairs if wrong is not None]


CASES = [("BY_SUM", 1, 0.736), ("MIDDLING", CASE.SMALL_TRIALS, 0.371)]


@pytest.mark.parametrize(("name", "group", "true_rate"), CASES)
def test_the_chances_of_our_own_cases(name: str, group: int, true_rate: float) -> None:
    given = getattr(CASE, name)
    assert given["right"][0] < true_rate < given["right"][1]
    limit = math.log((len(sides(given)) - ERROR) / ERROR)
    for right, wrong in sides(given):
        everything = (group, given["most"], limit)
        _, refused, late = chances((right, wrong), true_rate, *everything)
        assert refused < ERROR / 4
        assert late < ERROR / 10
        accepted, _, late = chances((right, wrong), wrong, *everything)
        assert accepted < ERROR
        assert late < 1e-3


@pytest.mark.parametrize("edge", [(0.7, 0.05), (0.3, 0.6), (0.5, 0.45)])
@pytest.mark.parametrize("group", [1, 7])
def test_error_rates_are_what_is_promised_at_the_edges(
    edge: tuple[float, float], group: int
) -> None:
    error = 1e-3
    limit, most = math.log((1 - error) / error), 6_000 if 0.45 in edge else 600
    right, wrong = edge
    _, refused, late = chances(edge, right, group, most, limit)
    accepted, _, _ = chances(edge, wrong, group, most, limit)
    assert refused <= error / (1 - error)
    assert accepted <= error / (1 - error)
    assert late < error
    assert max(refused, accepted) > error / 20  # and not by stopping too late


# By simulation, with the objects that authors use.


def run(test: Sequential, draw: Callable[[], float], group: int) -> Sequential:
    while not test.is_known:
        test.add(draw(), group)
    return test


def rates(name: str, rate: float, group: int, answers: int, seed: int = 0) -> list[Sequential]:
    draw = np.random.default_rng(seed)
    return [
        run(Rate(**getattr(CASE, name)), lambda: draw.binomial(group, rate) / group, group)
        for _ in range(answers)
    ]


@pytest.mark.parametrize(("name", "group", "true_rate"), CASES)
def test_no_right_answer_is_lost_and_it_is_known_soon(
    name: str, group: int, true_rate: float
) -> None:
    found = rates(name, true_rate, group, ANSWERS)
    assert all(test.is_right for test in found)
    # Before, every answer had 160 of the large trials and 150 of the small ones. Of the large
    # ones, 0.302 have no score above 11 and so count.
    per_count = {"BY_SUM": 1 / 0.302, "MIDDLING": 1.0}[name]
    mean = per_count * np.mean([test.trials for test in found])
    assert mean < {"BY_SUM": 160 / 3, "MIDDLING": 150 / 2}[name]


@pytest.mark.parametrize(
    ("name", "group", "rate"),
    # The largest score alone, the first 32 columns; nothing fails, everything fails.
    [("BY_SUM", 1, 0.0), ("BY_SUM", 1, 0.01), ("MIDDLING", 40, 0.0), ("MIDDLING", 40, 1.0)],
)
def test_no_wrong_answer_passes(name: str, group: int, rate: float) -> None:
    assert not any(test.is_right for test in rates(name, rate, group, 1_000))


def test_trials_of_which_some_count_are_enough() -> None:
    """The chance, exactly, that too few of the large trials count for a right answer."""
    limit = math.log((1 - ERROR) / ERROR)
    total, chance = CASE.LARGE_TRIALS, 0.0
    for count in range(CASE.BY_SUM["most"]):
        here = math.comb(total, count) * 0.302**count * 0.698 ** (total - count)
        late = chances(sides(CASE.BY_SUM)[0], 0.736, 1, count, limit)[2]
        chance += here * late
    assert chance < ERROR / 10


def test_trials_that_are_all_the_same_one_do_not_pass() -> None:
    """Their average is right: it takes a call of many trials to see it."""
    draw, trials = np.random.default_rng(3), CASE.SMALL_TRIALS

    def answer(group: int) -> bool:
        test = Rate(**CASE.MIDDLING)
        while not test.is_known:
            same = float(draw.random() < 0.371)
            for _ in range(trials // group):
                test.add(same if group == trials else draw.binomial(group, 0.371) / group, group)
        return test.is_right

    assert not any(answer(trials) for _ in range(1_000))
    assert all(answer(1) for _ in range(100))


@pytest.fixture(scope="module")
def largest() -> np.ndarray[Any, Any]:
    """Return the largest scaled score of many trials at seq_len 24, d_model 8."""
    draw = np.random.default_rng(5)
    queries, keys = (draw.standard_normal((8_000, 24, 8)) for _ in range(2))
    return (queries @ keys.transpose(0, 2, 1)).max((1, 2)) / math.sqrt(8)


def test_the_largest_scores_are_as_mean_asks_for(largest: np.ndarray[Any, Any]) -> None:
    given = CASE.LARGEST
    centre, standard_error = largest.mean(), largest.std() / math.sqrt(len(largest))
    assert given["right"][0] - 4 * standard_error < centre < given["right"][1] + 4 * standard_error
    for right, wrong in sides(given):
        t = (wrong - right) / given["deviation"] ** 2
        grown = np.exp(t * (largest - centre)).mean()
        assert grown < math.exp(t**2 * given["deviation"] ** 2 / 2)


def test_no_right_mean_is_lost_and_no_wrong_one_passes(largest: np.ndarray[Any, Any]) -> None:
    draw = np.random.default_rng(6)

    def means(values: np.ndarray[Any, Any], answers: int) -> list[Sequential]:
        return [
            run(Mean(**CASE.LARGEST), lambda: draw.choice(values, 20).mean(), 20)
            for _ in range(answers)
        ]

    found = means(largest, ANSWERS)
    assert all(test.is_right for test in found)
    assert np.mean([test.trials for test in found]) < 200 / 2.5
    for wrong in (largest - 0.7, largest + 0.7, largest / math.sqrt(8), largest * math.sqrt(8)):
        assert not any(test.is_right for test in means(wrong, 1_000))


# The tool itself.


def test_it_stops_when_it_knows_and_takes_nothing_back() -> None:
    test = Rate((0.4, 0.6), below=0.1, above=0.9, most=10_000)
    assert not test.is_known
    while not test.is_known:
        test.add(0.5, 2)
    assert test.is_right
    assert test.trials < 120
    for _ in range(1_000):
        test.add(1.0)
    assert test.is_right


def test_an_answer_in_between_ends_and_the_likelier_counts() -> None:
    for share, is_right in ((0.3, True), (0.2, False)):
        test = Rate((0.4, 0.6), below=0.1, most=40)
        while not test.is_known:
            test.add(share, 10)
        assert (test.trials, test.is_right) == (40, is_right)


@pytest.mark.parametrize("share", [math.nan, math.inf, 37.4, -0.1, np.float16(2)])
def test_a_share_that_cannot_be_is_wrong_at_once(share: float) -> None:
    test = Rate((0.4, 0.6), below=0.1, most=40)
    test.add(share, 10)
    assert test.is_known
    assert not test.is_right
    assert str(test) == f"{float(share):.4g}; expected 0.4 to 0.6, but for chance"
    test.add(0.5, 40)
    assert not test.is_right


def test_an_average_that_is_no_number_is_wrong() -> None:
    test = Mean((1, 2), above=3, deviation=1, most=9)
    test.add(math.nan)
    assert test.is_known
    assert not test.is_right


def test_it_says_what_it_saw() -> None:
    test = Rate((0.4, 0.6), below=0.1, most=40)
    assert str(test) == "nan over 0 trials; expected 0.4 to 0.6, but for chance"
    test.add(0.5, 10)
    test.add(0.0, 30)
    assert str(test) == "0.125 over 40 trials; expected 0.4 to 0.6, but for chance"


@pytest.mark.parametrize(
    ("kind", "right", "more", "says"),
    [
        (Rate, (0.4, 0.6), {}, "State below, above or both"),
        (Rate, (0.6, 0.4), {"below": 0.1}, "do not rise"),
        (Rate, (0.4, 0.6), {"below": 0.4}, "do not rise"),
        (Rate, (0.4, 0.6), {"above": 0.6}, "do not rise"),
        (Rate, (0.4, 0.6), {"above": 0.5}, "do not rise"),
        (Rate, (0.4, 0.6), {"below": 0.0}, "lie between 0 and 1"),
        (Rate, (0.4, 1.0), {"above": 1.2}, "lie between 0 and 1"),
        (Mean, (4.0, 6.0), {"above": 5.0, "deviation": 1}, "do not rise"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(
    kind: Callable[..., Sequential], right: Any, more: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        kind(right, most=9, **more)


def test_its_docstring_names_its_source_and_error() -> None:
    assert "A. Wald" in (sequential.__doc__ or "")
    assert ERROR == 1e-6
