"""Whose fault it is where a submission ends the processes that judge it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader import wording
from grader.batch import process
from grader.batch.messages import ProcessSettings
from grader.course.assignments import load
from grader.grading.control import solved
from grader.model import Status
from tests.conftest import notebook_of, submission_of, write_small_course

# Without isolation a child has the rights for it.
KILLS_ITS_WORKER = """
import os, signal
def double(x):
    os.kill(os.getppid(), signal.SIGKILL)
    return 2 * x
def square(x): return x * x
"""


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[ProcessSettings]:
    root = write_small_course(tmp_path)
    assignment = load("small", root, need_solutions=True)
    yield ProcessSettings(
        str(assignment.folder), 0, assignment.limits, isolation="none", device="cpu"
    )
    process.close()


def test_nobody_chooses_to_be_ungraded_by_ending_workers(
    settings: ProcessSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = 'grader = __import__("otter").Notebook()', KILLS_ITS_WORKER, 'grader.check("q1")'
    hostile = submission_of(notebook_of(*cells))
    report = process.grade_one(settings, hostile, ("q1", "q2")).report
    assert report.status is Status.KILLED
    assert report.score == 0
    assert report.questions[0].cases[0].message == wording.ENDED_THE_WORKER

    assignment = load(settings.assignment, need_solutions=True)
    honest = submission_of(solved(assignment), "bob")
    assert process.grade_one(settings, honest, ("q1", "q2")).report.score == 6

    # Where the reference is lost in the same way, it is nobody's fault.
    monkeypatch.setattr("grader.grading.control.solved", lambda _: hostile.content)
    process.close()
    report = process.grade_one(settings, hostile, ("q1", "q2")).report
    assert {item.status for item in report.questions} == {Status.UNGRADED}
