"""What an otter test's author tells students: of public cases always, of hidden ones if asked."""

from collections.abc import Callable
from pathlib import Path

import pytest

from grader.course.otter import load
from grader.grading.assemble import assemble
from grader.grading.judge import Request, judge
from grader.reports import Outcome
from grader.sandbox import Worker
from tests.conftest import notebook_of, submission_of
from tests.support.autograders import write_autograder

TEST = """OK_FORMAT = True
test = {'name': 'q1', 'points': 2, 'suites': [{'cases': [
    {'code': '>>> x > 0\\nTrue', 'hidden': False,
     'success_message': 'It is positive.', 'failure_message': 'Make it positive.'},
    {'code': '>>> x == 3 * 14\\nTrue', 'hidden': True,
     'success_message': 'You have it.', 'failure_message': 'Read chapter 7.'}]}]}
"""
Ask = Callable[[bool, int], list[Outcome]]


@pytest.fixture
def ask(tmp_path: Path, worker: Worker) -> Ask:
    def outcomes(show_hidden: bool, x: int) -> list[Outcome]:
        folder = tmp_path / f"hw-{show_hidden}"
        loaded = load(write_autograder(folder, {"show_hidden": show_hidden}, {"q1": TEST}), "hw")
        engine = assemble(loaded, {"cpu": worker})
        return list(
            judge(Request(submission_of(notebook_of(f"x = {x}"))), engine).questions[0].cases
        )

    return outcomes


@pytest.mark.parametrize("show_hidden", [True, False])
def test_a_public_case_tells_its_student_how_it_ended(ask: Ask, show_hidden: bool) -> None:
    assert ask(show_hidden, 42)[0].message == "It is positive."
    failed = ask(show_hidden, -1)[0].message
    assert failed.startswith("Make it positive.\n")
    assert "x > 0" in failed


def test_a_hidden_case_tells_staff_alone(ask: Ask) -> None:
    passed, failed = ask(False, 42)[1], ask(False, 1)[1]
    assert "You have it." not in passed.message
    assert passed.staff_message.startswith("You have it.")
    assert "Read chapter 7." not in failed.message
    assert failed.staff_message.startswith("Read chapter 7.\n")


def test_a_hidden_case_tells_its_student_where_the_configuration_shows_hidden_ones(
    ask: Ask,
) -> None:
    assert ask(True, 42)[1].message.endswith("\nYou have it.")
    failed = ask(True, 1)[1]
    assert failed.message.endswith("\nRead chapter 7.")
    assert "14" not in failed.message  # what it compares with stays with staff all the same
    assert "14" in failed.staff_message
