"""Objects of a test's own that student code is handed: what it does to them ends with it."""

from pathlib import Path

import pytest

from grader.course.otter import load
from grader.grading.assemble import assemble
from grader.grading.judge import Request, judge
from grader.grading.otter_tests import CaseSuite
from grader.model import Status
from grader.sandbox import Worker, objects_of_tests
from tests.conftest import notebook_of, submission_of
from tests.support.otter_assignments import SETUP, OtterJudge, doctests, functions, write

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


# What such an object tells a test afterwards is what was done with it.

CLASS = ">>> class Box:\n...     def is_full(self): return False\n>>> box = Box()\n"
MOCK = ">>> from unittest.mock import MagicMock\n>>> mock = MagicMock()\n"
# By name: the test, and what a function does to be right without its work.
TELLS = {
    "a method": (CLASS + ">>> f(box)\n>>> box.is_full()\nTrue", "it.is_full = lambda: True"),
    "a buffer": (
        ">>> import io\n>>> out = io.StringIO()\n>>> f(out)\n>>> out.getvalue()\n'42'",
        "it.getvalue = lambda: '42'",
    ),
    "a mock's assertion": (
        MOCK + ">>> f(mock)\n>>> mock.assert_called_once_with(3)",
        "it.assert_called_once_with = lambda *_: None",
    ),
    "a mock's count": (MOCK + ">>> f(mock)\n>>> mock.call_count\n1", "it.call_count = 1"),
    "what a mock has noted": (
        MOCK + ">>> f(mock)\n>>> mock.called, mock.call_count\n(False, 0)",
        "it(3)\n    it.reset_mock()",
    ),
}  # fmt: skip
USED = """
>>> from unittest.mock import MagicMock
>>> class Box:
...     size = 0
...     def __init__(self): self.content = None
...     @property
...     def double(self): return 2 * self.size
...     @double.setter
...     def double(self, value): self.size = value // 2
>>> box, mock = Box(), MagicMock(return_value=5)
>>> f(box, mock), box.size, box.content, box.own
(5, 3, 'it', 1)
>>> mock.assert_called_once_with(3)
>>> mock.close.call_count, mock.name_of_its_own
(1, 7)
"""
USES = """
def f(box, mock):
    box.content, box.own, box.double = 'it', 1, 6
    mock.close()
    mock.name_of_its_own = 7
    return mock(3)
"""


@pytest.mark.parametrize("is_guarded", [True, False])
@pytest.mark.parametrize("name", TELLS)
def test_no_object_of_a_tests_tells_it_what_a_student_chooses(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, is_guarded: bool
) -> None:
    if not is_guarded:
        monkeypatch.setattr(objects_of_tests, "changes_what_it_tells", lambda *_: False)
    test, does = TELLS[name]
    [case] = OtterJudge(tmp_path, worker).cases(f"def f(it):\n    {does}", doctests("q1", test))
    assert case.status is (Status.UNGRADED if is_guarded else Status.PASSED)


def test_what_student_code_sets_of_such_an_object_is_set(worker: Worker, tmp_path: Path) -> None:
    [case] = OtterJudge(tmp_path, worker).cases(USES, doctests("q1", USED))
    assert case.status is Status.PASSED, case.staff_message
