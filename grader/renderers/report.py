"""`report.html`: one page for staff about a whole class, which opens from disk."""

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from grader import wording
from grader.model import Isolation, Status
from grader.renderers import tallies
from grader.renderers.grades_csv import question_names
from grader.renderers.page import asset, pages, policy
from grader.renderers.text import (
    feedback_name,
    isolation_label,
    lines,
    shown,
)
from grader.reports import Gradebook, QuestionReport, Report, Written

STYLES = ("common.css", "report.css")
SCRIPTS = ("report.js",)
MOST_PICTURES = 30_000_000  # characters, of a page that a browser is to open at once
LONGEST_MESSAGE = 2_000  # results.json has the whole of it


@dataclass(frozen=True, slots=True)
class Answer:
    """What one student wrote for a question that a person grades."""

    student: str
    written: Written
    elsewhere: int  # how many of its pictures are only on the student's own page
    status: Status
    score: float
    max_score: float
    comment: str


def render(book: Gradebook, *, feedback_folder: str | None = "feedback") -> str:
    """Return the page; `feedback_folder` is where its links to students' pages lead, None for none.

    The page holds its style and script, fetches nothing, and shows every name and message as text.
    """
    counts = Counter(report.status for report in book.reports)
    rates = tallies.rates(book)
    return (
        pages()
        .get_template("report.html.j2")
        .render(
            book=book,
            counts=counts,
            names=question_names(book),
            rows=[_row(report, feedback_folder) for report in book.reports],
            distribution=tallies.distribution(book),
            points=tallies.points(book),
            rates=rates,
            used=[status for status in Status if any(rate.counts[status] for rate in rates)],
            causes=tallies.by_question(tallies.causes(book)),
            ungraded=tallies.causes(book, frozenset({Status.UNGRADED})),
            pending=_pending(book),
            slow=tallies.slow_or_killed(book),
            answers=_answers(book),
            pending_points=sum(report.pending for report in book.reports),
            late=sum(report.late for report in book.reports),
            isolations=_isolations(book),
            isolation=isolation_label(book.isolation),
            unsandboxed=any(report.isolation.is_unsandboxed for report in book.reports)
            or book.isolation.is_unsandboxed,
            environments=Counter(report.environment for report in book.reports)
            or Counter([book.environment]),
            versions=Counter((report.assignment_sha256, report.seed) for report in book.reports),
            details=_json(_details(book)),
            styles=[asset(name) for name in STYLES],
            scripts=[asset(name) for name in SCRIPTS],
            policy=policy(STYLES, SCRIPTS),
        )
    )


def _row(report: Report, folder: str | None) -> dict[str, Any]:
    name = quote(f"{feedback_name(report.student)}.html")
    return {
        "report": report,
        "status": report.status,
        "questions": {question.name: question for question in report.questions},
        "share": 100 * report.score / report.max_score if report.max_score else 0.0,
        "link": f"{folder}/{name}" if folder else None,
    }


def _pending(book: Gradebook) -> list[tuple[str, str, int, float]]:
    """Return question, what it waits for, how many students and how many points."""
    found: dict[str, list[float]] = {}
    for report in book.reports:
        for question in report.questions:
            if question.pending:
                found.setdefault(question.name, []).append(question.pending)
    kinds = {question.name: question for question in book.questions}
    rows = []
    for name, points in found.items():
        asked = kinds.get(name)
        waits = "a person" if asked and asked.kind == "manual" else "a GPU"
        rows.append((name, waits, len(points), sum(points)))
    return rows


def _answers(book: Gradebook) -> list[tuple[str, str, list[Answer]]]:
    found = []
    room = MOST_PICTURES
    for asked in book.questions:
        if asked.kind != "manual":
            continue
        answers = []
        for report in book.reports:
            for one in report.questions:
                if one.name == asked.name:
                    answers.append(_answer(report, one, room))
                    room -= sum(len(picture.data) for picture in answers[-1].written.pictures)
        found.append((asked.name, asked.title, answers))
    return found


def _answer(report: Report, one: QuestionReport, room: int) -> Answer:
    """Return an answer; its pictures where there is room for them on a page of the whole class."""
    written, elsewhere = one.written, 0
    if sum(len(picture.data) for picture in written.pictures) > room:
        written, elsewhere = replace(written, pictures=()), len(written.pictures)
    comment = "\n".join(case.message for case in one.cases if case.message)
    return Answer(report.student, written, elsewhere, one.status, one.score, one.max_score, comment)


def _isolations(book: Gradebook) -> list[tuple[Isolation, int]]:
    """Return each isolation that was proved and how many reports it stands in."""
    found: list[tuple[Isolation, int]] = []
    for isolation in [book.isolation, *(report.isolation for report in book.reports)]:
        if all(isolation != known for known, _ in found):
            used = sum(report.isolation == isolation for report in book.reports)
            found.append((isolation, used))
    return found


def _details(book: Gradebook) -> dict[str, Any]:
    """Return every case of every student, with each text written once: classes repeat them."""
    texts: dict[str, int] = {}

    def text(value: str) -> int:
        value = lines(value)
        cut = value if len(value) <= LONGEST_MESSAGE else value[:LONGEST_MESSAGE] + " […]"
        return texts.setdefault(cut, len(texts))

    statuses = list(Status)
    students = [
        [
            text(shown(report.student)),
            text(report.error or ""),
            [
                [
                    text(shown(question.name)),
                    statuses.index(question.status),
                    round(question.score, 6),
                    question.max_score,
                    text(question.note),
                    [
                        [
                            text(shown(case.name)),
                            int(case.hidden),
                            statuses.index(case.status),
                            round(case.score, 6),
                            case.max_score,
                            text(wording.for_staff(case)),
                        ]
                        for case in question.cases
                    ],
                ]
                for question in report.questions
            ],
        ]
        for report in book.reports
    ]
    return {"texts": list(texts), "students": students}


def _json(value: Any) -> Markup:
    """Return JSON that cannot end the element it stands in, whatever its strings hold."""
    text = json.dumps(value, separators=(",", ":"))  # ASCII only, so no U+2028 either
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - no character is left that HTML could read
