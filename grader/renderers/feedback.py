"""`feedback/<student>.html`: what one student may know, and nothing that only staff may."""

from collections.abc import Iterator
from dataclasses import dataclass

from grader.model import (
    Gradebook,
    Outcome,
    Question,
    QuestionReport,
    Report,
    Status,
)
from grader.renderers.page import asset, pages, policy
from grader.renderers.text import EPSILON, feedback_name, isolation_label

_OPEN = frozenset({Status.PENDING, Status.UNGRADED})
_NOT_WRONG = _OPEN | {Status.PASSED}
STYLES = ("common.css", "feedback.css")
REGRADE = (
    "If you think that a result is wrong, write to your teaching staff. Name the question and the "
    "test case, say in a sentence or two why the result should be another one, and quote the "
    "reference below. Staff can run the same grading again and will get the same score."
)
HIDDEN_PASSED = "A hidden test. Your answer passed it."
HIDDEN_FAILED = (
    "A hidden test that your answer did not pass. It checks what the question asks for on inputs "
    "that are not shown, so its details stay with staff."
)
PENDING = "Not graded yet, so neither passed nor failed: it needs a GPU or a person."
UNGRADED = "Could not be graded through no fault of yours. Staff will repeat it; it is no zero."
BY_HAND = "Your teaching staff set this score by hand, so it is not what the tests add up to."
NO_PART_MARKS = (
    "This score is not what the tests add up to: either the question counts only when all of them "
    "pass, or your teaching staff set it by hand."
)
UNGRADED_NOTEBOOK = (
    "Your notebook could not be graded through no fault of yours. Staff will repeat it."
)


@dataclass(frozen=True, slots=True)
class Line:
    """A test case as its student may see it."""

    name: str
    hidden: bool
    status: Status
    score: float
    max_score: float
    text: str


@dataclass(frozen=True, slots=True)
class Part:
    """A question as its student may see it."""

    name: str
    title: str
    status: Status
    score: float
    max_score: float
    pending: float
    right: tuple[Line, ...]
    wrong: tuple[Line, ...]
    open: tuple[Line, ...]
    remark: str | None
    manual: bool
    answer: str


def render_all(book: Gradebook, *, regrade: str = REGRADE) -> Iterator[tuple[str, str]]:
    """Yield a file name and a page for each student; no two students share a name."""
    for report in book.reports:
        yield f"{feedback_name(report.student)}.html", render(report, book, regrade=regrade)


def render(report: Report, book: Gradebook, *, regrade: str = REGRADE) -> str:
    """Return one student's page. Nothing in it comes from a `staff_message` or from `note`."""
    parts = [_part(question, book) for question in report.questions]
    return (
        pages()
        .get_template("feedback.html.j2")
        .render(
            book=book,
            report=report,
            parts=parts,
            problem=problem(report),
            ungraded=any(part.status is Status.UNGRADED for part in parts),
            unsandboxed=report.isolation.is_unsandboxed,
            isolation=isolation_label(report.isolation),
            regrade=regrade,
            reference=f"{report.sha256[:12]}-{report.assignment_sha256[:12]}",
            styles=[asset(name) for name in STYLES],
            policy=policy(STYLES),
        )
    )


def problem(report: Report) -> str | None:
    """Return why the whole notebook could not be graded, as far as its student may know.

    An error that came while cases ran may tell what a hidden one did, and a fault of ours may tell
    a path, so only a file that was refused before anything ran is quoted.
    """
    if report.error is None or any(question.cases for question in report.questions):
        return None
    return UNGRADED_NOTEBOOK if report.status is Status.UNGRADED else report.error


def line(case: Outcome) -> Line:
    """Return a case as its student may see it.

    How a hidden case failed is not told, not even that it took too long: student code could choose
    between a failure and a timeout to tell what the hidden input was.
    """
    status, text = case.status, case.message
    if status is Status.PENDING:
        text = PENDING
    elif status is Status.UNGRADED:
        text = UNGRADED
    elif case.hidden:
        passed = status is Status.PASSED
        status = Status.PASSED if passed else Status.FAILED
        text = HIDDEN_PASSED if passed else HIDDEN_FAILED
    return Line(case.name, case.hidden, status, case.score, case.max_score, text)


def _part(report: QuestionReport, book: Gradebook) -> Part:
    question = _question(report, book)
    shown = [line(case) for case in report.cases]
    status = Status.worst([one.status for one in shown]) if shown else report.status
    remark = not_the_sum(report)
    if remark is not None:
        full = report.score >= report.max_score - EPSILON
        status = Status.PASSED if full else Status.FAILED
        shown = [one for one in shown if one.status not in _OPEN]
    return Part(
        report.name,
        question.title,
        status,
        report.score,
        report.max_score,
        report.pending,
        right=tuple(one for one in shown if one.status is Status.PASSED),
        wrong=tuple(one for one in shown if one.status not in _NOT_WRONG),
        open=tuple(one for one in shown if one.status in _OPEN),
        remark=remark,
        manual=question.kind == "manual",
        answer=report.answer,
    )


def not_the_sum(report: QuestionReport) -> str | None:
    """Return why a decided question's score is not what its cases add up to; None where it is."""
    if report.status in _OPEN or not report.cases:
        return None
    earned = sum(case.score for case in report.cases)
    if not any(case.status in _OPEN for case in report.cases):
        if abs(report.score - earned) <= EPSILON:
            return None
        if report.score == 0:  # by hand or by the tests' own rule: the report does not say which
            return NO_PART_MARKS
    return BY_HAND


def _question(report: QuestionReport, book: Gradebook) -> Question:
    for question in book.questions:
        if question.name == report.name:
            return question
    return Question(report.name, "", report.max_score)  # of an older version of the assignment
