"""Gradescope's `results.json`, one a student, as its autograder specification describes it."""

import json
from typing import Any, NamedTuple, get_args

from grader import wording
from grader.errors import UsageError
from grader.model import HiddenVisibility, OtterRules, Status
from grader.renderers.text import (
    isolation_label,
    lines,
    number,
    shown,
)
from grader.reports import Gradebook, Outcome, Report

VISIBILITIES = get_args(HiddenVisibility)


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
    rules = book.otter
    visible = Visibility("visible", hidden_visibility)
    if rules is not None:
        visible = _as_otter(rules, has_hidden=_has_hidden(book))
    document: dict[str, Any] = {
        "output": _summary(report, book) if is_final else wording.NOT_FINISHED,
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": (
            "after_published" if rules is not None and rules.show_stdout else "hidden"
        ),
        "tests": [
            _test(question.name, case, visible, has_score=has_score)
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
        document["score"] = round(book.total(report), 6)
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n"


class Visibility(NamedTuple):
    """When students see public and hidden cases, in Gradescope's words."""

    public: str
    hidden: str


def _as_otter(rules: OtterRules, *, has_hidden: bool) -> Visibility:
    """Return when students see what, as an otter configuration says it."""
    hidden = "after_published" if rules.show_hidden else "hidden"
    if rules.show_all_public and not has_hidden:
        return Visibility("visible", hidden)
    public = not rules.show_hidden or rules.force_public_test_summary
    return Visibility("visible" if public else hidden, hidden)


def _has_hidden(book: Gradebook) -> bool:
    return any(case.hidden for question in book.questions for case in question.cases)


def _test(question: str, case: Outcome, visible: Visibility, *, has_score: bool) -> dict[str, Any]:
    seen = wording.told(case)
    test: dict[str, Any] = {
        "name": shown(f"{question}: {case.name}"),
        "number": shown(question),
        "max_score": case.max_score,
        "output": lines(seen.text),
        "output_format": "text",
        "visibility": visible.hidden if case.hidden else visible.public,
    }
    if seen.status not in wording.OPEN:
        if has_score:
            test["score"] = round(case.score, 6)
        test["status"] = "passed" if seen.status is Status.PASSED else "failed"
    return test


def _summary(report: Report, book: Gradebook) -> str:
    sentences = [f"{stamp}." for stamp in book.stamps]
    if report.isolation.is_unsandboxed:
        sentences.append(f"UNSANDBOXED. {wording.UNSANDBOXED}")
    if (reason := wording.problem(report)) is not None:
        sentences.append(f"{wording.NOTEBOOK_NOT_GRADED} {lines(reason)}")
    if report.pending:
        count = "1 point is" if report.pending == 1 else f"{number(report.pending)} points are"
        sentences.append(f"{count} pending. {wording.PENDING_POINTS}")
    sentences.extend(
        f"{shown(question.name)}, {number(question.score)} points: {remark}"
        for question in report.questions
        if (remark := wording.not_the_sum(question)) is not None
    )
    if book.has_total and report.status is not Status.UNGRADED:
        sentences.append(wording.counts_as(number(book.total(report)), number(book.max_total)))
    return "\n".join(sentences) or wording.ALL_GRADED
