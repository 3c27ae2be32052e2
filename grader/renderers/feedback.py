"""`feedback/<student>.html`: what one student may know, and nothing that only staff may."""

from collections.abc import Iterator
from dataclasses import dataclass

from grader import wording
from grader.model import (
    POINT_TOLERANCE,
    Gradebook,
    Outcome,
    Question,
    QuestionReport,
    Report,
    Status,
)
from grader.renderers.page import asset, pages, policy
from grader.renderers.text import feedback_name, isolation_label

_NOT_WRONG = wording.OPEN | {Status.PASSED}
STYLES = ("common.css", "feedback.css")


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
    reply: str


def render_all(book: Gradebook, *, regrade: str = wording.REGRADE) -> Iterator[tuple[str, str]]:
    """Yield a file name and a page for each student; no two students share a name."""
    for report in book.reports:
        yield f"{feedback_name(report.student)}.html", render(report, book, regrade=regrade)


def render(report: Report, book: Gradebook, *, regrade: str = wording.REGRADE) -> str:
    """Return one student's page. Nothing in it comes from a `staff_message` or from `note`."""
    parts = [_part(question, book) for question in report.questions]
    return (
        pages()
        .get_template("feedback.html.j2")
        .render(
            book=book,
            report=report,
            parts=parts,
            problem=wording.problem(report),
            ungraded=any(part.status is Status.UNGRADED for part in parts),
            unsandboxed=report.isolation.is_unsandboxed,
            isolation=isolation_label(report.isolation),
            regrade=regrade,
            reference=f"{report.sha256[:12]}-{report.assignment_sha256[:12]}",
            styles=[asset(name) for name in STYLES],
            policy=policy(STYLES),
        )
    )


def _line(case: Outcome) -> Line:
    seen = wording.told(case)
    return Line(case.name, case.hidden, seen.status, case.score, case.max_score, seen.text)


def _part(report: QuestionReport, book: Gradebook) -> Part:
    question = _question(report, book)
    shown = [_line(case) for case in report.cases]
    status = Status.worst([one.status for one in shown]) if shown else report.status
    remark = wording.not_the_sum(report)
    if remark is not None:
        full = report.score >= report.max_score - POINT_TOLERANCE
        status = Status.PASSED if full else Status.FAILED
        shown = [one for one in shown if one.status not in wording.OPEN]
    return Part(
        report.name,
        question.title,
        status,
        report.score,
        report.max_score,
        report.pending,
        right=tuple(one for one in shown if one.status is Status.PASSED),
        wrong=tuple(one for one in shown if one.status not in _NOT_WRONG),
        open=tuple(one for one in shown if one.status in wording.OPEN),
        remark=remark,
        manual=question.kind == "manual",
        answer=report.answer,
        reply=report.reply,
    )


def _question(report: QuestionReport, book: Gradebook) -> Question:
    for question in book.questions:
        if question.name == report.name:
            return question
    return Question(report.name, "", report.max_score)  # of an older version of the assignment
