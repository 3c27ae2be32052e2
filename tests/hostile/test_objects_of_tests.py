"""Objects of a test's own that student code is handed: what it does to them ends with it."""

from pathlib import Path

import numpy as np
import pytest

from grader.course.otter import load
from grader.grading.assemble import assemble
from grader.grading.judge import Request, judge
from grader.grading.otter_tests import CaseSuite
from grader.model import Status
from grader.sandbox import Worker, drawn, objects_of_tests
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
    "what a mock is going to give": (
        (">>> from unittest.mock import patch\n"
        ">>> with patch('builtins.input', side_effect=['1', '42']):\n...     f(0) == 42\nTrue"),
        "import builtins; return int([*builtins.input.side_effect][-1])",
    ),
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


# A generator that a test hands over goes on where it stands, and nowhere else.

DRAWS = """
>>> import random
>>> import numpy as np
>>> rng = {}
>>> f(rng)
>>> x = [rng.random() for _ in range(3)] if hasattr(rng, 'getstate') else rng.{}(3).tolist()
>>> twice(x) == [2 * one for one in x]
True
"""
RIGHT_TWICE = "\ndef twice(x): return [2 * one for one in x]"
NOTHING_DONE = "\ndef twice(x): return x"
# By name: the generator, how it is drawn from, and how its state is set so that it gives zeros.
GENERATORS = {
    "Python's": ("random.Random(3)", "random", "rng.setstate((3, (0,) * 624 + (624,), None))"),
    "NumPy's old": (
        "np.random.RandomState(3)", "rand",
        "import numpy as np; rng.set_state(('MT19937', np.zeros(624, 'u4'), 624, 0, 0.0))",
    ),
    "NumPy's": (
        "np.random.Generator(np.random.MT19937(3))", "random",
        ("import numpy as np; rng.bit_generator.state = {'bit_generator': 'MT19937', "
        "'state': {'key': np.zeros(624, 'u4'), 'pos': 624}}"),
    ),
}  # fmt: skip
FEW, MANY = "[rng.random() for _ in range(7)]", "[rng.random() for _ in range(2_000)]"


@pytest.mark.parametrize("is_guarded", [True, False])
@pytest.mark.parametrize("name", GENERATORS)
def test_no_student_chooses_what_a_test_draws(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, is_guarded: bool
) -> None:
    if not is_guarded:
        monkeypatch.setattr(drawn, "is_only_drawn_from", lambda *_: True)
    made, method, sets = GENERATORS[name]
    test = doctests("q1", DRAWS.format(made, method))
    cell = f"def f(rng):\n    {sets}{NOTHING_DONE}"
    [case] = OtterJudge(tmp_path, worker).cases(cell, test)
    assert case.status is (Status.UNGRADED if is_guarded else Status.PASSED), case.staff_message


@pytest.mark.parametrize("draws", [FEW, MANY])
@pytest.mark.parametrize(
    ("made", "method"),
    [*((made, method) for made, method, _ in GENERATORS.values()),
     ("np.random.default_rng(3)", "random"),
     ("np.random.Generator(np.random.PCG64DXSM(3))", "random")],
)  # fmt: skip
def test_a_generator_that_is_drawn_from_goes_on(
    worker: Worker, tmp_path: Path, made: str, method: str, draws: str
) -> None:
    test = doctests("q1", DRAWS.format(made, method))
    cell = f"def f(rng):\n    {draws}{RIGHT_TWICE}"
    [case] = OtterJudge(tmp_path, worker).cases(cell, test)
    assert case.status is Status.PASSED, case.staff_message


def test_a_state_that_no_drawing_leads_to_is_told() -> None:
    here, other = np.random.default_rng(3), np.random.default_rng(4)
    other.bit_generator.state = {
        **here.bit_generator.state,
        "state": {"state": 5, "inc": here.bit_generator.state["state"]["inc"]},
    }
    assert not drawn.is_only_drawn_from(here, other)
