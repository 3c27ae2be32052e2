"""A class of one question, as renderers get it, and what a terminal shows."""

import io
from collections.abc import Callable
from dataclasses import replace

from rich.console import Console

from grader.model import Environment, Isolation, Question, Status
from grader.reports import Gradebook, Outcome, QuestionReport, Report

MakeBook = Callable[..., Gradebook]


def small_report(student: str, status: Status, score: float = 3.0, **more: object) -> Report:
    case = Outcome("a case", True, status, score, 4.0, staff_message="why")
    pending = 4.0 if status is Status.PENDING else 0.0
    question = QuestionReport("q1", status, score, 4.0, pending, (case,))
    fields = {"path": f"{student}.ipynb", "sha256": "ab" * 32, **more}
    return Report(
        student,
        questions=(question,),
        seed=0,
        assignment_sha256="cd" * 32,
        isolation=Isolation("strong"),
        environment=Environment("0.1.0", "3.11", "Linux"),
        **fields,  # type: ignore[arg-type]
    )


def small_book(*reports: Report, level: str = "strong") -> Gradebook:
    isolation = Isolation(level)
    return Gradebook(
        "softmax",
        "The Softmax Problem",
        "cd" * 32,
        0,
        isolation,
        Environment("0.1.0", "3.11", "Linux"),
        (Question("q1", "one", 4.0),),
        tuple(replace(report, isolation=isolation) for report in reports),
    )


def terminal(renderable: object, width: int = 160) -> str:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(renderable)
    return console.file.getvalue()  # type: ignore[attr-defined]
