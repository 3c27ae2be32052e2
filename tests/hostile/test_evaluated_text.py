"""Text of a student's that a test, or a library that the test uses, would evaluate in the judge."""

import importlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from grader.grading import evaluation, opened_files, test_folder, yaml_objects
from grader.grading.text_read import Case
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
PICKLED = """
import pickle
class Trap:
    def __reduce__(self):
        return eval, ({text!r},)
answer = pickle.dumps(Trap() if "trap" in {text!r} else {text})
"""
# A comment, in the coding that is read where none is named.
CODED = """
from base64 import b64encode
text = b64encode(("\\n" + {text!r}).encode("utf-16-be")).decode().rstrip("=")
answer = f"# coding: utf-7\\n# +{{text}}-".encode()
"""
OF_A_TREE = """
import ast
@test_case()
def test_it(answer):
    found = {}
    exec(compile(ast.parse(answer), "answer", "exec"), found)
    assert found["x"] == 7
"""
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
    "expression as a tree": (
        doctests(
            "q1", SYMPY + ">>> from sympy.parsing.ast_parser import parse_expr\n"
            ">>> parse_expr(answer, {})\nx + 1",
        ),
        ANSWER, "x + 1",
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
    "tree": (
        doctests(
            "q1", ">>> import ast\n>>> tree = ast.parse(answer, mode='eval')\n"
            ">>> eval(compile(ast.fix_missing_locations(tree), '', 'eval'))\n7",
        ),
        ANSWER, "3 + 4",
    ),
    "tree in a function": (
        functions("q1", OF_A_TREE), ANSWER, "x = 3 + 4",
    ),
    "tree by Python's own": (
        doctests(
            "q1", ">>> import ast, builtins\n"
            ">>> code = builtins.compile(ast.parse(answer), '', 'exec')\n"
            ">>> builtins.exec(code)",
        ),
        ANSWER, "x = 3",
    ),
    "timed": (
        doctests("q1", ">>> import timeit\n>>> timeit.timeit(answer, number=1) < 60\nTrue"),
        ANSWER, "3 + 4",
    ),
    "console": (
        doctests(
            "q1", ">>> import code\n>>> code.InteractiveInterpreter({}).runsource(answer)\nFalse",
        ),
        ANSWER, "x = 3",
    ),
    "key": (
        doctests("q1", ">>> eval(answer)\n'bb'"), ANSWER, "max(['a', 'bb'], key=len)",
    ),
    "pickle": (
        doctests("q1", ">>> import pickle\n>>> pickle.loads(answer)\n[1, 2]"),
        PICKLED, "[1, 2]",
    ),
    "yaml": (
        doctests(
            "q1", ">>> import yaml\n>>> yaml.load(answer, Loader=yaml.Loader)\n{'a': [1, 2]}",
        ),
        ANSWER, "a: [1, 2]",
    ),
    "yaml that says so": (
        doctests("q1", ">>> import yaml\n>>> yaml.unsafe_load(answer)\n{'a': [1, 2]}"),
        ANSWER, "a: [1, 2]",
    ),
    "module as a value": (
        doctests("q1", ">>> import pandas as pd\n>>> eval(answer)\n7"), ANSWER, "3 + 4",
    ),
    "module by another name": (
        doctests("q1", ">>> import pandas as pd\n>>> exec(answer)"), ANSWER, "x = [0]\nx[0] = 3",
    ),
    "method as a value": (
        doctests(
            "q1", ">>> import pandas as pd\n>>> d = pd.DataFrame({'a': [1]})\n"
            ">>> eval(answer, {'d': d})\n1",
        ),
        ANSWER, "d.shape[0]",
    ),
    "symbol of a text": (
        doctests(
            "q1", SYMPY + ">>> sympy.lambdify(sympy.Symbol('x'), sympy.sympify(answer))(2)\n6",
        ),
        ANSWER, "x**2 + Symbol('x')",
    ),
    "symbol of the test's making": (
        doctests("q1", SYMPY + ">>> sympy.lambdify(sympy.Symbol('x'), sympy.Symbol(answer))(2)\n2"),
        ANSWER, "x",
    ),
    "argument of a function": (
        doctests("q1", SYMPY + ">>> sympy.lambdify(answer, 2 * sympy.Symbol('x'))(2)\n4"),
        ANSWER, "x",
    ),
    "bytes": (
        doctests("q1", ">>> exec(compile(bytearray(answer.encode()), 'answer', 'exec'))"),
        ANSWER, "x = 3",
    ),
    "bytes of a coding": (
        doctests("q1", ">>> exec(compile(answer, 'answer', 'exec'))"),
        CODED, "x = 3",
    ),
    "bytes of a coding by Python's own": (
        doctests("q1", ">>> import builtins\n>>> builtins.exec(answer)"), CODED, "x = 3",
    ),
    "template": (
        doctests("q1", ">>> import jinja2\n>>> jinja2.Template(answer).render() != ''\nTrue"),
        ANSWER, "plain",
    ),
    "memory": (
        doctests("q1", ">>> eval(memoryview(answer.encode()))\n7"), ANSWER, "3 + 4",
    ),
    "column": (
        doctests("q1", ">>> import pandas as pd\n>>> pd.Series([answer]).map(eval).tolist()\n[7]"),
        ANSWER, "3 + 4",
    ),
    "thread": (
        doctests(
            "q1", ">>> import builtins\n>>> from concurrent.futures import ThreadPoolExecutor\n"
            ">>> ThreadPoolExecutor(1).submit(builtins.eval, answer, {}).result()\n7",
        ),
        ANSWER, "3 + 4",
    ),
    "annotations with names": (
        doctests(
            "q1", ">>> import os, typing\n>>> class Of: __annotations__ = {'value': answer}\n"
            ">>> typing.get_type_hints(Of, globals())['value']()\n[]",
        ),
        ANSWER, "list",
    ),
}  # fmt: skip
DOES = {
    "module as a value": "max([{trap!r}], key=[pd][0].io.common.os.mkdir)",
    "module by another name": "q = pd\nmax([{trap!r}], key=q.io.common.os.mkdir)",
    "method as a value": "max([{trap!r}], key=d.to_pickle)",
    "symbol of a text": "Symbol(\"__import__('os').mkdir({trap!r})\")",
    "expression as a tree": (
        "sqrt.__globals__['__builtins__']['__import__']('os').mkdir({trap!r})"
    ),
    "template": "{{{{ cycler.__init__.__globals__.os.mkdir({trap!r}) }}}}",
    "argument of a function": "x=__import__('os').mkdir({trap!r})",
    "annotations with names": "max([{trap!r}], key=os.mkdir)",
    "key": "max([\"__import__('pathlib').Path({trap!r}).touch()\"], key=eval)",
    "yaml": "!!python/object/apply:os.mkdir [{trap}]",
    "yaml that says so": "!!python/object/apply:os.mkdir [{trap}]",
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


def unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    anything: Callable[..., str] = lambda *_, **__: ""  # noqa: E731
    monkeypatch.setattr(evaluation, "what_is_wrong", anything)
    monkeypatch.setattr(evaluation, "is_of_printer", lambda *_: True)
    monkeypatch.delitem(evaluation.EVALUATE, "jinja2.environment")
    nothing: Callable[..., AbstractContextManager[None]] = lambda *_, **__: nullcontext()  # noqa: E731
    monkeypatch.setattr(yaml_objects, "of_own_text", nothing)
    monkeypatch.setattr(opened_files, "for_case", nothing)
    monkeypatch.setattr(test_folder._no_unpickling, "noted_on", nothing)


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
    unguarded(monkeypatch)
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


HELPERS = """
import pandas as pd
def evaluated(text):
    return eval(text)
def own():
    return eval("list(map(int, pd.Series([1])))")
def column(texts):
    return pd.Series(texts).map(eval).tolist()
"""
HELPED = """
>>> import helpers
>>> [helpers.evaluated(answer), *helpers.column([answer])]
[7, 7]
>>> [helpers.evaluated("len([1])"), *helpers.own()]
[1, 1]
"""


@pytest.mark.parametrize("is_guarded", [True, False])
@pytest.mark.parametrize("text", ["3 + 4", ANY])
def test_a_module_of_the_courses_evaluates_as_a_test_does(
    judge: OtterJudge,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    text: str,
    *,
    is_guarded: bool,
) -> None:
    monkeypatch.setattr(judge, "files", {"helpers.py": HELPERS})
    if not is_guarded:
        unguarded(monkeypatch)
    trap = tmp_path / "trap"
    cell = ANSWER.format(text=text.format(trap=str(trap)))
    [case] = judge.cases(cell, doctests("q1", HELPED))
    is_attack = text == ANY
    assert trap.exists() is (is_attack and not is_guarded)
    assert is_attack or case.status is Status.PASSED, case.staff_message


TEMPLATES = """from jinja2 import Template
SAID = Template("{% for one in many %}{{ one.text() }}{% endfor %}")
"""


def test_a_library_that_is_imported_meanwhile_makes_its_own_templates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "makes_templates.py"
    path.write_text(TEMPLATES)
    os.utime(path, (0, 0))  # no test has written it
    monkeypatch.syspath_prepend(tmp_path)
    case = Case("test.py", "x == 1", [])
    with evaluation.of_own_text(case):
        found = importlib.import_module("makes_templates")
    assert not case.refusals
    assert found.SAID.render(many=[]) == ""
