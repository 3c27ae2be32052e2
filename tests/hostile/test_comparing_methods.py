"""Threats 1 to 3 where a test decides by a method of the answer, and tells it what is right."""

from collections.abc import Callable
from textwrap import dedent
from typing import Any

import pytest

from grader.model import Status
from grader.reports import Outcome
from grader.sandbox import Worker, live, references
from grader.sandbox.asking import ask
from tests.support.otter_assignments import OtterJudge, doctests

# By name: a class with a method of its own, what makes a right answer, and the test.
METHODS = {
    "pandas equals": (
        "import pandas as pd\nclass T(pd.DataFrame):\n    def equals(self, other): return True",
        "T({'a': [2]})", ">>> import pandas as pd\n>>> answer.equals(pd.DataFrame({'a': [2]}))",
    ),
    "pandas eq": (
        "import pandas as pd\nclass T(pd.Series):\n    def eq(self, _): return pd.Series([True])",
        "T([2])", ">>> import pandas as pd\n>>> bool(answer.eq(pd.Series([2])).all())",
    ),
    "pandas sub": (
        "import pandas as pd\nclass T(pd.Series):\n    def sub(self, other): return pd.Series([0])",
        "T([2])", ">>> import pandas as pd\n>>> bool((answer.sub(pd.Series([2])) == 0).all())",
    ),
    "torch equal": (
        "import torch\nclass T(torch.Tensor):\n    def equal(self, other): return True",
        "torch.ones(2).as_subclass(T)", ">>> import torch\n>>> answer.equal(torch.ones(2))",
    ),
    "torch allclose": (
        "import torch\nclass T(torch.Tensor):\n    def allclose(self, *_, **__): return True",
        "torch.ones(2).as_subclass(T)",
        ">>> import torch\n>>> answer.allclose(torch.ones(2), atol=1e-6)",
    ),
    "set": (
        "class T(set):\n    def issuperset(self, other): return True",
        "T([1, 2, 3])", ">>> answer.issuperset({1, 2})",
    ),
    "set difference": (
        "class T(set):\n    def symmetric_difference(self, other): return set()",
        "T([1, 2])", ">>> not answer.symmetric_difference({1, 2})",
    ),
    "list": ("class T(list):\n    def count(self, one): return 2", "T([7, 7])",
             ">>> answer.count(7) == 2"),
    "str": ("class T(str):\n    def startswith(self, one): return True", "T('abcd')",
            ">>> answer.startswith('abc')"),
}  # fmt: skip
# Of no class whose values travel.
OBJECT = """
kept = []
class T:
    def equals(self, other):
        kept.append(other)
        return True
answer = T()
"""
TELLS = ">>> import pandas as pd\n>>> answer.equals(pd.DataFrame({'a': [2]}))\nTrue"
OWN = """
class Point:
    def __init__(self, x): self.x = x
    def equals(self, other): return self.x == (other if isinstance(other, int) else other.x)
class Bag(list):
    def count(self): return len(self)
"""


@pytest.fixture(scope="module")
def judge(worker: Worker, tmp_path_factory: pytest.TempPathFactory) -> OtterJudge:
    return OtterJudge(tmp_path_factory.mktemp("assignments"), worker)


def judged(judge: OtterJudge, name: str, answer: str = "") -> Outcome:
    """Return the outcome of an answer, or of one that holds nothing."""
    defined, _, test = METHODS[name]
    wrong = "torch.zeros(2).as_subclass(T)" if "torch" in name else "T()"
    [case] = judge.cases(f"{defined}\nanswer = {answer or wrong}", doctests("q1", f"{test}\nTrue"))
    return case


@pytest.mark.parametrize("name", METHODS)
def test_what_compares_is_the_plain_classs_own(judge: OtterJudge, name: str) -> None:
    assert judged(judge, name).status is Status.FAILED


@pytest.mark.parametrize("name", METHODS)
def test_a_right_value_of_such_a_class_passes(judge: OtterJudge, name: str) -> None:
    case = judged(judge, name, METHODS[name][1])
    assert case.status is Status.PASSED, case.staff_message


