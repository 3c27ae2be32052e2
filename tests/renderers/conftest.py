"""A class whose every part is hostile somewhere, built the same way each time."""

import random
from collections.abc import Callable

import pytest

from grader.model import Environment, Isolation, Question, Status, TestCase
from grader.reports import Gradebook, Outcome, QuestionReport, Report, Written

SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror="alert(2)">'
STAFF_ONLY = "STAFF-ONLY expected 0.125 from hidden seed 4711"
HOSTILE_NAMES = (SCRIPT, '=cmd|"/c calc"!A1', "רות \u202eexe\nsecond line", IMAGE, "{{ 7 * 7 }}")
MESSAGES = {
    Status.FAILED: f"row 3: expected 0.307, got 0.5 {SCRIPT}",
    Status.ERROR: f"TypeError: bad operand {IMAGE} \x1b[31mred\x1b[0m",
    Status.TIMEOUT: "took longer than 10 s",
    Status.KILLED: "]]></script><svg onload=alert(3)> exited with status 0",
    Status.UNGRADED: "the hidden test itself raised ZeroDivisionError",
}
ENVIRONMENT = Environment("0.1.0", "3.11.9", "Linux-6.8", "2.1.0", "2.6.0")


def questions() -> tuple[Question, ...]:
    cases = (
        TestCase("small input", 1.0, hidden=False),
        TestCase("large values", 1.5, hidden=True),
        TestCase("seeded lengths", 1.5, hidden=True),
    )
    code = [Question(f"q{n}", f"function_{n}", 4.0, cases=cases) for n in range(1, 5)]
    gpu = (TestCase("matches float64", 2.0, hidden=True),)
    return (
        *code,
        Question("q4_gpu", "on a GPU", 2.0, requires="cuda", cases=gpu),
        Question("r1", "Why online?", 4.0, kind="manual"),
    )


def outcome(case: TestCase, status: Status) -> Outcome:
    message = MESSAGES.get(status, "")
    return Outcome(
        case.name,
        case.hidden,
        status,
        case.points if status is Status.PASSED else 0.0,
        case.points,
        message="" if case.hidden else message,
        staff_message=f"{STAFF_ONLY} {message}" if case.hidden and message else message,
        seconds=0.01,
    )


def question_report(question: Question, statuses: list[Status], answer: str) -> QuestionReport:
    if question.kind == "manual":
        return QuestionReport(
            question.name,
            Status.PENDING,
            0.0,
            question.points,
            question.points,
            written=Written(answer),
        )
    cases = tuple(map(outcome, question.cases, statuses))
    return QuestionReport(
        question.name,
        Status.worst([case.status for case in cases]),
        sum(case.score for case in cases),
        question.points,
        sum(case.max_score for case in cases if case.status is Status.PENDING),
        cases,
        note=f"judged in a fresh child {STAFF_ONLY}" if Status.KILLED in statuses else "",
    )


def report(name: str, number: int, level: str, generator: random.Random) -> Report:
    skill = generator.random()
    reports = []
    for question in questions():
        if question.requires:
            statuses = [Status.PENDING]
        else:
            others = [Status.FAILED] * 4 + [Status.ERROR, Status.TIMEOUT, Status.KILLED]
            statuses = [
                Status.PASSED if generator.random() < skill else generator.choice(others)
                for _ in question.cases
            ]
        reports.append(question_report(question, statuses, f"Because of bandwidth.\n{IMAGE}"))
    return Report(
        name,
        f"{name}.ipynb",
        f"{number:064x}",
        tuple(reports),
        4711,
        "cd" * 32,
        Isolation(level, {"read a canary": "ok", "connect TCP": "ok"}),
        ENVIRONMENT,
        seconds=generator.random() * 3,
        late=number % 9 == 0,
        received="2025-02-03T10:00:00Z" if number % 2 else None,
        phases={"notebook": 0.1, "judge": 0.2},
    )


def gradebook(size: int = 40, level: str = "strong") -> Gradebook:
    """Return a class of a size; the first five students have hostile names."""
    generator = random.Random(1)  # noqa: S311 - a class, not a secret
    names = [*HOSTILE_NAMES, *(f"student{n:04}" for n in range(size))][:size]
    reports = tuple(report(name, n, level, generator) for n, name in enumerate(names))
    isolation = Isolation(level, {"read a canary": "ok", "connect TCP": "ok"})
    return Gradebook(
        "softmax",
        "The Softmax Problem",
        "cd" * 32,
        4711,
        isolation,
        ENVIRONMENT,
        questions(),
        reports,
    )


@pytest.fixture(scope="session")
def make_book() -> Callable[..., Gradebook]:
    return gradebook
