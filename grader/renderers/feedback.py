"""`feedback/<student>.html`: what one student may know, and nothing that only staff may."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from grader import wording
from grader.model import POINT_TOLERANCE, Question, Status
from grader.renderers.page import asset, pages, policy
from grader.renderers.text import feedback_name, isolation_label
from grader.reports import Gradebook, Outcome, QuestionReport, Report, Written

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
    cause: str = ""  # why it did not pass, as far as its student may know; "" for nothing
    without_cause: str = ""  # the text where several cases share the cause
    promise: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Cases of a question that failed for one cause, or one case by itself."""

    cause: str
    lines: tuple[Line, ...]


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
    wrong: tuple[Group, ...]
    open: tuple[Line, ...]
    remark: str | None
    manual: bool
    answer: Written
    reply: str

    @property
    def is_partly_right(self) -> bool:
        """Whether some of the points were earned and none is open: the score says it best."""
        lost = self.max_score - self.score - self.pending
        return self.status not in _NOT_WRONG and min(self.score, lost) > POINT_TOLERANCE


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
            causes=_causes(report),
            ungraded=any(part.status is Status.UNGRADED for part in parts),
            total=book.total(report) if book.has_total else None,
            unsandboxed=report.isolation.is_unsandboxed,
            isolation=isolation_label(report.isolation),
            regrade=regrade,
            reference=f"{report.sha256[:12]}-{report.assignment_sha256[:12]}",
            styles=[asset(name) for name in STYLES],
            policy=policy(STYLES),
        )
    )


def _causes(report: Report) -> list[str]:
    """Return what went wrong before any test ran, each thing once."""
    found = [
        case.cause
        for question in report.questions
        for case in question.cases
        if case.status not in _NOT_WRONG and case.cause
    ]
    return list(dict.fromkeys(found))


def _line(case: Outcome) -> Line:
    seen = wording.told(case)
    cause, without_cause = seen.text, ""
    if case.hidden:
        cause, without_cause = case.hint, wording.told(replace(case, hint="")).text
    return Line(
        case.name, case.hidden, seen.status, case.score, case.max_score, seen.text,
        cause, without_cause, (case.promise or case.remark) if case.hidden else "",
    )  # fmt: skip


def _by_cause(lines: Iterable[Line]) -> tuple[Group, ...]:
    """Gather what has one cause, where its first case stands; what says none stands alone."""
    groups: dict[object, list[Line]] = {}
    for number, line in enumerate(lines):
        groups.setdefault(_kind_of(line) or number, []).append(line)
    return tuple(Group(some[0].cause, tuple(some)) for some in groups.values())


def _kind_of(line: Line) -> str:
    """Return what lines of one cause share: of an error, all but the numbers in its sentence.

    The same line of a student's code raises the same for each input, and names each one's sizes.
    """
    if line.hidden or line.status is not Status.ERROR:
        return line.cause
    *where, said = line.cause.splitlines() or [""]
    return "\n".join([*where, re.sub(r"\d[\d,]*", "0", said)])


def _with_what_is_lacking(lines: list[Line]) -> list[Line]:
    """Give hidden cases the cause of all public ones where that is a stub, or no function at all.

    What a hidden case has met is not told. Where no public case has come past what is lacking, its
    student may as well know that no other did.
    """
    public = {line.text for line in lines if not line.hidden}
    lacking = public.pop() if len(public) == 1 else ""
    if not wording.fails_every_test(lacking):
        return lines
    return [
        replace(line, cause=lacking)
        if line.hidden and not line.cause and line.status not in _NOT_WRONG
        else line
        for line in lines
    ]


def _part(report: QuestionReport, book: Gradebook) -> Part:
    question = _question(report, book)
    shown = _with_what_is_lacking([_line(case) for case in report.cases])
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
        wrong=_by_cause(one for one in shown if one.status not in _NOT_WRONG),
        open=tuple(one for one in shown if one.status in wording.OPEN),
        remark=remark,
        manual=question.kind == "manual",
        answer=report.written,
        reply=report.reply,
    )


def _question(report: QuestionReport, book: Gradebook) -> Question:
    for question in book.questions:
        if question.name == report.name:
            return question
    return Question(report.name, "", report.max_score)  # of an older version of the assignment