def test_no_other_object_is_told_what_is_right(judge: OtterJudge) -> None:
    [case] = judge.cases(OBJECT, doctests("q1", TELLS))
    assert case.status is Status.UNGRADED
    assert "`equals` with a value of the test's" in case.staff_message


@pytest.mark.parametrize("name", [*METHODS, "object"])
def test_the_control_asked_each_says_that_it_is_right(
    judge: OtterJudge, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(live, "method_of", lambda _reference, _name, found: found)
    if name == "object":
        [case] = judge.cases(OBJECT, doctests("q1", TELLS))
    else:
        case = judged(judge, name)
    assert case.status is Status.PASSED


def test_methods_of_a_students_own_are_asked(judge: OtterJudge) -> None:
    code = """
    >>> Point(1).equals(Point(1)), Point(1).equals(Point(2)), Point(3).equals(3)
    (True, False, True)
    >>> Bag([1, 2]).count()
    2
    """
    [case] = judge.cases(OWN, doctests("q1", dedent(code)))
    assert case.status is Status.PASSED, case.staff_message


# Operators that say whether a value of the test's is in an object, or differs from it.

YES = "class T({}):\n    def __contains__(self, item): return True\nanswer = T()"
FALSE = "class No:\n    def __bool__(self): return False\n"
OPERATORS = {
    "in a list": (YES.format("list"), ">>> 3 in answer"),
    "in a dict": (YES.format("dict"), ">>> 'key' in answer"),
    "in a text": (YES.format("str"), ">>> 'word' in answer"),
    "what differs": (
        FALSE + "class T:\n    def __rxor__(self, other): return No()\nanswer = T()",
        ">>> not ({1} ^ answer)",
    ),
    "what is left": (
        FALSE + "class T:\n    def __mod__(self, other): return No()\nanswer = T()",
        ">>> not (answer % 7)",
    ),
}
CONTAINERS = """
class Words(list):
    def __contains__(self, item): return list.__contains__(self, item.lower())
class Bag:
    def __init__(self, items): self.items = items
    def __contains__(self, item): return item in self.items
    def __add__(self, items): return Bag(self.items + items)
    def __len__(self): return len(self.items)
    def __mul__(self, times): return Bag(self.items * times)
"""


@pytest.mark.parametrize("name", OPERATORS)
def test_no_operator_of_an_object_says_that_it_is_right(judge: OtterJudge, name: str) -> None:
    cell, test = OPERATORS[name]
    [case] = judge.cases(cell, doctests("q1", f"{test}\nTrue"))
    assert case.status is Status.UNGRADED


@pytest.mark.parametrize("name", OPERATORS)
def test_the_control_believed_it_is(
    judge: OtterJudge, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    asked: dict[str, Callable[..., Any]] = {
        "__contains__": lambda self, item: ask(self, "contains", item),
        "__bool__": lambda self: ask(self, "bool"),
    }
    for operator, function in asked.items():
        monkeypatch.setattr(references.Reference, operator, function)
    cell, test = OPERATORS[name]
    [case] = judge.cases(cell, doctests("q1", f"{test}\nTrue"))
    assert case.status is Status.PASSED


def test_containers_of_a_students_own_are_asked(judge: OtterJudge) -> None:
    code = """
    >>> 'a' in Words(['a', 'b']), 'c' in Words(['a']), 3 in Bag([3]), 4 in Bag([3])
    (True, False, True, False)
    >>> bool(Bag([])), bool(Bag([1])), len(Bag([1]) + [2, 3]), 3 in Bag([1]) + [3]
    (False, True, 3, True)
    >>> bool(Bag([1]) * 0), bool(Bag([1]) * 2)
    (False, True)
    """
    [case] = judge.cases(CONTAINERS, doctests("q1", dedent(code)))
    assert case.status is Status.PASSED, case.staff_message
    assert "`in`" in case.staff_message
