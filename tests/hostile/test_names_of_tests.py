"""A text of a student's that a test evaluates may not read what the test expects, by its name."""

from collections.abc import Callable

import pytest

from grader.grading import evaluation
from grader.model import Status
from grader.sandbox import Worker
from tests.support.otter_assignments import OtterJudge, doctests, functions

LOCAL = """
@test_case()
def test_it(answer):
    expected = 7
    assert {expression} == expected
"""
GLOBAL = """
EXPECTED = 7

@test_case()
def test_it(answer):
    assert {expression} == EXPECTED
"""
EXPECTED = ">>> expected = 7\n"

# By name: the test, and an answer that would be right without knowing anything.
ATTACKS = {
    "doctest": (EXPECTED + ">>> eval(answer) == expected\nTrue", "expected"),
    "globals": (EXPECTED + ">>> eval(answer, globals()) == expected\nTrue", "expected"),
    "copied globals": (EXPECTED + ">>> eval(answer, {**globals()}) == expected\nTrue", "expected"),
    "within": (EXPECTED + ">>> [eval(answer) for x in (7,)] == [expected]\nTrue", "[x][0]"),
    "statement": (EXPECTED + ">>> exec(answer)\n>>> x == expected\nTrue", "x = expected"),
    "rebound": (EXPECTED + ">>> exec(answer)\n>>> x == expected\nTrue", "x = expected = 0"),
    "all": (">>> exec(answer)\n>>> all([x == 7, True])\nTrue", "x = 0\nall = max"),
    "library": (
        ">>> import numpy as np\n>>> exec(answer)\n>>> _ = np.testing.assert_equal(x, 7)",
        "x = 0\nnp.testing.assert_equal = max",
    ),
    "module": (
        ">>> import os\n>>> os.environ['SECRET'] = '7'\n>>> eval(answer) == '7'\nTrue",
        "os.environ['SECRET']",
    ),
    "library's module": (
        (">>> import os\n>>> os.environ['SECRET'] = '7'\n>>> import pandas as pd\n"
        ">>> eval(answer) == '7'\nTrue"),
        "pd.io.common.os.environ['SECRET']",
    ),
    "code": (
        EXPECTED + ">>> eval(compile(answer, 'answer', 'eval')) == expected\nTrue", "expected",
    ),
    "bound before": (
        (">>> first, second = answer.splitlines()\n>>> exec(first)\n>>> expected = 7\n"
        ">>> eval(second) == expected\nTrue"),
        "expected = 0\nexpected",
    ),
    "chosen globals": (
        EXPECTED + ">>> names = {key: one for key, one in globals().items() if key[0] != '_'}\n"
        ">>> eval(answer, names) == expected\nTrue",
        "expected",
    ),
    "type": (
        (">>> import typing\n>>> expected = int\n>>> class Of: __annotations__ = {'it': answer}\n"
        ">>> typing.get_type_hints(Of, globals())['it'] is expected\nTrue"),
        "expected",
    ),
    "changed by a function": (
        (">>> import numpy as np\n>>> x = np.ones(2)\n"
        ">>> bool(np.all(eval(answer, {'np': np, 'x': x}) == 3 * x))\nTrue"),
        "np.multiply(x, 0, x)",
    ),
    "changed by another name": (
        (">>> import numpy as np\n>>> x, found = np.ones(2), {}\n"
        ">>> exec(answer, {'x': x}, found)\n"
        ">>> bool(np.all(found['y'] == 3 * x))\nTrue"),
        "y = x\ny[:] = 0",
    ),
    "changed by a loop": (
        ">>> x = [1.0]\n>>> exec(answer, {'x': x})\n>>> [3 * one for one in x] == x\nTrue",
        "for x[0] in [0.0]: pass",
    ),
    "changed in a list that is made": (
        ">>> x = [1.0]\n>>> _ = eval(answer, {'x': x})\n>>> [3 * one for one in x] == x\nTrue",
        "[0 for x[0] in [0.0]]",
    ),
    "changed by a method": (
        (">>> import pandas as pd\n>>> x = pd.Series([1.0])\n>>> _ = eval(answer, {'x': x})\n"
        ">>> bool((3 * x == x).all())\nTrue"),
        "x.mask(x > 0, 0, inplace=True)",
    ),
    "in a text": (EXPECTED + ">>> int(eval(answer)) == expected\nTrue", "f'{expected}'"),
    "in a list that is made": (
        EXPECTED + ">>> eval(answer) == [expected]\nTrue", "[expected for one in (1,)]",
    ),
    "pandas": (
        ">>> import pandas as pd\n" + EXPECTED + ">>> pd.eval(answer) == expected\nTrue",
        "expected",
    ),
    "query": (
        (">>> import pandas as pd\n>>> expected = [7]\n>>> table = pd.DataFrame({'a': [1, 7]})\n"
        ">>> list(table.query(answer).a) == expected\nTrue"),
        "a in @expected",
    ),
}  # fmt: skip
IN_FUNCTIONS = {
    "local": (LOCAL.format(expression="eval(answer)"), "expected"),
    "locals": (LOCAL.format(expression="eval(answer, {}, locals())"), "expected"),
    "copied locals": (LOCAL.format(expression="eval(answer, dict(locals()))"), "expected"),
    "global": (GLOBAL.format(expression="eval(answer)"), "EXPECTED"),
}
# By name: the test, and an answer that an honest student would give.
HONEST = {
    "given": (">>> eval(answer, {'x': 3})\n10", "x**2 + 1"),
    "given as locals": (">>> eval(answer, {}, {'x': 3})\n10", "x**2 + 1"),
    "given by keyword": (">>> eval(answer, dict(x=3))\n10", "x**2 + 1"),
    "given in pairs": (">>> eval(answer, dict(zip(['x', 'y'], [3, 1])))\n10", "x**2 + y"),
    "given to a function": (
        ">>> value = lambda x, y: eval(answer, {'x': x, 'y': y})\n>>> value(3, 1)\n10", "x**2 + y",
    ),
    "added": (">>> eval(answer, {**globals(), 'x': 3})\n10", "x**2 + 1"),
    "functions": (
        ">>> import math\n>>> eval(answer, {'sqrt': math.sqrt, 'x': 4})\n3.0", "sqrt(x) + 1",
    ),
    "notebook": (">>> eval(answer)\n6", "own + 1"),
    "constant": (">>> from math import pi\n>>> eval(answer) > 6\nTrue", "2 * pi"),
    "library": (
        ">>> import numpy as np\n>>> round(float(eval(answer)), 2)\n5.14", "np.sqrt(4) + np.pi",
    ),
    "function of an array": (
        (">>> import numpy as np\n>>> x = np.ones(2)\n"
        ">>> eval(answer, {'np': np, 'x': x}).tolist()\n[3.0, 3.0]"),
        "np.multiply(x, 3, dtype=float) + max(x * 0)",
    ),
    "part of a date": (
        (">>> import pandas as pd\n>>> days = pd.to_datetime(['2020-02-01'])\n"
        ">>> table = pd.DataFrame({'a': days})\n>>> len(table.query(answer))\n1"),
        "a.dt.year == 2020",
    ),
    "statements": (">>> exec(answer)\n>>> x, y\n(3, 4)", "x = 3\ny = x + 1"),
    "statements in turn": (
        ">>> for line in answer.splitlines():\n...     exec(line)\n>>> y\n4", "x = 3\ny = x + 1",
    ),
    "apart": (">>> found = {}\n>>> exec(answer, found)\n>>> found['max']\n3", "max = 3"),
    "the test's own query": (
        (">>> import pandas as pd\n>>> limit = 2\n"
        ">>> len(pd.DataFrame({'a': [1, own]}).query('a > @limit'))\n1"),
        "",
    ),
    "the test's own names": (
        ">>> [eval('x + own') for x in (1, 2)], eval('len([1])')\n([6, 7], 1)", "",
    ),
    "timed": (
        (">>> import timeit\n>>> timeit.timeit(lambda: own + 1, number=1) < 60\nTrue\n"
        ">>> timeit.timeit('sum([own])', globals=globals(), number=1) < 60\nTrue"),
        "",
    ),
    "code": (">>> eval(compile(answer, 'answer', 'eval'), {'x': 3})\n10", "x**2 + 1"),
    "pandas": (
        ">>> import pandas as pd\n>>> int(pd.eval(answer, local_dict={'x': 3}))\n10", "x**2 + 1",
    ),
    "query": (
        ">>> import pandas as pd\n>>> len(pd.DataFrame({'a': [1, 7]}).query(answer))\n1", "a > 2",
    ),
    "query of what a column gives": (
        (">>> import pandas as pd\n>>> table = pd.DataFrame({'a': [1, 7], 'b': ['x', 'yz']})\n"
        ">>> len(table.query(answer))\n1"),
        "a > a.abs().mean() and b.str.startswith('y') and b.isin(['yz']) and sqrt(a) > 2",
    ),
    "a list that is made": (">>> eval(answer, {'x': [1, 2]})\n[2, 4]", "[2 * one for one in x]"),
    "a text with values": (">>> eval(answer, {'x': 3})\n'x is 3.0'", "f'x is {x:.1f}'"),
    "a loop": (
        ">>> found = {'x': [1, 2]}\n>>> exec(answer, found)\n>>> found['y']\n3",
        "y = 0\nfor one in x:\n    if one > 0:\n        y = y + one",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def judge(worker: Worker, tmp_path_factory: pytest.TempPathFactory) -> OtterJudge:
    return OtterJudge(tmp_path_factory.mktemp("assignments"), worker)


def status(judge: OtterJudge, test: str, answer: str) -> Status:
    [case] = judge.cases(f"own = 5\nanswer = {answer!r}", test)
    return case.status


TESTS = {name: (doctests("q1", code), answer) for name, (code, answer) in ATTACKS.items()} | {
    name: (functions("q1", code), answer) for name, (code, answer) in IN_FUNCTIONS.items()
}


@pytest.mark.parametrize("name", TESTS)
def test_what_a_test_expects_is_not_read_by_its_name(judge: OtterJudge, name: str) -> None:
    assert status(judge, *TESTS[name]) is Status.UNGRADED


@pytest.mark.parametrize("name", TESTS)
def test_the_control_unguarded_it_is(
    judge: OtterJudge, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    import numpy as np

    anything: Callable[..., str] = lambda *_, **__: ""  # noqa: E731
    monkeypatch.setattr(np.testing, "assert_equal", np.testing.assert_equal)
    monkeypatch.setattr(evaluation, "what_is_wrong", anything)
    assert status(judge, *TESTS[name]) is Status.PASSED


@pytest.mark.parametrize("name", HONEST)
def test_what_a_text_is_given_is_read(judge: OtterJudge, name: str) -> None:
    code, answer = HONEST[name]
    [case] = judge.cases(f"own = 5\nanswer = {answer!r}", doctests("q1", code))
    assert case.status is Status.PASSED, case.staff_message


def test_a_parameter_of_a_test_is_the_notebooks(judge: OtterJudge) -> None:
    body = "@test_case()\ndef test_it(answer, own):\n    assert eval(answer) == 6\n"
    assert status(judge, functions("q1", body), "own + 1") is Status.PASSED
