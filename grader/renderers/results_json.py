"""`results.json`: everything that was computed, for other programs."""

import json
from dataclasses import asdict
from typing import Any

from grader import wording
from grader.reports import Control, Gradebook, Outcome, QuestionReport, Report


def render(book: Gradebook) -> str:
    """Return the gradebook as JSON; times only under keys named `seconds` and `phases`."""
    document = {
        "assignment": book.slug,
        "title": book.title,
        "assignment_sha256": book.assignment_sha256,
        "seed": book.seed,
        "grader": book.environment.grader,
        "max_score": book.max_score,
        "isolation": asdict(book.isolation),
        "environment": asdict(book.environment),
        "control": [_control(item) for item in book.controls],
        "submissions": [_submission(report, book) for report in book.reports],
    }
    if book.otter is not None:
        document["otter"] = asdict(book.otter)
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    # A lone surrogate is no text; inside a JSON string its escape is.
    return text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n"


def _control(control: Control) -> dict[str, Any]:
    return {
        "place": control.place,
        "environment": asdict(control.environment),
        "seconds": control.seconds,
        "causes": list(control.causes),
        "cases": [
            {
                "question": case.question,
                "name": case.name,
                "status": case.status.value,
                "cause": case.cause,
                "staff_message": case.said,
            }
            for case in control.cases
        ],
    }


def _submission(report: Report, book: Gradebook) -> dict[str, Any]:
    row: dict[str, Any] = {
        "student": report.student,
        "path": report.path,
        "sha256": report.sha256,
        "status": report.status.value,
        "score": report.score,
        "max_score": report.max_score,
        "pending": report.pending,
        "late": report.late,
        "received": report.received,
        "members": list(report.members),
        "seed": report.seed,
        "assignment_sha256": report.assignment_sha256,
        "seconds": report.seconds,
        "phases": report.phases,
        "limits": asdict(report.limits),
        "error": report.error,
        "questions": [_question(question) for question in report.questions],
    }
    if book.has_total:
        row |= {"total": book.total(report), "max_total": book.max_total}
    # Reports of one class can come from several machines; what differs is said where it differs.
    if report.isolation != book.isolation:
        row["isolation"] = asdict(report.isolation)
    if report.environment != book.environment:
        row["environment"] = asdict(report.environment)
    return row


def _question(question: QuestionReport) -> dict[str, Any]:
    return {
        "name": question.name,
        "status": question.status.value,
        "score": question.score,
        "max_score": question.max_score,
        "pending": question.pending,
        "note": question.note,
        "answer": question.written.text,
        "pictures": [picture.name for picture in question.written.pictures],
        "missing": question.written.missing,
        "cases": [_case(case) for case in question.cases],
    }


def _case(case: Outcome) -> dict[str, Any]:
    return {
        "name": case.name,
        "hidden": case.hidden,
        "status": case.status.value,
        "score": case.score,
        "max_score": case.max_score,
        "message": wording.told(case).text,
        "staff_message": case.staff_message,
        "seconds": case.seconds,
    }
