"""Objects of a test's own that student code is handed: what it does to them ends with it."""

from pathlib import Path

import pytest

from grader.course.otter import load
from grader.grading.assemble import assemble
from grader.grading.judge import Request, judge
from grader.grading.otter_tests import CaseSuite
from grader.model import Status
from grader.sandbox import Worker
from tests.conftest import notebook_of, submission_of
from tests.support.otter_assignments import SETUP, functions, write

OBJECTS = functions(
    "q1",
    """
    from types import SimpleNamespace
    from unittest.mock import Mock

    class Box:
        want = 5

    box, space, mock, seen = Box(), SimpleNamespace(want=5), Mock(return_value=5), []

    @test_case()
    def test_box(f):
        f(box)
        assert box.want == 5

    @test_case()
    def test_space(f):
        f(space)
        assert space.want == 5

    @test_case()
    def test_mock(g):
        g(mock)
        assert mock() == 5

    @test_case()
    def test_called(h):
        h(seen.append)
        assert seen == [1]
    """,
)
SPOILS = """
def f(box):
    box.want = 0
def g(mock):
    mock.return_value = 0
def h(note):
    note(2)"""
RIGHT = "def f(box): box.want\ndef g(mock): mock()\ndef h(note): note(1)"


@pytest.mark.parametrize("is_guarded", [True, False])
def test_what_a_notebook_does_to_a_tests_objects_is_undone_before_the_next(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_guarded: bool
) -> None:
    folder = write(tmp_path / "small", {"q1": OBJECTS})
    engine = assemble(load(folder, "small"), {"cpu": worker})
    if not is_guarded:
        monkeypatch.setattr(CaseSuite, "begin_submission", lambda _: None)

    def judged(source: str) -> list[Status]:
        content = notebook_of(SETUP, source, 'grader.check("q1")')
        (question,) = judge(Request(submission_of(content)), engine).questions
        return [case.status for case in question.cases]

    fine = [Status.PASSED] * 4
    assert judged(RIGHT) == fine
    assert judged(SPOILS) == [Status.FAILED] * 4
    assert (judged(RIGHT) == fine) is is_guarded
