"""A test written without a thought of what a student's code does to its arguments.

The natural way to write a test works out what is right after the call, from what it has handed
over. An answer that spoils that gains nothing, and costs nobody else anything.
"""

import functools
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader import wording
from grader.course.assignments import load
from grader.errors import CannotJudgeError, MachineFaultError
from grader.grading import case_judging, fresh_memory
from grader.grading.assemble import assemble
from grader.grading.judge import Engine, Request, judge
from grader.grading.names import Names
from grader.grading.otter_tests import CaseSuite, Verdict
from grader.grading.reference_child import ANY, Found, ReferenceChild
from grader.model import Question, Status, TestCase
from grader.reports import Outcome, QuestionReport
from grader.sandbox import Worker
from tests.conftest import notebook_of, submission_of

TOML = """title = "Careless"
notebook = "careless.ipynb"

[[questions]]
name = "q1"
points = 12
names = ["double", "spread", "order", "scale", "push"]

[limits]
cell_seconds = 10
call_seconds = 10
"""

REFERENCE = '''"""Reference solutions."""


def double(x):
    """Return 2 x."""
    return 2 * x


def spread(x):
    """Return the largest number less the smallest."""
    return x.max() - x.min()


def order(x):
    """Sort x in place."""
    x.sort()


def scale(x, out):
    """Write 2 x to out."""
    out[...] = 2 * x


def push(items, item):
    """Add an item to the end of a list, in place."""
    items.append(item)
'''

TESTS = """OK_FORMAT = False
name = "q1"

import numpy as np
from grader.testing import CannotJudgeError
from otter.test_files import test_case

DATA = np.arange(5.0)
ITEMS = [1, 2]


@test_case(name="from what was handed over", points=1, hidden=True)
def test_after(double, rng):
    x = rng.standard_normal(5)
    got = double(x)
    np.testing.assert_allclose(got, 2 * x)


@test_case(name="in one line", points=1, hidden=True)
def test_line(double):
    np.testing.assert_allclose(double(DATA), 2 * DATA)


@test_case(name="by the reference", points=1, hidden=True)
def test_reference(double, reference, rng):
    x = rng.standard_normal(5)
    assert np.array_equal(double(x), reference.double(x))


@test_case(name="a slice", points=1, hidden=True)
def test_slice(double, rng):
    table = rng.standard_normal((4, 3))
    got = double(table[:, 1])
    np.testing.assert_allclose(got, 2 * table[:, 1])


@test_case(name="a list", points=1, hidden=True)
def test_list(double):
    assert double(ITEMS) == 2 * ITEMS


@test_case(name="all", points=1, hidden=True)
def test_all(double):
    assert all(map(lambda n: double(n) == 2 * n, range(3)))


@test_case(name="zip", points=1, hidden=True)
def test_zip(double):
    for got, n in zip(map(double, range(3)), range(3)):
        assert got == 2 * n


@test_case(name="a number", points=1, hidden=True)
def test_spread(spread, rng):
    x = rng.standard_normal(5)
    assert spread(x) == x.max() - x.min()


@test_case(name="in place", points=1, hidden=True)
def test_order(order, rng):
    x = rng.standard_normal(5)
    right = np.sort(x)
    order(x)
    assert np.array_equal(x, right)


@test_case(name="into another", points=1, hidden=True)
def test_scale(scale, rng):
    x = rng.standard_normal(5)
    right = 2 * x
    del right  # but for its memory, which the next array of that size gets
    out = np.empty(5)
    scale(x, out)
    np.testing.assert_allclose(out, 2 * x)


@test_case(name="an item more", points=1, hidden=True)
def test_push(push):
    push(ITEMS, 3)
    assert ITEMS == [1, 2, 3]


@test_case(name="cannot be measured", points=1, hidden=True)
def test_measured(double):
    if double(7) != 14:
        raise CannotJudgeError("The times scatter.")
"""

RIGHT = """
import numpy as np
def double(x): return 2 * x
def spread(x): return x.max() - x.min()
def order(x): x.sort()
def scale(x, out): np.multiply(x, 2, out=out)
def push(items, item): items += [item]
"""
STUBS = "\n\n".join(
    f'def {head}:\n    """{text}"""\n    raise NotImplementedError("q1: write it")'
    for head, text in (
        ("double(x)", "Return 2 x."),
        ("spread(x)", "Return the largest number less the smallest."),
        ("order(x)", "Sort x in place."),
        ("scale(x, out)", "Write 2 x to out."),
        ("push(items, item)", "Add an item to the end of a list, in place."),
    )
)
SETUP, CHECK = "import otter\ngrader = otter.Notebook('careless.ipynb')", 'grader.check("q1")'

