"""`grades.csv`: one row a student, for a spreadsheet."""

import csv
import io

from grader.model import (
    Gradebook,
    QuestionReport,
    Report,
    Status,
)
from grader.renderers.text import isolation_label, number, shown

FORMULA = frozenset("=+-@|＝＋－＠")  # noqa: RUF001 - the full-width ones start formulas too
COLUMNS = ("student", "path", "status", "score", "max_score", "pending", "isolation")


def render(book: Gradebook) -> str:
    """Return CSV with the columns of the design, then one a question that anybody was asked.

    The score of an ungraded student or question is left to its word: a fault of ours is no zero.
    """
    names = question_names(book)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*COLUMNS, *(safe_cell(name) for name in names)])
    for report in book.reports:
        writer.writerow(_row(report, names))
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


def _row(report: Report, names: list[str]) -> list[str]:
    questions = {question.name: question for question in report.questions}
    ungraded = report.status is Status.UNGRADED
    return [
        safe_cell(report.student),
        safe_cell(report.path),
        report.status.value,
        "" if ungraded else number(report.score),
        number(report.max_score),
        number(report.pending),
        isolation_label(report.isolation),
        *(_score(questions[name]) if name in questions else "" for name in names),
    ]


def _score(question: QuestionReport) -> str:
    if question.status is Status.UNGRADED or (
        question.status is Status.PENDING and question.score == 0
    ):
        return question.status.value
    return number(question.score)
