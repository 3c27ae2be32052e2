"""Threats 1 to 5 against tests that compare an expression of SymPy's with what is right."""

import contextlib
import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.model import Status
from grader.sandbox import Worker
from tests.support.otter_assignments import OtterJudge, functions

pytest.importorskip("sympy")

CASES = """
import sympy

X = sympy.Symbol("x")
RIGHT = X**2 / 2 + sympy.sin(X)

@test_case(hidden=True)
def test_same(answer):
    assert answer == RIGHT

@test_case(hidden=True)
def test_turned(answer):
    assert not RIGHT != answer

@test_case(hidden=True)
def test_difference(answer):
    assert sympy.simplify(answer - RIGHT) == 0

@test_case(hidden=True)
def test_turned_difference(answer):
    assert sympy.expand(RIGHT - answer) == 0

@test_case(hidden=True)
def test_equals(answer):
    assert answer.equals(RIGHT)

@test_case(hidden=True)
def test_turned_equals(answer):
    assert RIGHT.equals(answer)

@test_case(hidden=True)
def test_derivative(answer):
    assert sympy.diff(answer, X) == sympy.diff(RIGHT, X)

@test_case(hidden=True)
def test_number(answer):
    assert abs(float(answer.subs(X, 2)) - float(RIGHT.subs(X, 2))) < 1e-9

@test_case(hidden=True)
def test_evaluated(answer):
    assert abs(answer.subs(X, 2) - RIGHT.subs(X, 2)) < 1e-9

@test_case(hidden=True)
def test_close(answer):
    assert sympy.Abs(answer.subs(X, 2).evalf() - RIGHT.subs(X, 2).evalf()) < 1e-9

@test_case(hidden=True)
def test_is_zero(answer):
    assert (answer - RIGHT).is_zero

@test_case(hidden=True)
def test_function(answer):
    assert abs(sympy.lambdify(X, answer)(2.0) - sympy.lambdify(X, RIGHT)(2.0)) < 1e-9

@test_case(hidden=True)
def test_in_a_set(answer):
    assert sympy.FiniteSet(answer) == sympy.FiniteSet(RIGHT)

@test_case(hidden=True)
def test_in_a_matrix(answer):
    assert sympy.Matrix([answer]) == sympy.Matrix([RIGHT])
"""

LIAR = """
import sympy
def yes(*args, **kwargs): return True
def nothing(*args, **kwargs): return sympy.S.Zero
MORE = {
    **{f"__{n}__": yes for n in ("eq", "lt", "le", "gt", "ge", "bool")},
    **{f"__{n}__": nothing for n in ("sub", "rsub", "abs")},
    "__ne__": lambda *args: False, "__hash__": lambda self: hash(self.args),
    "equals": yes, "_eval_is_zero": yes, "__float__": lambda self: 2 + 0.9092974268256817,
    "_op_priority": 1e9,
}
"""
ATTACKS = {
    "1 expressions": LIAR + 'answer = type("Liar", (sympy.Expr,), MORE)()',
    "1 symbols": LIAR + """
class Liar(sympy.Symbol):
    locals().update(MORE)
answer = Liar("x")
""",
    "1 functions": LIAR + """
class Liar(sympy.Function):
    locals().update(MORE)
answer = Liar(sympy.Symbol("x"))
""",
    "2 arrays": LIAR + """
import numpy
class Liar(numpy.ndarray):
    locals().update({**MORE, "subs": lambda self, *_: self, "evalf": lambda self: self})
answer = numpy.zeros(2).view(Liar)
""",
    "4 conversions": LIAR + """
class Liar:
    locals().update(MORE)
    def _sympy_(self):
        return sympy.Symbol("x")
    def __getattr__(self, name):
        return yes
answer = Liar()
""",
    "5 patches": """
import builtins, sys
import sympy
zero = sympy.S.Zero
sympy.simplify = sympy.expand = lambda *_: zero
sympy.Basic.__eq__ = sympy.Expr.__eq__ = sympy.Symbol.__eq__ = lambda *_: True
sympy.Basic.__ne__ = lambda *_: False
sympy.Expr.equals = lambda *_, **__: True
sympy.Expr.__sub__ = sympy.Expr.__rsub__ = lambda *_: zero
sympy.diff = lambda *_: zero
sympy.Expr.__float__ = lambda *_: 1.0
answer = sympy.Symbol("x")
""",
}  # fmt: skip


@pytest.fixture(scope="module")
def judge(worker: Worker, tmp_path_factory: pytest.TempPathFactory) -> OtterJudge:
    return OtterJudge(tmp_path_factory.mktemp("assignments"), worker)


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_expression_of_a_students_says_that_it_is_right(judge: OtterJudge, attack: str) -> None:
    cases = judge.cases(ATTACKS[attack], functions("q1", CASES))
    assert [case.name for case in cases if case.status is Status.PASSED] == []


def test_a_right_expression_passes_each(judge: OtterJudge) -> None:
    right = "import sympy\nx = sympy.Symbol('x')\nanswer = (x**2 + 2*sympy.sin(x)) / 2"
    cases = judge.cases(right, functions("q1", CASES))
    lost = {case.name: case.staff_message for case in cases if case.status is not Status.PASSED}
    assert lost.keys() <= {"q1 - 1", "q1 - 2", "q1 - 13", "q1 - 14"}, lost  # of another form


def passes_in_one_process(attack: str) -> int:
    """Return how many cases pass where the notebook's own objects are compared."""
    cases: list[Callable[..., None]] = []

    def keep(**_kwargs: Any) -> Callable[..., Any]:
        return lambda function: cases.append(function) or function

    names: dict[str, Any] = {}
    exec(ATTACKS[attack], names)  # noqa: S102 - an attack of our own, on itself
    exec(CASES, {"test_case": keep})  # noqa: S102
    passed = 0
    for case in cases:
        assert list(inspect.signature(case).parameters) == ["answer"]
        with contextlib.suppress(Exception):
            case(names["answer"])
            passed += 1
    return passed


def test_without_a_process_between_each_attack_gains_points() -> None:
    code = (
        f"from {__name__} import ATTACKS, passes_in_one_process\n"
        "print(*map(passes_in_one_process, ATTACKS))"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=Path(__file__).parents[2],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    gained = dict(zip(ATTACKS, map(int, ended.stdout.split()), strict=True))
    assert min(gained.values()) >= 2, gained