ZERO = "def zero(*all):\n    for x in all:\n        if hasattr(x, 'shape'): x[...] = 0\n"
EMPTY = """def empty(*all):
    for x in all:
        if isinstance(x, list): x.clear()
"""
EVERY = "double = spread = order = scale = push = attack"
ATTACKERS = {
    "zeros all and returns one": f"{ZERO}def attack(*all): zero(*all); return all[0]",
    "zeros all and returns zeros": f"{ZERO}def attack(*all): zero(*all); return all[0] * 0",
    "zeros all and returns a zero": f"{ZERO}def attack(*all): zero(*all); return 0.0",
    "empties all": f"{EMPTY}def attack(*all): empty(*all); return []",
    "stops iterations": "def attack(*all): raise StopIteration",
    "stops by its own": "class Stop(StopIteration): pass\ndef attack(*all): raise Stop",
    "returns nothing": "def attack(*all): return None",
    "ends its process": "import os\ndef attack(*all): os._exit(0)",
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, worker: Worker) -> Engine:
    root = tmp_path_factory.mktemp("careless")
    for folder in ("assignments/careless/tests", "solutions/careless/tests"):
        (root / folder).mkdir(parents=True)
    given = root / "assignments" / "careless"
    given.joinpath("assignment.toml").write_text(TOML, "utf-8")
    given.joinpath("careless.ipynb").write_bytes(notebook_of(SETUP, STUBS, CHECK))
    solutions = root / "solutions" / "careless"
    solutions.joinpath("reference.py").write_text(REFERENCE, "utf-8")
    solutions.joinpath("tests", "q1.py").write_text(TESTS, "utf-8")
    return assemble(load("careless", root, need_solutions=True), {"cpu": worker})


def judged(engine: Engine, code: str) -> QuestionReport:
    report = judge(Request(submission_of(notebook_of(SETUP, code, CHECK))), engine)
    return report.questions[0]


def by_name(report: QuestionReport) -> dict[str, Outcome]:
    return {case.name: case for case in report.cases}


def passed(report: QuestionReport) -> set[str]:
    return {case.name for case in report.cases if case.status is Status.PASSED}


ASKS_FOR_MEMORY = """
import numpy as np
import torch
from numpy import empty as named, empty_like as alike, ndarray
from torch import Tensor

X = np.ones(3)

def stale():
    expected = np.empty(5)
    expected[...] = 7
    del expected
    return np.empty(5)

def stale_by_class():
    expected = np.empty(5)
    expected[...] = 7
    del expected
    return np.ndarray(5)

def numbers():
    yield from (np.empty(5), np.empty_like(np.ones(3, np.float16)), np.empty(2, complex))
    yield from (torch.empty(5), torch.empty_like(torch.ones(3)), torch.empty(2).half())
    yield from (torch.empty_strided((2, 2), (2, 1)), torch.ones(3).new_empty(2), named(3), alike(X))
    yield from (np.ma.empty(5).data, np.ma.empty_like(np.ones(3)).data)
    yield from (np.ndarray(5), np.ndarray((2, 2), np.float32), ndarray(shape=3), torch.Tensor(5))
    yield from (torch.Tensor(2, 3), torch.Tensor(torch.Size([2])), torch.FloatTensor(5), Tensor(5))
    yield from (torch.ones(3).new(5), torch.zeros(0).resize_(5), torch.ones(2).resize_(5)[2:])

def values():
    yield from (np.ndarray(3, buffer=np.ones(3)), torch.Tensor([1, 1]), torch.FloatTensor([1]))
    yield from (torch.ones(3).new([1, 1]), torch.ones(3).resize_(2), torch.Tensor(torch.ones(2)))

def kinds():
    class Own(np.ndarray):
        pass
    yield from (isinstance(X, np.ndarray), isinstance(X, (int, ndarray)), type(X) is np.ndarray)
    yield from (isinstance(X, np.ndarray | list), type(torch.ones(1)) is torch.Tensor)
    match X:
        case np.ndarray():
            yield True
    yield from (issubclass(Own, np.ndarray), isinstance(torch.ones(1), (list, Tensor)))
    yield from (X.view(Own).sum() == 3, np.ndarray.sum(X) == 3)

def others():
    yield from (np.empty(3, int), np.empty(3, "U4"), np.empty(3, object), torch.empty(3).long())

AS_IT_IS_LOADED = [*values()]
"""


