"""Gradescope's `results.json`, one a student, as its autograder specification describes it."""

import json
from typing import Any

from grader import wording
from grader.errors import UsageError
from grader.model import (
    Gradebook,
    Outcome,
    Report,
    Status,
)
from grader.renderers.text import (
    isolation_label,
    lines,
    number,
    shown,
)

VISIBILITIES = ("hidden", "after_due_date", "after_published", "visible")


def render(
    report: Report,
    book: Gradebook,
    *,
    hidden_visibility: str = "after_published",
    is_final: bool = True,
) -> str:
    """Return one student's results; a case that is pending or ungraded carries no score at all.

    Where a part is ungraded, or not `is_final` since judging goes on, nothing carries a score:
    Gradescope adds up whatever scores there are, and shows staff where there is none.
    `hidden_visibility` says when students see the names and scores of hidden cases; their details
    are never in the file. UsageError where Gradescope knows no such visibility.
    """
    if hidden_visibility not in VISIBILITIES:
        known = ", ".join(VISIBILITIES)
        raise UsageError(f"Gradescope knows no visibility {hidden_visibility!r}; use {known}.")
    has_score = is_final and report.status is not Status.UNGRADED
    document: dict[str, Any] = {
        "output": _summary(report) if is_final else wording.NOT_FINISHED,
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [
            _test(question.name, case, hidden_visibility, has_score=has_score)
            for question in report.questions
            for case in question.cases
        ],
        "extra_data": {
            "assignment": book.slug,
            "assignment_sha256": report.assignment_sha256,
            "sha256": report.sha256,
            "max_score": report.max_score,
            "pending": report.pending,
            "isolation": isolation_label(report.isolation),
        },
    }
    if has_score:
        document["score"] = round(report.score, 6)
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n"


def _test(
    question: str, case: Outcome, hidden_visibility: str, *, has_score: bool
) -> dict[str, Any]:
    seen = wording.told(case)
    test: dict[str, Any] = {
        "name": shown(f"{question}: {case.name}"),
        "number": shown(question),
        "max_score": case.max_score,
        "output": lines(seen.text),
        "output_format": "text",
        "visibility": hidden_visibility if case.hidden else "visible",
    }
    if seen.status not in wording.OPEN:
        if has_score:
            test["score"] = round(case.score, 6)
        test["status"] = "passed" if seen.status is Status.PASSED else "failed"
    return test


def _summary(report: Report) -> str:
    sentences = []
    if report.isolation.is_unsandboxed:
        sentences.append(f"UNSANDBOXED. {wording.UNSANDBOXED}")
    if (reason := wording.problem(report)) is not None:
        sentences.append(f"{wording.NOTEBOOK_NOT_GRADED} {lines(reason)}")
    if report.pending:
        sentences.append(f"{number(report.pending)} points are pending. {wording.PENDING_POINTS}")
    sentences.extend(
        f"{shown(question.name)}, {number(question.score)} points: {remark}"
        for question in report.questions
        if (remark := wording.not_the_sum(question)) is not None
    )
    return "\n".join(sentences) or wording.ALL_GRADED
