"""Which cells may have run before a question is asked that stands above them."""

import pytest

from grader.grading.judge import Engine, Request, judge
from grader.grading.reuse import leave_alone
from grader.model import Status
from tests.conftest import notebook_of, submission_of

DOUBLE = "N = 2\ndef double(x):\n    return times(N, x)\ndef times(n, x):\n    return n * x"
ASKED = frozenset({"double"})


@pytest.mark.parametrize(
    "after",
    [
        "def square(x):\n    return x * x",
        'grader.check("q1")',
        "import math\nfrom os import path",
        "SIZE = 3\nname: str = 'x'\n'a text'",
        "@triton.jit\ndef kernel(x, BLOCK: tl.constexpr):\n    pass",
        "class Shape:\n    sides: int = 3\n    def area(self):\n        return self.area()",
        "x = 5",  # which the functions before have as a parameter of their own
        "# a remark",
    ],
)
def test_definitions_of_other_names_leave_what_was_defined_alone(after: str) -> None:
    assert leave_alone([DOUBLE], [after], frozenset(), ASKED)


@pytest.mark.parametrize(
    "after",
    [
        "double = 7",
        "N = 3",
        "def times(n, x):\n    return n + x",
        "import numpy as times",
        "for N in range(3): pass",
        "print(double(3))",
        "counts[0] = 1",
        "torch.backends.flag = True",
        "def f(x=double(3)):\n    return x",
        "@register\n@wraps(double)\ndef f(x):\n    return x",
        "class Shape(make()):\n    pass",
        "%matplotlib inline",
        "from module import *",
        "del N",
        "if True:\n    def other(): pass",
        "def broken(:",
    ],
)
def test_what_may_do_more_does_not(after: str) -> None:
    assert not leave_alone([DOUBLE], ["SIZE = 3", after], frozenset(), ASKED)


def test_try_cells_of_the_hand_out_may_call_but_not_rebind() -> None:
    show = "for word in words:\n    print(double(word))"
    rebind = "N = int(input())"
    assert leave_alone([DOUBLE], [show], frozenset({show}), ASKED)
    assert not leave_alone([DOUBLE], [rebind], frozenset({rebind}), ASKED)


@pytest.mark.parametrize(
    "code", ["def double(x):\n    return globals()['N'] * x", "%time\ndef double(x): return n * x"]
)
def test_code_that_hides_what_it_reads_is_run_again(code: str) -> None:
    assert not leave_alone([code], ["n = 3"], frozenset(), ASKED)


@pytest.mark.parametrize(("values", "may"), [("[N for N in ()]", True), ("(N for x in ())", False)])
def test_only_what_reads_a_name_later_is_in_the_way(values: str, may: bool) -> None:
    assert leave_alone([f"values = {values}"], ["N = 3"], frozenset(), frozenset()) is may
    given = f"values = {values}"
    assert leave_alone([given], ["N = 3"], frozenset({given}), frozenset())


def test_a_name_that_a_test_asks_for_is_not_there_too_early() -> None:
    assert not leave_alone([DOUBLE], ["answer = 42"], frozenset(), frozenset({"answer"}))


def starts(engine: Engine, *cells: str) -> int:
    """Return how many children a right notebook takes."""
    worker, started = engine.workers["cpu"], []
    session = worker.session

    def counted(*args: object, **options: object) -> object:
        started.append(1)
        return session(*args, **options)  # type: ignore[arg-type]

    worker.session = counted  # type: ignore[method-assign, assignment]
    try:
        report = judge(Request(submission_of(notebook_of(*cells))), engine)
    finally:
        worker.session = session  # type: ignore[method-assign]
    assert {item.status for item in report.questions[:2]} == {Status.PASSED}
    return len(started)


def test_only_a_notebook_that_reuses_names_takes_a_second_child(small_engine: Engine) -> None:
    setup = "import otter\ngrader = otter.Notebook('small.ipynb')"
    double, square = "def double(x):\n    return 2 * x", "def square(x):\n    return x * x"
    first, second = 'grader.check("q1")', 'grader.check("q2")'
    assert starts(small_engine, setup, double, first, square, second) == 1
    assert starts(small_engine, setup, double, first, "double = 7", square, second) == 2
    assert starts(small_engine, setup, double, first, "double(3)", square, second) == 2
