"""A class judged in more than one place: what the reference comes to there holds for everybody."""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.batch import process
from grader.batch.messages import ProcessSettings
from grader.batch.run import Batch
from grader.course.assignments import load
from grader.gradebook.store import Store
from grader.model import Status, Submission
from grader.reports import Report
from tests.conftest import notebook_of, submission_of, write_small_course
from tests.grading.test_control import ProcessesHere
from tests.support.classes import RIGHT, SETUP

CELLS = (SETUP, RIGHT["double"], "grader.check('q1')", RIGHT["square"], "grader.check('q2')")
EARLIER = [submission_of(notebook_of(*CELLS), f"student-{number}") for number in range(6)]
LATE = submission_of(notebook_of(*CELLS), "zoe")


class Elsewhere(ProcessesHere):
    """What judges submissions is not where the first process started, as on a cluster."""

    def __init__(self, change: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> None:
        super().__init__()
        self._change = change

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if fn is process.grade_one:
            return super().submit(fn, *self._change(args), **kwargs)
        return super().submit(lambda: replace(fn(*args, **kwargs), place="the first machine"))


def as_before(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Leave out what the batch asks of others, so that a control covers one submission's."""
    return arguments[:4]


def grade(
    course: Path, store: Path, submissions: list[Submission], change: Callable[..., Any]
) -> dict[str, Report]:
    @contextlib.contextmanager
    def pool(_jobs: int, _device: str) -> Iterator[Elsewhere]:
        processes = Elsewhere(change)
        yield processes
        processes.stop()

    small = load("small", course, need_solutions=True)
    settings = ProcessSettings(str(small.folder), 0, small.limits, "none", "cpu")
    with Store(store) as book:
        book.bind(small, 0)
        try:
            Batch(settings, small, book, pool=pool).run(submissions, jobs=1)
        finally:
            process.close()
        return {report.student: report for report in book.gradebook().reports}


@pytest.mark.parametrize(
    ("change", "status"), [(lambda given: given, Status.UNGRADED), (as_before, Status.FAILED)]
)
def test_a_control_elsewhere_covers_what_others_are_asked(
    change: Callable[..., Any], status: Status, tmp_path: Path
) -> None:
    """Most are asked for one question again; the last one is new, and asked for another as well.

    That other one's hidden test cannot be passed there. With a control of the first submission's
    questions only, its cases were nobody's fault but the student's.
    """
    course = write_small_course(tmp_path / "course")
    tests = course / "solutions" / "small" / "tests"
    before = grade(course, tmp_path / "grades.db", EARLIER, change)
    assert {report.score for report in before.values()} == {6.0}
    for name, old, new in (
        ("q1", "5):", "6):"),  # due again for everybody
        ("q2", "assert ", "import scipi\n        assert "),
    ):
        text = (tests / f"{name}.py").read_text(encoding="utf-8")
        (tests / f"{name}.py").write_text(text.replace(old, new), encoding="utf-8")
    small = load("small", course, need_solutions=True)
    with Store(tmp_path / "grades.db") as book:  # as if q2 had been graded since it was changed
        for report in before.values():
            book.add(without(report, "q1"), small.questions)
    after = grade(course, tmp_path / "grades.db", [*EARLIER, LATE], change)
    assert {after[item.student].questions[0].status for item in EARLIER} == {Status.PASSED}
    assert after["zoe"].questions[1].status is status


def without(report: Report, name: str) -> Report:
    return replace(report, questions=tuple(q for q in report.questions if q.name != name))
