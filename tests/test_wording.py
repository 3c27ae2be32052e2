"""One mouth: what a student reads of a case is the same wherever it is read."""

import ast
import html
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grader import wording
from grader.commands import checking
from grader.grading import outcomes
from grader.model import (
    Assignment,
    Environment,
    Isolation,
    Limits,
    Question,
    Status,
    Submission,
    TestCase,
)
from grader.renderers import feedback, gradescope, results_json
from grader.reports import Gradebook, Outcome, QuestionReport, Report

DETAIL = "for 4711 the answer is 9422"
LOSSES = (Status.FAILED, Status.ERROR, Status.TIMEOUT, Status.KILLED)
PACKAGE = Path(wording.__file__).parent


def judged(status: Status, *, hidden: bool) -> Outcome:
    """Return a case as the judge's own constructors make it."""
    case = TestCase("large values", 2.0, hidden)
    if status is Status.PASSED:
        return outcomes.passed(case)
    if status is Status.PENDING:
        return outcomes.pending(case, DETAIL)
    if status is Status.UNGRADED:
        return outcomes.ungraded(case, DETAIL)
    return outcomes.lost(case, status, DETAIL)


def as_an_older_version_kept_it(status: Status, *, hidden: bool) -> Outcome:
    """Return a case of a store whose messages were made by no rule at all."""
    return replace(judged(status, hidden=hidden), message=DETAIL, staff_message=DETAIL)


def book_of(case: Outcome) -> Gradebook:
    question = Question("q1", "softmax", 2.0, cases=(TestCase(case.name, 2.0, case.hidden),))
    item = QuestionReport.judged(question, [case], all_or_nothing=False)
    report = Report.of(
        Submission("ada", "ada.ipynb", b"", "ab" * 32),
        [item],
        seed=1,
        assignment_sha256="cd" * 32,
        isolation=Isolation("strong"),
        environment=Environment("1", "3.11", "Linux"),
        limits=Limits(),
    )
    return Gradebook("softmax", "Softmax", "cd" * 32, 1, report.isolation, report.environment,
                     (question,), (report,))  # fmt: skip


def on_the_page(case: Outcome) -> str:
    book = book_of(case)
    page = html.unescape(feedback.render(book.reports[0], book))
    return page.split('aria-labelledby="part-1"')[1].split("</section>")[0]


def in_gradescope(case: Outcome) -> dict[str, object]:
    book = book_of(case)
    [test] = json.loads(gradescope.render(book.reports[0], book))["tests"]
    assert isinstance(test, dict)
    return test


def in_results(case: Outcome) -> dict[str, object]:
    [row] = json.loads(results_json.render(book_of(case)))["submissions"]
    found = row["questions"][0]["cases"][0]
    assert isinstance(found, dict)
    return found


def in_a_check(case: Outcome, assignment: Assignment) -> str:
    report = book_of(case).reports[0]
    return "\n".join(checking._describe(report, assignment).lines)


def expected(status: Status, *, hidden: bool) -> str:
    if status is Status.PENDING:
        return wording.PENDING
    if status is Status.UNGRADED:
        return wording.UNGRADED
    if status is Status.PASSED:
        return wording.HIDDEN_PASSED if hidden else ""
    return wording.HIDDEN_NOT_PASSED if hidden else DETAIL


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("status", list(Status))
def test_every_status_is_told_in_the_same_words_everywhere(
    status: Status, hidden: bool, small: Assignment
) -> None:
    words = expected(status, hidden=hidden)
    case = judged(status, hidden=hidden)
    assert case.message == words
    assert case.status is status
    assert in_gradescope(case)["output"] == words
    row = in_results(case)
    assert (row["message"], row["status"]) == (words, status.value)
    if (status, hidden) == (Status.PASSED, True):  # its tag and its word say it on a page
        assert DETAIL not in on_the_page(case)
    else:
        assert words in on_the_page(case)
    if status is not Status.PASSED:
        assert words in in_a_check(case, small)
        assert (row["staff_message"], wording.for_staff(case)) == (DETAIL, DETAIL)


@pytest.mark.parametrize("make", [judged, as_an_older_version_kept_it])
def test_no_place_tells_one_end_of_a_hidden_case_from_another(
    make: Callable[..., Outcome], small: Assignment
) -> None:
    cases = [make(status, hidden=True) for status in LOSSES]
    assert len({on_the_page(case) for case in cases}) == 1
    assert len({json.dumps(in_gradescope(case)) for case in cases}) == 1
    assert len({str(in_results(case)["message"]) for case in cases}) == 1
    assert len({in_a_check(case, small) for case in cases}) == 1
    for case in cases:
        assert DETAIL not in on_the_page(case) + json.dumps(in_gradescope(case))
        assert DETAIL not in str(in_results(case)["message"]) + in_a_check(case, small)


@pytest.mark.parametrize("place", ["judge", "page", "Gradescope", "results.json", "check"])
def test_without_the_rule_each_place_would_tell_it(
    place: str, small: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: each place asks the one rule, and none has a rule of its own."""

    def tell_all(case: Outcome) -> wording.Told:
        return wording.Told(case.status, f"{case.status}: {DETAIL}")

    monkeypatch.setattr(wording, "told", tell_all)
    says = {
        "judge": lambda case: case.message,
        "page": on_the_page,
        "Gradescope": lambda case: str(in_gradescope(case)["output"]),
        "results.json": lambda case: str(in_results(case)["message"]),
        "check": lambda case: in_a_check(case, small),
    }[place]
    texts = [says(judged(status, hidden=True)) for status in LOSSES]
    assert len(set(texts)) == len(LOSSES)
    assert all(DETAIL in text for text in texts)


def test_a_comment_on_an_answer_that_has_no_score_yet_is_for_staff() -> None:
    case = Outcome("read by a person", False, Status.PENDING, 0.0, 2.0, "a draft", "a draft")
    assert wording.told(case).text == wording.PENDING
    assert wording.for_staff(case) == "a draft"


def test_a_fault_of_ours_is_worded_once() -> None:
    """No module but this one says that something is no fault of a student's to the student."""
    said = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value.casefold()
                if "fault of yours" in text or "hidden test did not" in text:
                    said.append(path.name)
    assert set(said) == {"wording.py"}


@pytest.mark.parametrize("status", [Status.TIMEOUT, Status.KILLED])
def test_the_cases_that_a_child_still_owed_say_no_more_than_the_first(status: Status) -> None:
    cases = [TestCase(name, 1.0, hidden) for name, hidden in (("a", False), ("b", True))]
    first, second = outcomes.stopped(cases, status, "one call took longer than 10 s")
    further = f" {wording.RAN_OUT_OF_TIME}" if status is Status.TIMEOUT else ""
    assert first.message == f"One call took longer than 10 s.{further}"
    assert second.message == wording.HIDDEN_NOT_PASSED
    assert second.staff_message == "one call took longer than 10 s"
    first, second = outcomes.stopped(cases[1:] * 2, status, "it exited with status 7")
    assert first.message == second.message == wording.HIDDEN_NOT_PASSED


def test_a_signal_that_says_nothing_to_a_beginner_is_explained() -> None:
    case = TestCase("large values", 2.0, hidden=False)
    (segfault,) = outcomes.stopped([case], Status.KILLED, "the process was ended by SIGSEGV")
    assert segfault.message.startswith("The process was ended by SIGSEGV. It read or wrote memory")
    (killed,) = outcomes.stopped([case], Status.KILLED, "the process was ended by SIGKILL")
    assert killed.message == "The process was ended by SIGKILL."
