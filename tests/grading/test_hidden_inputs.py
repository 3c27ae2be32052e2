"""What a student's code has seen of hidden inputs does not come back in what students read."""

import ast
import re
from pathlib import Path

import pytest

from grader.grading import judge as judging
from grader.grading.judge import Engine, Request, judge
from grader.model import Status
from grader.reports import QuestionReport, Report
from tests.conftest import notebook_of, submission_of
from tests.support.small_notebooks import (
    CHECK1,
    CHECK2,
    SETUP,
    SQUARE,
    Judged,
    not_passed,
    statuses,
)

PASSED, ERROR, KILLED = Status.PASSED, Status.ERROR, Status.KILLED
PENDING = Status.PENDING


SPY = """
seen = []
def double(x):
    seen.append(x)
    return 2 * x
def square(x):
    raise ValueError(f"seen {seen}")
"""


def student_text(report: Report) -> str:
    return "\n".join(case.message for question in report.questions for case in question.cases)


def test_hidden_inputs_do_not_come_back_in_a_later_public_case(small_engine: Engine) -> None:
    content = notebook_of(SETUP, SPY, CHECK1, CHECK2)
    report = judge(Request(submission_of(content)), small_engine)
    public, hidden = report.questions[1].cases
    assert public.message.endswith("ValueError: seen [2]")
    assert hidden.message == not_passed("square")
    told = ast.literal_eval(hidden.staff_message.rsplit("seen ", 1)[1].splitlines()[0])
    secrets = [str(number) for number in told if number >= 1000]
    assert secrets, "the control: staff do see what the code saw"
    assert not any(secret in student_text(report) for secret in secrets)


def leaving_notes(folder: Path) -> bytes:
    """Return a notebook that writes down each input where every later child can read it."""
    notes = f"""
import pathlib
notes = pathlib.Path({str(folder / "notes")!r})
def write(x):
    with notes.open("a") as file:
        print(x, file=file)
def double(x):
    write(x)
    return 2 * x
def square(x):
    raise ValueError(f"seen {{notes.read_text().split()}}")
"""
    return notebook_of(SETUP, notes, CHECK1, "import os\nos._exit(0)", CHECK2)


def inputs_in(text: str) -> list[str]:
    return [number for number in re.findall(r"[0-9]+", text) if int(number) >= 1000]


def test_no_child_that_is_heard_comes_after_one_that_saw_a_hidden_input(
    small_engine: Engine, tmp_path: Path
) -> None:
    report = judge(Request(submission_of(leaving_notes(tmp_path))), small_engine)
    assert "ValueError: seen ['2']" in student_text(report)
    assert not inputs_in(student_text(report))
    assert inputs_in((tmp_path / "notes").read_text())


def test_in_another_order_hidden_inputs_would_come_out(
    small_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr(judging, "PASSES", (True, False))
    report = judge(Request(submission_of(leaving_notes(tmp_path))), small_engine)
    assert inputs_in(student_text(report))


def test_a_question_is_told_of_only_what_a_student_may_read(
    small_engine: Engine, tmp_path: Path
) -> None:
    told: list[QuestionReport] = []
    content = leaving_notes(tmp_path)
    report = judge(Request(submission_of(content), on_question=told.append), small_engine)
    said = [(question.name, *(case.status for case in question.cases)) for question in told]
    assert said == [
        ("q1", PASSED, PENDING), ("q2", ERROR, PENDING),
        ("q1", PASSED, PASSED), ("q2", ERROR, ERROR),
    ]  # fmt: skip
    assert not inputs_in("".join(case.message for one in told for case in one.cases))
    assert tuple(told[2:]) == report.questions[:2]


def test_an_exit_status_tells_a_student_nothing_of_hidden_inputs(judged: Judged) -> None:
    cell = "import os\ndef double(x):\n    if x > 2:\n        os._exit(x % 200)\n    return 2 * x\n"
    questions = judged(SETUP, cell, CHECK1, SQUARE, CHECK2)
    hidden = questions["q1"].cases[1]
    assert hidden.status is KILLED
    assert not any(character.isdigit() for character in hidden.message)
    assert any(character.isdigit() for character in hidden.staff_message)


def test_an_output_changed_after_it_was_returned_is_judged_as_returned(judged: Judged) -> None:
    cell = (
        "import threading, time, numpy as np\n"
        "def double(x):\n"
        "    out = np.array(2 * x)\n"
        "    threading.Timer(0.3, lambda: out.fill(0)).start()\n"
        "    return int(out)\n"
    )
    assert statuses(judged(SETUP, cell, CHECK1, SQUARE, CHECK2)) == (PASSED, PASSED)