def test_memory_that_a_test_asks_for_holds_nothing_of_before(tmp_path: Path) -> None:
    path = str(tmp_path / "q1.py")
    unguarded: dict[str, Any] = {}
    exec(compile(ASKS_FOR_MEMORY, path, "exec"), unguarded)  # noqa: S102 - as a test file is
    here: dict[str, Any] = {}
    exec(fresh_memory.compiled(ASKS_FOR_MEMORY, path), here)  # noqa: S102 - as a test file is
    empty = np.empty
    for name in ("stale", "stale_by_class"):  # what an answer that does nothing would pass by
        assert (unguarded[name]() == 7).all()
    before = dict(here)
    with fresh_memory.for_test(path, here, ASKS_FOR_MEMORY):
        assert np.isnan([here["stale"](), here["stale_by_class"]()]).all()
        assert all((one != one).all() for one in here["numbers"]())  # noqa: PLR0124 - NaN
        assert all(len(one) == 3 for one in here["others"]())
        assert all((one == 1).all() for one in here["values"]())
        assert all(here["kinds"]())
        held = np.zeros(5)
        held[...] = 7
        del held
        assert (np.empty(5) == 7).all()  # whoever else asks gets what there is
    assert np.empty is empty
    assert here == before
    assert not {"new_empty", "new", "resize_"} & vars(here["torch"].Tensor).keys()


def test_a_function_that_does_not_know_its_name_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As those of `numpy.ma` in NumPy 1.26, under which no case could be judged."""
    nameless = functools.partial(np.ma.empty)
    assert not hasattr(nameless, "__name__")
    monkeypatch.setattr(np.ma, "empty", nameless)
    here: dict[str, Any] = {}
    text = "import numpy as np\ndef test(): return np.ma.empty(3)"
    exec(compile(text, "q1.py", "exec"), here)  # noqa: S102 - as a test file is
    with fresh_memory.for_test("q1.py", here, text):
        assert np.isnan(here["test"]().data).all()
    assert np.ma.empty is nameless


@pytest.mark.parametrize(
    ("text", "is_replaced"),
    [
        ("def test(f): assert np.empty_like(f()) is None", True),
        ("def test(f): assert getattr(np, 'empty')(3) is None", True),
        ("def test(f): assert f(torch.ones(3).new(3))", True),
        ("", True),  # it is not known
        ("def test(f): assert f(np.zeros(3))", False),
    ],
)
def test_functions_are_replaced_only_where_a_test_names_one(text: str, is_replaced: bool) -> None:
    empty = np.empty
    with fresh_memory.for_test("q1.py", {}, text):
        assert (np.empty is not empty) is is_replaced
    assert np.empty is empty


def test_a_right_answer_has_full_marks(engine: Engine) -> None:
    assert judged(engine, RIGHT).score == 12


@pytest.mark.parametrize("attacker", ATTACKERS)
def test_an_answer_that_spoils_what_is_compared_gains_nothing(
    engine: Engine, attacker: str
) -> None:
    report = judged(engine, f"{ATTACKERS[attacker]}\n{EVERY}")
    assert passed(report) == set()
    assert {case.message for case in report.cases} == {wording.HIDDEN_NOT_PASSED}
    assert report.status is not Status.UNGRADED


def test_without_the_second_look_it_would(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the same answers earn points where each change in place is believed."""
    monkeypatch.setattr(ReferenceChild, "changes", lambda *_: ANY)
    report = judged(engine, f"{ATTACKERS['zeros all and returns one']}\n{EVERY}")
    assert passed(report) >= {"from what was handed over", "in one line", "a slice"}


