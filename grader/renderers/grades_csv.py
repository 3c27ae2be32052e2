"""`grades.csv`: one row a student, for a spreadsheet."""

import csv
import io

from grader.model import Status
from grader.renderers.text import isolation_label, number, shown
from grader.reports import Gradebook, QuestionReport, Report

FORMULA = frozenset("=+-@|＝＋－＠")  # noqa: RUF001 - the full-width ones start formulas too
TOTAL = ("total", "max_total")  # where otter's rules change what a submission is worth in the end
STAMPS = ("stamps",)  # where every output has to say something of how this was graded
COLUMNS = ("student", "path", "status", "score", "max_score", "pending", "isolation")


def render(book: Gradebook) -> str:
    """Return CSV with the columns of the design, then one a question that anybody was asked.

    The score of an ungraded student or question is left to its word: a fault of ours is no zero.
    """
    names = question_names(book)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    further = [*(TOTAL if book.has_total else ()), *(STAMPS if book.stamps else ())]
    writer.writerow([*COLUMNS, *further, *(safe_cell(name) for name in names)])
    for report in book.reports:
        writer.writerow([*_row(report), *_further(report, book), *_scores(report, names)])
    return stream.getvalue()


def question_names(book: Gradebook) -> list[str]:
    """Return the assignment's questions in order, then those that only old reports know."""
    asked = [question.name for question in book.questions]
    reported = [question.name for report in book.reports for question in report.questions]
    return list(dict.fromkeys([*asked, *reported]))


def safe_cell(text: str) -> str:
    """Return text that no spreadsheet computes: one line, a quote before any formula."""
    line = shown(text)
    start = line.lstrip()[:1]
    return f"'{line}" if start in FORMULA and start else line


def _row(report: Report) -> list[str]:
    ungraded = report.status is Status.UNGRADED
    return [
        safe_cell(report.student),
        safe_cell(report.path),
        report.status.value,
        "" if ungraded else number(report.score),
        number(report.max_score),
        number(report.pending),
        isolation_label(report.isolation),
    ]


def _further(report: Report, book: Gradebook) -> list[str]:
    total = "" if report.status is Status.UNGRADED else number(book.total(report))
    return [
        *((total, number(book.max_total)) if book.has_total else ()),
        *((safe_cell("; ".join(book.stamps)),) if book.stamps else ()),
    ]


def _scores(report: Report, names: list[str]) -> list[str]:
    questions = {question.name: question for question in report.questions}
    return [_score(questions[name]) if name in questions else "" for name in names]


def _score(question: QuestionReport) -> str:
    if question.status is Status.UNGRADED or (
        question.status is Status.PENDING and question.score == 0
    ):
        return question.status.value
    return number(question.score)
