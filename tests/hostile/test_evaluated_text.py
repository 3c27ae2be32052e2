"""Text of a student's that a test, or a library that the test uses, would evaluate in the judge."""

from collections.abc import Callable
from pathlib import Path

import pytest

from grader.grading import evaluation
from grader.model import Status
from grader.sandbox import Worker
from grader.sandbox.wire import sympy_kinds
from tests.support.otter_assignments import OtterJudge, doctests, functions

pytest.importorskip("sympy")
SYMPY = ">>> import sympy\n"
ANNOTATED = """
class Answer:
    value: {text!r}
"""
DOCUMENTED = """
def answer():
    '''
    >>> {text}
    '''
"""
# As a child does that keeps to no rule of ours.
UNRULED = """
import sys
import sympy
for module in list(sys.modules.values()):
    if hasattr(module, "NOT_IN_NAMES"):
        module.NOT_IN_NAMES = frozenset()
"""
QUERY = """
import pandas as pd
table = pd.DataFrame({{"a": [1, 2]}})
answer = {text!r}
"""
ANSWER = "answer = {text!r}"
EVALUATING = """
@test_case()
def test_it(answer):
    assert eval(answer) == 7
"""

# By name: the test, the student's cell, and an honest text that it would evaluate.
EVALUATED = {
    "eval": (doctests("q1", ">>> eval(answer)\n7"), ANSWER, "3 + 4"),
    "exec": (doctests("q1", ">>> exec(answer)"), ANSWER, "x = 3"),
    "eval in a function": (functions("q1", EVALUATING), ANSWER, "3 + 4"),
    "simplify": (
        doctests("q1", SYMPY + ">>> sympy.simplify(answer)\nx**2 + sin(x)/2"),
        ANSWER, "x**2 + sin(x)*Rational(1, 2)",
    ),
    "unevaluated": (
        doctests("q1", SYMPY + ">>> sympy.sympify(answer, evaluate=False)\nx + x"), ANSWER, "x + x",
    ),
    "matrix": (
        doctests("q1", SYMPY + ">>> sympy.Matrix([answer])\nMatrix([[x + 1]])"), ANSWER, "x + 1",
    ),
    "equals": (
        doctests("q1", SYMPY + ">>> sympy.Symbol('x').equals(answer)\nTrue"), ANSWER, "x*2 - x",
    ),
    "lambdify": (
        doctests("q1", SYMPY + ">>> sympy.lambdify(sympy.Symbol('x'), answer)(2)\n5"),
        ANSWER, "x**2 + 1",
    ),
    "symbol": (
        doctests("q1", SYMPY + ">>> sympy.lambdify(sympy.Symbol('x'), answer + 1)(2)\n3"),
        UNRULED + "answer = sympy.Symbol({text!r})", "x",
    ),
    "function": (
        doctests(
            "q1", SYMPY + ">>> one = {'f': lambda x: x + 1}\n"
            ">>> sympy.lambdify(sympy.Symbol('x'), answer, [one])(2)\n5",
        ),
        UNRULED + "x = sympy.Symbol('x')\nanswer = sympy.Function({text!r})(x) + x",
        "f",
    ),
    "annotations": (
        doctests("q1", ">>> import typing\n>>> typing.get_type_hints(Answer)['value']()\n[]"),
        ANNOTATED, "list",
    ),
    "annotations as inspect has them": (
        doctests(
            "q1",
            ">>> import inspect\n>>> inspect.get_annotations(Answer, eval_str=True)['value']()\n[]",
        ),
        ANNOTATED,
        "list",
    ),
    "annotations of a function": (
        doctests("q1", ">>> import typing\n>>> typing.get_type_hints(answer)['return']()\n[]"),
        "def answer() -> {text!r}: return []",
        "list",
    ),
    "query": (
        doctests("q1", ">>> import pandas as pd\n>>> len(table.query(answer))\n1"),
        QUERY, "a > 1",
    ),
    "docstring": (
        doctests(
            "q1", ">>> import doctest\n"
            ">>> found = doctest.DocTestParser().get_doctest(answer.__doc__, {}, 'a', 'a', 0)\n"
            ">>> doctest.DocTestRunner(verbose=False).run(found).failed\n0",
        ),
        DOCUMENTED, "x = 3",
    ),
}  # fmt: skip
DOES = {
    "query": "a == @pd.io.common.os.mkdir({trap!r})",
    "lambdify": "[].append(__import__('pathlib').Path({trap!r}).touch())",
}
ANY = "__import__('pathlib').Path({trap!r}).touch()"


@pytest.fixture(scope="module")
def judge(worker: Worker, tmp_path_factory: pytest.TempPathFactory) -> OtterJudge:
    return OtterJudge(tmp_path_factory.mktemp("assignments"), worker)


def attack(judge: OtterJudge, name: str, trap: Path) -> Status:
    test, cell, _ = EVALUATED[name]
    [case] = judge.cases(cell.format(text=DOES.get(name, ANY).format(trap=str(trap))), test)
    return case.status


@pytest.mark.parametrize("name", EVALUATED)
def test_no_text_of_a_students_does_anything_in_the_judge(
    judge: OtterJudge, tmp_path: Path, name: str
) -> None:
    assert attack(judge, name, tmp_path / "trap") is not Status.PASSED
    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize("name", EVALUATED)
def test_the_control_unguarded_it_does(
    judge: OtterJudge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    everything: Callable[..., None] = lambda *_: None  # noqa: E731
    monkeypatch.setattr(evaluation, "_look_at", everything)
    monkeypatch.setattr(sympy_kinds, "NOT_IN_NAMES", frozenset())
    attack(judge, name, tmp_path / "trap")
    assert (tmp_path / "trap").exists()


@pytest.mark.parametrize("name", EVALUATED)
def test_a_text_that_only_computes_is_evaluated(judge: OtterJudge, name: str) -> None:
    test, cell, text = EVALUATED[name]
    [case] = judge.cases(cell.format(text=text), test)
    assert case.status is Status.PASSED, case.staff_message


def test_a_text_of_the_tests_own_may_do_anything(judge: OtterJudge) -> None:
    code = SYMPY + ">>> eval('len([answer])') + sympy.sympify('Poly(x + 1).degree()')\n2"
    [case] = judge.cases("answer = 1", doctests("q1", code))
    assert case.status is Status.PASSED, case.staff_message


def test_a_text_that_calls_the_students_own_function_is_evaluated(judge: OtterJudge) -> None:
    code = ">>> [eval(name + '(2)') + eval(f'max({2}, 1)') for name in ('f', 'g')]\n[5, 6]"
    [case] = judge.cases("def f(x): return x + 1\ndef g(x): return 2 * x", doctests("q1", code))
    assert case.status is Status.PASSED, case.staff_message
