"""`final_grades.csv`: an otter assignment's grades in the columns that `otter grade` writes."""

import csv
import io
from collections import Counter
from pathlib import PurePosixPath

from grader.model import Status
from grader.renderers.grades_csv import question_names, safe_cell
from grader.renderers.text import isolation_label, number, shown
from grader.reports import Gradebook, QuestionReport, Report

POSSIBLE = "points-per-question"  # otter's name for its first row, of what everything is worth
COMPLETED = "Completed"
LAST = ("total_points_earned", "percent_correct", "grading_status")


def render(book: Gradebook) -> str:
    """Return CSV: a row of what each question is worth, then one a file, both in otter's order.

    Like otter's, the total is the plain sum and the percentage a share from 0 to 1. What is
    ungraded is left empty, since a fault of ours is no zero, and the last column says so.
    """
    names = sorted(question_names(book))
    points = {question.name: question.points for question in book.questions}
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["file", *(safe_cell(name) for name in names), *LAST])
    most = number(book.max_score)
    worth = [number(points.get(name, 0.0)) for name in names]
    writer.writerow([POSSIBLE, *worth, most, "1", "--"])
    files = Counter(_file(report) for report in book.reports)
    rows = [_row(report, names, book) for report in book.reports]
    for report, row in zip(book.reports, rows, strict=True):
        several = files[_file(report)] > 1
        row[0] = safe_cell(report.path if several else _file(report))
    writer.writerows(sorted(rows))
    return stream.getvalue()


def _file(report: Report) -> str:
    return PurePosixPath(report.path).name


def _row(report: Report, names: list[str], book: Gradebook) -> list[str]:
    questions = {question.name: question for question in report.questions}
    is_open = report.status is Status.UNGRADED
    share = report.score / report.max_score if report.max_score else 0.0
    return [
        "",
        *(_score(questions.get(name)) for name in names),
        "" if is_open else number(report.score),
        "" if is_open else number(round(share, 4)),
        safe_cell(_status(report, book)),
    ]


def _score(question: QuestionReport | None) -> str:
    if question is None or question.status is Status.UNGRADED:
        return ""
    return number(question.score)


def _status(report: Report, book: Gradebook) -> str:
    """Return otter's word for what was graded, else why it was not; then what must be said."""
    said = COMPLETED
    if report.error is not None:
        said = shown(report.error)
    elif report.status is Status.UNGRADED:
        said = "Ungraded through no fault of the student; see report.html"
    stamps = list(book.stamps)
    if report.isolation.is_unsandboxed:
        stamps.insert(0, isolation_label(report.isolation))
    return "; ".join([said, *stamps])
