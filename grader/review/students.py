"""One student, all questions: scores, cases, both messages, failed cells, overrides, history."""

import re
from dataclasses import dataclass

from markupsafe import Markup
from starlette.responses import Response

from grader import wording
from grader.course import notebooks
from grader.errors import UsageError
from grader.gradebook.history import Change
from grader.gradebook.rubrics import Given
from grader.model import Question
from grader.renderers.text import number
from grader.reports import Gradebook, Outcome, QuestionReport, Report
from grader.review.room import opaque
from grader.review.source import coloured, functions
from grader.review.web import Asked, first

CELL = re.compile(r"\b[Cc]ell (\d+)\b")


@dataclass(frozen=True, slots=True)
class Case:
    """A case with what its student reads of it, and what staff do."""

    outcome: Outcome
    for_student: str
    for_staff: str


@dataclass(frozen=True, slots=True)
class Part:
    """A question of one student."""

    question: Question
    report: QuestionReport
    cases: tuple[Case, ...]
    source: Markup
    failed_cells: tuple[tuple[int, Markup], ...]
    history: tuple[str, ...]


def student_of(asked: Asked, book: Gradebook) -> Report:
    """Return whose page it is; LookupError where there is nobody of that name."""
    wanted = asked.part("student")
    return first(one for one in book.reports if opaque("student", one.student) == wanted)


def everybody(asked: Asked) -> Response:
    """List the class."""
    book = asked.room.gradebook(asked.store)
    return asked.page("students.html.j2", book=book)


def one(asked: Asked) -> Response:
    """Show one student."""
    return _page(asked, student_of(asked, asked.room.gradebook(asked.store)))


def _page(asked: Asked, report: Report, *, status: int = 200, problem: str = "") -> Response:
    book = asked.room.gradebook(asked.store)
    notebook = asked.store.notebook(report.sha256)
    asking = {question.name: question for question in book.questions}
    parts = [
        _part(asked, asking[item.name], item, report.student, notebook)
        for item in report.questions
        if item.name in asking
    ]
    place = [row.student for row in book.reports].index(report.student)
    return asked.page(
        "student.html.j2",
        status,
        report=report,
        parts=parts,
        problem=problem,
        is_kept=notebook is not None,
        version=_version(asked, report.student),
        previous=book.reports[place - 1].student,
        following=book.reports[(place + 1) % len(book.reports)].student,
        requests=[one for one in asked.store.requests() if one.student == report.student],
    )


def _version(asked: Asked, student: str) -> int:
    return len(asked.store.overrides_of(student))


def _part(
    asked: Asked,
    question: Question,
    item: QuestionReport,
    student: str,
    notebook: bytes | None,
) -> Part:
    cases = tuple(
        Case(case, wording.told(case).text, wording.for_staff(case)) for case in item.cases
    )
    said = " ".join([item.note, *(case.for_staff for case in cases)])
    lines = [
        (change.made, f"{number(change.before)} → {number(change.after)}: {change.why}")
        for change in _changes(asked)
        if (change.student, change.question) == (student, question.name)
    ]
    lines += [(row.made, _marked(row)) for row in asked.store.history_of(student, question.name)]
    lines += [
        (row.made, f"{row.who} took the score by hand back: {row.why}")
        for name, row in asked.store.overrides_of(student)
        if name == question.name and row.score is None
    ]
    return Part(
        question,
        item,
        cases,
        coloured(functions(notebook, question.names)),
        _cells(notebook, {int(found) for found in CELL.findall(said)}),
        tuple(f"{made[:16].replace('T', ' ')} {text}" for made, text in sorted(lines)),
    )


def _changes(asked: Asked) -> list[Change]:
    basis = asked.store.basis_of_everything()
    return asked.room.kept("changes", basis, asked.store.changes)


def _marked(row: Given) -> str:
    return (
        f"{row.who} gave {number(row.score)}" if row.score is not None else f"{row.who}: no score"
    )


def _cells(notebook: bytes | None, numbers: set[int]) -> tuple[tuple[int, Markup], ...]:
    """Return the code cells of these numbers, which count code cells from 1 as the judge does."""
    if notebook is None or not numbers:
        return ()
    cells = {cell.number: cell.source for cell in notebooks.read(notebook).cells}
    return tuple((at, coloured(cells[at])) for at in sorted(numbers) if at in cells)


def override(asked: Asked) -> Response:
    """Set a score by hand, or take that back, with the reason."""
    report = student_of(asked, asked.room.gradebook(asked.store))
    question, why = asked.field("question"), asked.field("why")
    try:
        if asked.field("version") != str(_version(asked, report.student)):
            raise UsageError("Somebody has set a score of this student since; look at it first.")
        score = None if asked.field("do") == "withdraw" else _score(asked.field("score"))
        asked.store.override(report.student, question, score, asked.room.who, why)
    except UsageError as problem:
        return _page(asked, report, status=400, problem=str(problem))
    return asked.go(f"/student/{asked.part('student')}")


def _score(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise UsageError(f"The score {text!r} is no number; correct it.") from None