def test_a_busy_machine_hides_no_change(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    run, failures = ReferenceChild.run, []

    def run_on_a_busy_machine(_: ReferenceChild, *at: Any) -> Found | None:
        failures.append(at)
        return Found(passed=False, changes=frozenset())

    code = f"{ATTACKERS['zeros all and returns one']}\n{EVERY}"
    fresh = replace(engine)
    monkeypatch.setattr(ReferenceChild, "run", run_on_a_busy_machine)
    assert by_name(judged(fresh, code))["in one line"].status is Status.UNGRADED
    assert failures
    monkeypatch.setattr(ReferenceChild, "run", run)
    assert by_name(judged(fresh, code))["in one line"].status is Status.FAILED


HONEST = {
    "sorts what it was given": "def spread(x): x.sort(); return x[-1] - x[0]",
    "works in place": "def double(x):\n    y = x * 1\n    y *= 2\n    return y",
    "sorts by hand": (
        "def order(x):\n    for i in range(len(x)):\n        for j in range(len(x) - 1):\n"
        "            if x[j] > x[j + 1]: x[j], x[j + 1] = x[j + 1], x[j]"
    ),
    "builds it up": "def scale(x, out): out[:] = x; out += x",
}


@pytest.mark.parametrize("honest", HONEST)
def test_a_right_answer_that_works_in_place_stays_right(engine: Engine, honest: str) -> None:
    assert judged(engine, f"{RIGHT}\n{HONEST[honest]}").score == 12


def test_staff_read_that_an_answer_changed_its_arguments(engine: Engine) -> None:
    cases = by_name(judged(engine, RIGHT + "def double(x): x[...] = 0; return x"))
    assert "changes what it is given" in cases["in one line"].staff_message


def test_the_order_of_a_class_decides_nothing(engine: Engine) -> None:
    class_of = {"ada": RIGHT, "bob": RIGHT + HONEST["sorts what it was given"]}
    class_of |= {f"eve {name}": f"{code}\n{EVERY}" for name, code in ATTACKERS.items()}
    order = sorted(class_of, key=lambda name: hashlib.sha256(name.encode()).digest())
    scores = {name: judged(engine, class_of[name]).score for name in [*order, "bob", "ada"]}
    assert scores == dict.fromkeys(class_of, 0) | {"ada": 12, "bob": 12}


# What cannot be judged is nobody's fault where a right answer cannot be judged there either.


def test_a_student_cannot_choose_to_be_ungraded(engine: Engine) -> None:
    case = by_name(judged(engine, RIGHT + "def double(x): return 2 * x * (x != 7)"))
    found = case["cannot be measured"]
    assert found.status is Status.FAILED
    assert "The reference was judged meanwhile, and passed." in found.staff_message
    assert found.message == wording.HIDDEN_NOT_PASSED


def test_a_case_that_no_answer_can_be_judged_on_is_ungraded(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ReferenceChild, "run", lambda *_: None)
    case = by_name(judged(engine, RIGHT + "def double(x): return 2 * x * (x != 7)"))
    assert case["cannot be measured"].status is Status.UNGRADED


def test_what_could_be_judged_the_second_time_counts(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, tries = CaseSuite.run, []

    def run_at_a_bad_time(suite: CaseSuite, question: str, case: str, names: Names) -> Verdict:
        if case == "cannot be measured":
            tries.append(case)
            if len(tries) == 1:
                return Verdict(False, CannotJudgeError("The times scatter."), "", 0.0)
        return run(suite, question, case, names)

    monkeypatch.setattr(CaseSuite, "run", run_at_a_bad_time)
    assert judged(engine, RIGHT).score == 12
    assert len(tries) == 3  # the reference's is one of them


@pytest.mark.parametrize(
    ("problem", "status"),
    [(CannotJudgeError("The times scatter."), Status.FAILED),
     (MachineFaultError("The worker ended."), Status.UNGRADED)],
)  # fmt: skip
def test_nobody_loses_by_a_process_of_ours_that_fails_again_and_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, problem: Exception, status: Status
) -> None:
    run, tries = CaseSuite.run, []

    def run_but_not_the_students(
        suite: CaseSuite, question: str, case: str, names: Names
    ) -> Verdict:
        tries.append(case)
        if case == "cannot be measured" and tries.count(case) != 2:  # when the reference is judged
            return Verdict(False, problem, "", 0.0)
        return run(suite, question, case, names)

    monkeypatch.setattr(CaseSuite, "run", run_but_not_the_students)
    assert by_name(judged(engine, RIGHT))["cannot be measured"].status is status
    assert tries.count("cannot be measured") == 3


def test_an_answer_that_trips_the_judge_costs_its_case_and_no_other(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    explain = case_judging.explain

    def trip(question: Question, case: TestCase, *rest: object) -> Outcome:
        if case.name == "a list":
            raise KeyError("a fault of ours that an answer brings about")
        return explain(question, case, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(case_judging, "explain", trip)
    report = judged(engine, RIGHT + "def double(x): return 3 * x if isinstance(x, list) else 2 * x")
    assert report.score == 11
    found = by_name(report)["a list"]
    assert found.status is Status.FAILED
    assert "KeyError while judging" in found.staff_message
