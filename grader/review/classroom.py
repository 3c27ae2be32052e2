"""The class: each case's figures, wrong answers that say the same, code beside code."""

from dataclasses import dataclass

from markupsafe import Markup
from starlette.responses import Response

from grader.course import notebooks
from grader.errors import UsageError
from grader.model import Question
from grader.renderers import tallies
from grader.renderers.tallies import Cause
from grader.reports import Gradebook
from grader.review import figures
from grader.review.room import opaque
from grader.review.source import Alike, alike, coloured, functions
from grader.review.web import Asked, first

SHOWN = 6  # codes side by side at once
LIKENESS = 12_000  # characters of a student's functions that are compared with the others'


@dataclass(frozen=True, slots=True)
class Group:
    """Wrong answers that say the same, with some of their code."""

    cause: Cause
    codes: tuple[tuple[str, Markup], ...]

    @property
    def more(self) -> int:
        return len(self.cause.students) - len(self.codes)


def cases(asked: Asked) -> Response:
    """Show every case's figures."""
    book, basis = asked.room.gradebook(asked.store), asked.store.basis_of_everything()
    rows = asked.room.kept("figures", basis, lambda: figures.cases(book))
    return asked.page("class.html.j2", rows=rows, size=len(book.reports))


def case(asked: Asked) -> Response:
    """Show who loses on a case, grouped by what it said, with their functions side by side."""
    book, basis = asked.room.gradebook(asked.store), asked.store.basis_of_everything()
    rows = asked.room.kept("figures", basis, lambda: figures.cases(book))
    name = asked.part("question")
    row = first(
        one
        for one in rows
        if one.question == name and asked.case_id(one.name) == asked.part("case")
    )
    question = first(one for one in book.questions if one.name == name)
    causes = [one for one in tallies.causes(book) if (one.question, one.case) == (name, row.name)]
    hashes = {report.student: report.sha256 for report in book.reports}
    groups = [_group(asked, question, cause, hashes) for cause in causes]
    return asked.page(
        "case.html.j2", row=row, question=question, groups=groups, labels=_labels(asked, book)
    )


def _labels(asked: Asked, book: Gradebook) -> dict[str, str]:
    """Return how students are called: by a number in an order that tells nothing, or by name."""
    if asked.shows_names:
        return {report.student: report.student for report in book.reports}
    order = sorted(book.reports, key=lambda report: opaque("student", report.student))
    return {report.student: f"Student {number}" for number, report in enumerate(order, 1)}


def _group(asked: Asked, question: Question, cause: Cause, hashes: dict[str, str]) -> Group:
    codes = []
    for student in cause.students:
        source = functions(asked.store.notebook(hashes[student]), question.names)
        if source:
            codes.append((student, coloured(source)))
        if len(codes) == SHOWN:
            break
    return Group(cause, tuple(codes))


def similar(asked: Asked) -> Response:
    """List pairs of similar code, where it was asked for."""
    book = asked.room.gradebook(asked.store)
    found = [
        (question, _pairs(asked, question, book)) for question in book.questions if question.names
    ]
    return asked.page("similar.html.j2", found=found, labels=_labels(asked, book), opaque=opaque)


def pair(asked: Asked) -> Response:
    """Show one pair, with the lines on which both agree."""
    book = asked.room.gradebook(asked.store)
    name = asked.part("question")
    question = first(one for one in book.questions if one.name == name)
    wanted = asked.part("pair")
    one = first(one for one in _pairs(asked, question, book) if opaque(*one.students) == wanted)
    sources = _sources(asked, question, book)
    codes = [
        (student, share, coloured(sources[student], lines))
        for student, share, lines in zip(one.students, one.shares, one.lines, strict=True)
    ][:SHOWN]
    return asked.page(
        "pair.html.j2", question=question, one=one, codes=codes, labels=_labels(asked, book)
    )


def _pairs(asked: Asked, question: Question, book: Gradebook) -> list[Alike]:
    if not asked.room.compares:
        raise UsageError(
            "Code is compared only where that is asked for: `grader review --similar`."
        )
    basis = (asked.store.fingerprint(), question.sha256)

    def make() -> list[Alike]:
        handed_out = ""
        if asked.room.assignment is not None:
            content = asked.room.assignment.notebook.read_bytes()
            handed_out = "\n".join(cell.source for cell in notebooks.read(content).cells)
        return alike(_sources(asked, question, book), handed_out)

    return asked.room.kept(f"pairs {question.name}", basis, make)


def _sources(asked: Asked, question: Question, book: Gradebook) -> dict[str, str]:
    found = {}
    for report in book.reports:
        source = functions(asked.store.notebook(report.sha256), question.names)
        found[report.student] = source[:LIKENESS]
    return found
