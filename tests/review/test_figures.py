"""The figures of a class's cases, with numbers that can be worked out by hand."""

from dataclasses import replace

import pytest

from grader.model import Environment, Isolation, IsolationLevel, Question, Status, TestCase
from grader.reports import Gradebook, Outcome, QuestionReport, Report
from grader.review.figures import cases

NAMES = ("easy", "fair", "wrong")
QUESTION = Question(
    "q1", "q1", 3.0, cases=tuple(TestCase(name, 1.0, hidden=True) for name in NAMES)
)
STRONG, HERE = Isolation(IsolationLevel.STRONG), Environment("1", "3.11", "Linux")


def outcome(name: str, status: Status, seconds: float) -> Outcome:
    score = float(status is Status.PASSED)
    return Outcome(name, hidden=True, status=status, score=score, max_score=1.0, seconds=seconds)


def book_of(rows: list[str]) -> Gradebook:
    """Return a class: a letter a case (passed, failed, ungraded), then the rest of the score."""
    words = {"p": Status.PASSED, "f": Status.FAILED, "u": Status.UNGRADED}
    reports = []
    for number, row in enumerate(rows):
        letters, _, rest = row.partition(" ")
        found = [
            outcome(name, words[letter], number)
            for name, letter in zip(NAMES, letters, strict=True)
        ]
        items = (
            QuestionReport.judged(QUESTION, found, all_or_nothing=False),
            QuestionReport("q2", Status.PASSED, float(rest or 0), 20.0),
        )
        reports.append(Report(f"s{number}", "s.ipynb", "n", items, 0, "a", STRONG, HERE))
    return Gradebook("a", "A", "a", 0, STRONG, HERE, (QUESTION,), tuple(reports))


def test_the_figures_are_those_of_a_calculation_by_hand() -> None:
    easy, fair, wrong = cases(book_of(["ppf"] * 4 + ["pfp"] * 4))
    assert (easy.passed, easy.decided, easy.discrimination) == (8, 8, None)  # all alike
    assert fair.pass_percent == 50
    # Who passes it has 1 elsewhere (easy), who fails has 2 (easy, wrong): it runs against the rest.
    assert fair.discrimination == pytest.approx(-1)
    assert wrong.seconds == (3.5, 7.0)


def test_a_case_that_the_best_fail_is_marked_and_a_sound_one_is_not() -> None:
    best, middle, last = ([f"{row} {rest}" for rest in range(at, at + 4)]
                          for row, at in (("ppf", 12), ("pff", 8), ("ffp", 4)))  # fmt: skip
    easy, fair, wrong = cases(book_of([*best, *middle, *last]))
    assert easy.doubt == fair.doubt == ""
    assert "100 % of the best quarter" in wrong.doubt


def test_a_case_that_runs_against_the_rest_is_marked_also_where_the_best_pass_it() -> None:
    rows = [f"ppp {rest}" for rest in (20, 19, 18, *[1] * 9)]
    *_, wrong = cases(book_of(rows + [f"ppf {rest}" for rest in range(6, 18)]))
    assert wrong.best_share == 0.5
    assert "less of the other points" in wrong.doubt


def test_what_was_not_decided_counts_for_nothing() -> None:
    easy, *_ = cases(book_of(["ppf"] * 8 + ["uuu"] * 20))
    assert easy.decided == 8


def test_a_small_class_is_not_judged_by_shares() -> None:
    book = book_of(["ppf"] * 4)
    assert all(not row.doubt and row.discrimination is None for row in cases(book))
    assert cases(replace(book, reports=())) == []
