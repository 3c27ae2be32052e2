"""What a test may do with a student's objects, and what their classes may not decide."""

import abc
import builtins
import collections.abc
import contextlib
import inspect
import io
import itertools
import math
import operator
import os
import queue
import sys
import threading
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from grader.model import Isolation, Limits
from grader.sandbox import CannotCrossError, ChildEnded, Session, StudentError, Worker, libraries
from grader.sandbox.handover import NO_SIZE, Changes, amount
from grader.sandbox.inside.references import BINARY
from grader.sandbox.kinds import FOR_TESTS, id_of, isinstance_of, issubclass_of, type_of
from grader.sandbox.references import ABSENT, RULES, SAID, is_reference
from tests.support.in_thread import notebook

NOTEBOOK = '''
import collections, enum, math, os, queue, types
import numpy as np
from functools import total_ordering

class Empty(Exception):
    """Nothing is left."""

    limit = 7

    def __init__(self, missing):
        super().__init__(missing, "missing")
        self.missing = missing

class Bankrupt(Empty, ValueError):
    pass

class Purse:
    """Holds coins."""

    kinds = ["gold", "silver"]

    def __init__(self, coins, *, owner="Mo"):
        if coins < 0:
            raise ValueError("a purse cannot be negative")
        self.coins, self.owner = coins, owner

    def put(self, coins):
        self.coins += coins
        return self

    def take(self, coins):
        if coins > self.coins:
            raise Empty(coins - self.coins)
        self.coins -= coins

    def fill(self, values):
        values.append(self.coins)

    @property
    def broken(self):
        raise RuntimeError("no such luck")

    def __len__(self):
        return self.coins

    def __eq__(self, other):
        return isinstance(other, Purse) and self.coins == other.coins

    def __lt__(self, other):
        return self.coins < other.coins

    def __hash__(self):
        return hash(self.coins)

    def __repr__(self):
        return f"Purse({self.coins})"

    def __format__(self, how):
        return f"{self.coins:{how}}"

    def __add__(self, other):
        return Purse(self.coins + (other.coins if isinstance(other, Purse) else other))

    __radd__ = __add__

    def __iadd__(self, other):
        self.coins += other
        return self

    def __neg__(self):
        return Purse(0)

    def __abs__(self):
        return self.coins

    def __mul__(self, other):
        return self.coins * other

    def __sub__(self, other):
        return self.coins - getattr(other, "coins", 0)

class Locked(Purse):
    pass

class Stack:
    def __init__(self):
        self._items = {}

    def __getitem__(self, key):
        return self._items[key]

    def __setitem__(self, key, value):
        self._items[key] = value

    def __delitem__(self, key):
        del self._items[key]

    def __contains__(self, key):
        return key in self._items

    def __iter__(self):
        return iter(self._items)

class Manager:
    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.left = kind
        return True

class Node:
    def __init__(self, value, after=None):
        self.value, self.after = value, after

class Pile(list):
    def push(self, item):
        self.append(item)
        return self

    def __eq__(self, other):
        return True

class Point(collections.namedtuple("Point", "x y")):
    def flipped(self):
        return Point(self.y, self.x)

class Celsius(float):
    def __repr__(self):
        return f"{float(self)} C"

    def __sub__(self, other):
        return 0.0

class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2

class Word(str):
    def __eq__(self, other):
        return str(self).lower() == str(other).lower()

    __hash__ = str.__hash__

class Grid(np.ndarray):
    def corner(self):
        return float(self[0, 0])

Loose = collections.namedtuple("Loose", ["a"])
grid = np.arange(4.0).reshape(2, 2).view(Grid)

class Bag:
    def __init__(self, items=[]):
        self.items, self.table, self.marks = items, {"a": [1]}, {1}

    def count(self):
        return len(self.items)

class Branch:
    def __init__(self, value):
        self.value, self.children = value, []

    def total(self):
        return self.value + sum(one.total() for one in self.children)

def odds():
    n = 1
    while True:
        yield n
        n += 2

def two_then_fail():
    yield 1
    yield 2
    raise ValueError("no third")

def apply(function, *args, **kwargs):
    return function(*args, **kwargs)

def swallow(function):
    try:
        function()
    except ValueError as error:
        return f"{type(error).__name__}: {error}"

def give(function):
    return function([1, 2], table={"a": 1})

def given(function):
    values, table = [1, 2], {"a": 1}
    function(values, table=table)
    return values, table

def heard(function):
    try:
        function()
    except Exception as error:
        return f"{type(error).__name__}: {error}"

def total(items):
    return sum(items)

def same(x):
    return x

def boil(x):
    """Boil."""
    return x

def parameters(a, b=2, *, c=3): ...

def shout(function):
    print("before")
    value = function()
    print("after")
    return value

def fails(): raise queue.Empty("nothing there")
def busted(): raise Bankrupt(3)
def plain(): raise Exception("just so")

both = boil
again = boil
stack = Stack()
helpers = types.ModuleType("helpers")
helpers.twice = lambda x: 2 * x
empty_error = Empty(1)
'''


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    space: dict[str, Any] = {"__name__": "notebook"}
    exec(compile(NOTEBOOK, "<cell 1>", "exec"), space)  # noqa: S102 - a notebook of our own
    return {name: value for name, value in space.items() if name != "__builtins__"}


class Asking:
    """The names of a notebook as a test finds them, beside Python's own."""

    def __init__(self, session: Any, changes: Changes) -> None:
        self.session, self.changes = session, changes

    def __call__(self, source: str) -> Any:
        """Run a test's lines; return what the last one gives."""
        *before, last = source.strip().splitlines()
        space = _Names(self.session)
        exec("\n".join(before), space)  # noqa: S102
        return eval(last, space)  # noqa: S307


class _Names(dict[str, Any]):
    def __init__(self, session: Any) -> None:
        super().__init__(FOR_TESTS, contextlib=contextlib, itertools=itertools, inspect=inspect)
        self["__builtins__"] = {**vars(builtins), **FOR_TESTS}
        self._session = session

    def __missing__(self, name: str) -> Any:
        if hasattr(builtins, name):
            raise KeyError(name)
        return self._session.value(name)


@pytest.fixture(scope="module")
def session(names: dict[str, Any]) -> Iterator[Any]:
    with notebook(**names) as found:
        yield found


@pytest.fixture
def test(session: Any) -> Iterator[Asking]:
    with session.case(asks=True) as changes:
        yield Asking(session, changes)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("Purse(5).coins", 5),
        ("p = Purse(5)\np.put(3).put(coins=2)\n(p.coins, len(p))", (10, 10)),
        ("Purse(1, owner='Bo').owner", "Bo"),
        ("p = Purse(1)\np.coins = 4\np.coins", 4),
        ("p = Purse(1)\ndel p.coins\nhasattr(p, 'coins')", False),
        ("hasattr(Purse(1), 'put'), hasattr(Purse(1), '__len__'), hasattr(Purse(1), '__iter__')",
         (True, True, False)),
        ("getattr(Purse(1), 'nothing', 9)", 9),
        ("Purse(3) == Purse(3), Purse(3) != Purse(4), Purse(3) < Purse(4)", (True, True, True)),
        ("repr(Purse(3)), str(Purse(3)), f'{Purse(3):>3}'", ("Purse(3)", "Purse(3)", "  3")),
        ("bool(Purse(0)), bool(Purse(1)), not Purse(0)", (False, True, True)),
        ("(Purse(1) + Purse(2)).coins, (Purse(1) + 2).coins, (2 + Purse(1)).coins", (3, 3, 3)),
        ("sum([Purse(1), Purse(2)]).coins", 3),
        ("p = q = Purse(1)\np += 4\n(q.coins, p is q)", (5, True)),
        ("(-Purse(3)).coins", 0),
        ("Purse(7) - Purse(3)", 4),
        ("hash(Purse(3)) == hash(Purse(3)), len({Purse(3), Purse(3), Purse(4)})", (True, 2)),
        ("sorted([Purse(3), Purse(1)], key=len)[0].coins", 1),
        ("min([Purse(3), Purse(1)]).coins", 1),
        ("[p.coins for p in sorted([Purse(3), Purse(1)])]", [1, 3]),
        ("Purse.kinds, Purse.__name__, Purse.__doc__", (["gold", "silver"], "Purse",
                                                        "Holds coins.")),
        ("'put' in dir(Purse(1)), vars(Purse(1))", (True, {"coins": 1, "owner": "Mo"})),
        ("p = Purse(1)\nPurse.put(p, 3)\np.coins", 4),
        ("Purse(1).__len__(), Purse(1).__repr__()", (1, "Purse(1)")),
        ("xs = [1]\nPurse(5).fill(xs)\nxs", [1, 5]),
        ("s = Stack()\ns['a'] = 1\ns['b'] = 2\ndel s['a']\n(s['b'], 'a' in s, list(s))",
         (2, False, ["b"])),
        ("stack is stack, Node(1, stack).after is stack, Purse(1) is Purse(1)",
         (True, True, False)),
        ("n = Node(1, Node(2))\nid(n.after) == id(n.after), n.after.value", (True, 2)),
        ("g = odds()\nnext(g), next(g), next(g)", (1, 3, 5)),
        ("list(itertools.islice(odds(), 2, 5))", [5, 7, 9]),
        ("list(itertools.islice(odds(), 300))[-1]", 599),
        ("g = odds()\n[x for x in itertools.takewhile(lambda x: x < 5, g)], next(g)",
         ([1, 3], 7)),
        ("g = odds()\niter(g) is g", True),
        ("apply(lambda x: x + 1, 4)", 5),
        ("apply(lambda x, *, by: x * by, 4, by=3)", 12),
        ("apply(lambda p: p.put(1).coins, Purse(4))", 5),
        ("apply(Purse, 4).coins", 4),
        ("apply(max, [1, 3, 2])", 3),
        ("total(x * x for x in range(4))", 14),
        ("total(map(lambda x: x, [1, 2]))", 3),
        ("f = lambda: 1\nsame(f) is f", True),
        ("apply(apply, lambda x: -x, 4)", -4),
        ("f = lambda n: 1 if n == 0 else n * apply(f, n - 1)\napply(f, 5)", 120),
        ("def bad(): raise ValueError('no good')\nswallow(bad)", "ValueError: no good"),
        ("boil.__name__, boil.__doc__, callable(boil), callable(Purse(1))",
         ("boil", "Boil.", True, False)),
        ("str(inspect.signature(parameters))", "(a, b=2, *, c=3)"),
        ("helpers.twice(4)", 8),
        ("math.isclose(0.1 + 0.2, 0.3), np.isclose(1.0, 1.0 + 1e-9).item()", (True, True)),
        ("np.random.default_rng(5).__class__.__name__", "Generator"),
        ("Empty.limit, Empty.__name__", (7, "Empty")),
        ("Empty(4).missing, empty_error.missing, isinstance(empty_error, Empty)", (4, 1, True)),
        ("collections.Counter('aab')['a']", 2),
        ("p = Pile([1, 2]).push(5)\n(p == [1, 2, 5], p == [1], len(p), p.pop(), p[-1], list(p))",
         (True, False, 3, 5, 2, [1, 2])),
        ("isinstance(Pile(), list), isinstance(Pile(), Pile), isinstance(Pile(), int)",
         (True, True, False)),
        ("issubclass(Pile, list), type(Pile()) == list, type(Pile()) == Pile", (True, False, True)),
        ("Point(1, 2) == (1, 2), Point(1, 2).flipped() == (2, 1), Point(1, 2) < (1, 3)",
         (True, True, True)),
        ("p = Point(1, 2)\nx, y = p\n(p.x, p[1], x, y, repr(p), p._fields, p == Point(1, 2))",
         (1, 2, 1, 2, "Point(x=1, y=2)", ("x", "y"), True)),
        ("{Point(1, 2): 'a'}[(1, 2)], Point(1, 2) in [(1, 2)], Loose(3).a", ("a", True, 3)),
        ("Point(1, 2) + (3,), (0,) + tuple(Point(1, 2)), Point(1, 2) * 2",
         ((1, 2, 3), (0, 1, 2), (1, 2, 1, 2))),
        ("c = Celsius(20.5)\nc == 20.5, c > 20, c + 1, c - 20, round(c), float(c), repr(c)",
         (True, True, 21.5, 0.5, 20, 20.5, "20.5 C")),
        ("np.isclose(Celsius(1.0), 1.0).item(), math.isclose(Celsius(2), 2), abs(Celsius(-1))",
         (True, True, 1.0)),
        ("Level.LOW == 1, Level.LOW < Level.HIGH, Level(2).name, Level.LOW is Level(1), len(Level)",
         (True, True, "HIGH", True, 2)),
        ("Word('Ab') == 'Ab', Word('Ab') == 'ab', Word('Ab').upper()", (True, False, "AB")),
        ("grid.corner(), grid.shape, float(np.sum(grid)), float((grid * 2).sum())",
         (0.0, (2, 2), 6.0, 12.0)),
        ("np.testing.assert_allclose(grid, [[0, 1], [2, 3]]) is None, (grid == grid).all().item()",
         (True, True)),
        ("total(Pile([1, 2, 3])), apply(lambda p: p.x, Point(4, 5))", (6, 4)),
        ("[hasattr(boil, n) for n in ('__iter__', '__len__', '__call__')]", [False, False, True]),
        ("getattr(Purse(1), '__iter__', None), getattr(stack, '__iter__', None) is None",
         (None, False)),
        (("b = Branch(1)\nb.children.append(Branch(2))\nb.children[0].children.append(Branch(3))\n"
         "b.total(), len(b.children), [c.value for c in b.children]"), (6, 1, [2])),
        ("a, b = Bag(), Bag()\na.items.append(1)\nb.items == [], b.items, a.items is b.items",
         (False, [1], True)),
        (("b = Bag([1])\nb.items += [2]\nb.items.extend([3])\ndel b.items[0]\n"
         "b.items, b.count(), b.items[-1], b.items[::-1], 2 in b.items"), ([2, 3], 2, 3, [3, 2],
                                                                          True)),
        ("b = Bag([])\nheld = b.items\nb.items.append(4)\nheld == [4], held, bool(held)",
         (True, [4], True)),
        (("b = Bag([])\nb.table['a'].append(2)\nb.table['b'] = 3\nb.table.update(c=4)\n"
         "b.table, sorted(b.table), dict(b.table)['b'], b.table.get('z', 0), "
         "list(b.table.items())[-1]"),
         ({"a": [1, 2], "b": 3, "c": 4}, ["a", "b", "c"], 3, 0, ("c", 4))),
        ("b = Bag([])\nb.marks.add(2)\nb.marks -= {1}\nb.marks |= {5}\nb.marks, b.marks & {5, 9}",
         ({2, 5}, {5})),
        (("b = Bag([3, 1])\nb.items.sort()\nrepr(b.items), f'{b.items}', b.items.index(3), "
         "b.items + [9], [0] + b.items"), ("[1, 3]", "[1, 3]", 1, [1, 3, 9], [0, 1, 3])),
        (("b = Bag([1, 2])\nisinstance(b.items, list), type(b.items) == list, "
         "isinstance(b.items, dict), float(np.mean(b.items)), sum(b.items), total(b.items)"),
         (True, True, False, 1.5, 3, 3)),
        ("with Manager() as m:\n    pass\nm.left is None", True),
    ],
)  # fmt: skip
def test_an_object_of_the_students_does_what_it_does_in_one_process(
    test: Asking, source: str, value: Any
) -> None:
    assert test(source) == value
    assert not test.changes.refusals


@pytest.mark.parametrize(
    ("source", "is_so"),
    [
        ("isinstance(Locked(1), Purse)", True),
        ("isinstance(Purse(1), Locked)", False),
        ("isinstance(Purse(1), (int, Purse))", True),
        ("isinstance(Purse(1), int | Locked)", False),
        ("isinstance(Purse(1), object)", True),
        ("isinstance(5, Purse)", False),
        ("isinstance(5, int)", True),
        ("isinstance(Purse, type)", True),
        ("isinstance(Purse(1), type)", False),
        ("isinstance(boil, types.FunctionType)", True),
        ("isinstance(odds(), types.GeneratorType)", True),
        ("isinstance(stack, __import__('collections').abc.Iterable)", True),
        ("isinstance(Purse(1), __import__('collections').abc.Iterable)", False),
        ("issubclass(Locked, Purse)", True),
        ("issubclass(Purse, Locked)", False),
        ("issubclass(Locked, (int, object))", True),
        ("issubclass(Bankrupt, Empty) and issubclass(Bankrupt, ValueError)", True),
        ("type(Locked(1)) == Locked", True),
        ("type(Locked(1)) is Locked", True),
        ("type(Locked(1)) == Purse", False),
        ("type(Locked(1)) in (int, Locked)", True),
        ("type(Locked(1)).__name__ == 'Locked'", True),
        ("Locked(1).__class__ == Locked", True),
        ("Locked(1).__class__.__name__ == 'Locked'", True),
        ("type(5) == int and type(5) is int", True),
        ("type(type(5)) == type", True),
        ("type(boil).__name__ == 'function'", True),
        ("type(odds()).__name__ == 'generator'", True),
        ("callable(Purse) and callable(boil) and not callable(stack)", True),
        ("type('Made', (), {'x': 1}).x == 1", True),
    ],
)
def test_kinds_are_told_apart_as_in_one_process(test: Asking, source: str, is_so: bool) -> None:
    assert test(source) is is_so
    assert not test.changes.refusals


def test_a_students_exception_is_caught_by_its_class_with_what_it_holds(test: Asking) -> None:
    purse, empty, bankrupt = (test.session.value(n) for n in ("Purse", "Empty", "Bankrupt"))
    with pytest.raises(empty) as caught:
        purse(1).take(3)
    assert (caught.value.missing, caught.value.args) == (2, (2, "missing"))
    assert type(caught.value).__name__ == "Empty"
    for kind in (bankrupt, empty, ValueError, StudentError):
        with pytest.raises(kind):
            test.session.value("busted")()
    with pytest.raises(ValueError, match=r"^a purse cannot be negative$") as refused:
        purse(-1)
    assert type(refused.value).__name__ == "ValueError"
    with pytest.raises(RuntimeError, match="no such luck"):
        _ = purse(1).broken
    with pytest.raises(Exception, match="just so") as plain:
        test.session.value("plain")()
    assert type(plain.value).__name__ == "Exception"
    assert not isinstance(plain.value, empty)


def test_a_librarys_exception_is_the_judges_own(test: Asking) -> None:
    with pytest.raises(queue.Empty) as caught:
        test.session.value("fails")()
    assert type(caught.value).__module__ == "_queue"
    assert str(caught.value) == "nothing there"


def test_an_exception_of_the_tests_comes_back_as_itself(test: Asking) -> None:
    class OwnError(Exception):
        pass

    error = OwnError("expected 5")

    def raise_it() -> None:
        raise error

    with pytest.raises(OwnError) as caught:
        test.session.value("apply")(raise_it)
    assert caught.value is error
    empty, purse = test.session.value("Empty"), test.session.value("Purse")
    with pytest.raises(empty, match="missing"):
        test.session.value("apply")(lambda: purse(1).take(2))


def test_what_a_test_expects_is_not_in_the_message_that_travels(test: Asking) -> None:
    def compare() -> None:
        raise AssertionError("expected 12.566")

    assert test.session.value("heard")(compare) == "AssertionError: "


@pytest.mark.parametrize("name", ["f", "g"])
def test_an_object_with_two_names_is_changed_under_the_one_that_was_called(name: str) -> None:
    def change(values: list[int]) -> None:
        values.append(1)

    with notebook(f=change, g=change) as child, child.case(asks=True) as changes:
        functions = {"f": child.value("f"), "g": child.value("g")}
        functions[name]([])
        assert {place.function for place in changes.made} == {name}


def test_without_a_case_that_asks_an_object_is_as_opaque_as_ever(
    names: dict[str, Any],
) -> None:
    with notebook(**names) as child, child.case() as changes:
        purse = child.value("Purse")(3)
        assert purse != child.value("Purse")(3)
        assert not is_reference(purse)
        for ask in (lambda: purse.coins, lambda: len(purse), lambda: purse + purse,
                    lambda: purse < child, lambda: child.value("np").pi):  # fmt: skip
            with pytest.raises((AttributeError, TypeError)):
                ask()
        assert not changes.refusals
        assert [*itertools.islice(child.value("odds")(), 3)] == [1, 3, 5]
        with pytest.raises(ValueError, match="no third"):
            list(child.value("two_then_fail")())


def test_an_iterator_gives_what_it_has_before_it_fails(test: Asking) -> None:
    items = test.session.value("two_then_fail")()
    got = []
    with pytest.raises(ValueError, match="no third"):
        got.extend(items)
    assert got == [1, 2]
    with pytest.raises(TypeError, match="not an iterator"):
        next(test.session.value("Purse")(1))


# What a class of the student's may not decide.


class Forged:
    """Is equal to everything, more and less than it, and any number."""

    answers = 0

    def _yes(self, *_args: Any) -> Any:
        type(self).answers += 1
        return True

    def _number(self, *_args: Any) -> Any:
        type(self).answers += 1
        return 5

    def _no(self, *_args: Any) -> Any:
        type(self).answers += 1
        return False

    def _nothing(self, *_args: Any) -> Any:
        type(self).answers += 1
        return 0

    __ne__ = _no  # type: ignore[assignment]
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = _yes  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]
    __sub__ = __rsub__ = _nothing
    __mul__ = __rmul__ = __neg__ = __abs__ = __round__ = _number
    __int__ = __index__ = __trunc__ = __floor__ = __ceil__ = __mod__ = __rmod__ = _number

    def __float__(self) -> float:
        type(self).answers += 1
        return 5.0

    def __array__(self, *_args: Any, **_kwargs: Any) -> Any:
        type(self).answers += 1
        return np.array(5.0)


class Library(Forged):
    """Says that it is of a library that both sides know."""

    __module__ = "sympy.core.numbers"


FORGERIES = {
    "x == 5": lambda x: x == 5,
    "5 == x": lambda x: 5 == x,  # noqa: SIM300 - the other side is asked first
    "not x != 5": lambda x: not operator.ne(x, 5),
    "x < 6": lambda x: x < 6,
    "6 > x": lambda x: 6 > x,  # noqa: SIM300
    "x in [5]": lambda x: x in [4, 5],
    "[x] == [5]": lambda x: [x] == [5],
    "abs(x - 5) < 1": lambda x: abs(x - 5) < 1,
    "abs(5 - x) < 1": lambda x: abs(5 - x) < 1,
    "x * 1 == 5": lambda x: x * 1 == 5,
    "-x == 5": lambda x: -x == 5,
    "abs(x) == 5": lambda x: abs(x) == 5,
    "round(x) == 5": lambda x: round(x) == 5,
    "float(x) == 5": lambda x: float(x) == 5,
    "int(x) == 5": lambda x: int(x) == 5,
    "x % 3 == 2": lambda x: x % 3 == 5,
    "[0, 0, 0, 0, 0, 9][x] == 9": lambda x: [0, 0, 0, 0, 0, 9][x] == 9,
    "math.isclose": lambda x: math.isclose(x, 5),
    "math.floor": lambda x: math.floor(x) == 5,
    "np.isclose": lambda x: bool(np.isclose(x, 5)),
    "np.asarray": lambda x: float(np.asarray(x)) == 5,
    "np.array([x])": lambda x: bool(np.all(np.array([x]) == np.array([5]))),
    "array == x": lambda x: bool(np.all(np.array([5]) == x)),
    "assert_allclose": lambda x: np.testing.assert_allclose(x, 5) is None,
    "torch.allclose": lambda x: torch.allclose(x, torch.tensor(5.0)),
    "torch.equal": lambda x: torch.equal(torch.tensor(5.0), x),
    "operator.eq": lambda x: operator.eq(x, 5),
    "x.__eq__(5)": lambda x: x.__eq__(5) is True,
    "isinstance": lambda x: isinstance_of(x, int | float),
    "pytest.approx": lambda x: x == pytest.approx(5),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_number_passes_without_the_rules_and_never_with_them(forgery: str) -> None:
    check = FORGERIES[forgery]
    with notebook(x=Forged()) as child, child.case(asks=True) as changes:
        x = child.value("x")
        before = Forged.answers
        with contextlib.suppress(Exception):
            assert not check(x)
            assert not changes.refusals
            return
        assert changes.refusals, "a case that could not ask is noted"
        assert forgery in {"-x == 5", "abs(x) == 5", "round(x) == 5", "x * 1 == 5",
                           "x % 3 == 2"} or Forged.answers == before  # fmt: skip


@pytest.mark.parametrize(
    "forgery", sorted(name for name in FORGERIES if not name.startswith(("isinstance", "torch")))
)
def test_each_forgery_succeeds_in_one_process(forgery: str) -> None:
    with contextlib.suppress(TypeError, ValueError):
        assert FORGERIES[forgery](Forged())


@pytest.mark.parametrize("forgery", ["x == 5", "x < 6", "abs(x - 5) < 1", "np.isclose"])
def test_a_class_that_claims_a_library_is_compared_no_more(forgery: str) -> None:
    with notebook(x=Library()) as child, child.case(asks=True) as changes:
        with contextlib.suppress(CannotCrossError):
            assert not FORGERIES[forgery](child.value("x"))
        assert changes.refusals or forgery == "x == 5"


def test_what_two_objects_say_of_each_other_is_noted_for_staff() -> None:
    with notebook(x=Forged(), y=Forged()) as child, child.case(asks=True) as changes:
        assert child.value("x") == child.value("y")
        assert changes.claims == {"`eq`"}


def test_objects_that_hold_something_else_and_say_they_are_equal_are_noted(test: Asking) -> None:
    pile = test.session.value("Pile")
    assert pile([1]) == pile([1])
    with pytest.raises(CannotCrossError):
        _ = pile([1]) == pile([2])
    assert test.changes.refusals


class Yes(int):
    """Is more than nothing and nothing at once."""

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = Forged._yes  # type: ignore[assignment]
    __sub__ = __rsub__ = Forged._nothing  # type: ignore[assignment]
    __float__ = __int__ = __index__ = __abs__ = lambda _self: 5  # type: ignore[assignment]

    def __hash__(self) -> int:
        return 5


@pytest.mark.parametrize("forgery", sorted(set(FORGERIES) - {"isinstance"}))
def test_a_forger_who_holds_a_number_is_that_number(forgery: str) -> None:
    Yes.answers = 0  # type: ignore[attr-defined]
    with notebook(x=Yes(3)) as child, child.case(asks=True), contextlib.suppress(Exception):
        assert not FORGERIES[forgery](child.value("x"))
    with notebook(x=Yes(5)) as child, child.case(asks=True) as changes:
        with contextlib.suppress(RuntimeError, TypeError, AssertionError):
            FORGERIES[forgery](child.value("x"))
        assert not changes.refusals


class OfNumPy:
    """Stands where a test expects NumPy."""

    pi = 4

    @staticmethod
    def isclose(*_args: Any) -> bool:
        return True


@pytest.mark.parametrize("fake", [OfNumPy, OfNumPy(), types.SimpleNamespace(isclose=max)])
def test_an_object_that_has_taken_a_modules_name_is_asked_nothing(fake: Any) -> None:
    with notebook(np=fake) as child, child.case(asks=True):
        assert child.value("np") is np


def test_a_module_is_the_judges_own_if_it_only_computes() -> None:
    lying = types.ModuleType("numpy")
    secret = types.ModuleType("grader.grading.judge")
    names = {"m": math, "os": os, "lying": lying, "secret": secret}
    with notebook(**names) as child, child.case(asks=True):
        assert child.value("m") is math
        assert child.value("lying") is np
        assert is_reference(child.value("os"))
        assert is_reference(child.value("secret"))


SPECIAL = sorted(
    {
        name
        for kind in (
            object, type, int, float, complex, str, list, dict, set, Exception,
            types.FunctionType, types.GeneratorType, types.ModuleType, collections.abc.Coroutine,
            collections.abc.AsyncIterator, abc.ABC, contextlib.AbstractContextManager, memoryview,
        )
        for name in dir(kind)
        if name.startswith("__") and name.endswith("__")
    }
    | {f"__{prefix}{name}__" for name in BINARY for prefix in ("", "r", "i")}
    | {"__array__", "__array_function__", "__array_interface__", "__array_struct__",
       "__array_ufunc__", "__array_priority__", "__cuda_array_interface__", "__dlpack__",
       "__torch_function__", "__fspath__", "__copy__", "__deepcopy__", "__getattr__",
       "__length_hint__", "__missing__", "__dataframe__", "__arrow_c_array__"}
)  # fmt: skip


class Everything:
    """Answers whatever it is asked."""


for _name in SPECIAL:
    if _name not in set(dir(object)) and _name not in {
        "__abstractmethods__",
        "__del__",
        "__mro_entries__",
    }:
        with contextlib.suppress(AttributeError, TypeError):  # not of a class's to choose
            setattr(Everything, _name, lambda *_args, **_kwargs: 5)
for _name in ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"):
    setattr(Everything, _name, lambda *_args: True)


@pytest.fixture(scope="module")
def everything() -> Iterator[Session]:
    with notebook(x=Everything()) as child:
        yield child


@pytest.mark.parametrize("name", SPECIAL)
def test_a_special_method_has_a_rule_or_says_something_or_is_refused(
    everything: Session, name: str
) -> None:
    child = everything
    with child.case(asks=True) as changes:
        try:
            getattr(child.value("x"), name)
        except CannotCrossError:
            assert name not in RULES | SAID
            assert changes.refusals
        except AttributeError:
            assert name in SAID | ABSENT
        else:
            assert name in RULES | SAID | {"__class__", "__signature__"}


@pytest.mark.parametrize("name", [*BINARY, "divmod"])
def test_no_operation_with_a_plain_value_gives_a_plain_value(
    everything: Session, name: str
) -> None:
    function = divmod if name == "divmod" else getattr(operator, f"__{name}__")
    changing = getattr(operator, f"__i{name}__", function)
    child = everything
    for left, right in (("x", 5), (5, "x"), ("x", "x")):
        for operate in (function, changing):
            with child.case(asks=True) as changes:
                x = child.value("x")
                a, b = (x if one == "x" else one for one in (left, right))
                if left == right:
                    assert operate(a, b) == 5
                    assert changes.claims
                    continue
                with pytest.raises(CannotCrossError):
                    operate(a, b)
                assert changes.refusals


class Mine:
    """A class of the test's."""


@pytest.mark.parametrize("name", ["__len__", "__bool__", "__hash__", "__str__", "__repr__"])
def test_an_answer_that_python_does_not_want_is_noted(name: str) -> None:
    kind = type("Odd", (), {name: lambda _self: Mine()})
    with notebook(x=kind()) as child, child.case(asks=True):
        function = getattr(operator, name, None) or getattr(builtins, name.strip("_"))
        with pytest.raises((CannotCrossError, TypeError)):
            function(child.value("x"))


# Bounds.


def endless_calls(function: Any) -> None:
    while True:
        function()


def test_endless_calls_of_a_function_of_the_tests_end_the_child(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("grader.sandbox.live.MAX_CALLBACKS", 100)
    with notebook(run=endless_calls) as child, child.case(asks=True):
        run = child.value("run")
        with pytest.raises(ChildEnded, match="was called 100 times"):
            run(lambda: 1)


def test_functions_within_functions_have_an_end() -> None:
    def call(function: Any) -> Any:
        return function()

    with notebook(call=call) as child, child.case(asks=True):
        theirs = child.value("call")

        def deeper() -> Any:
            return theirs(deeper)

        with pytest.raises(RecursionError):
            deeper()


def test_endless_questions_of_a_test_end_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.sandbox.live.MAX_OPERATIONS", 100)

    class Ring:
        @property
        def after(self) -> Any:
            return self

    with notebook(ring=Ring()) as child, child.case(asks=True):
        nodes = [child.value("ring")]
        with pytest.raises(ChildEnded, match="more than 100 times"):
            nodes.extend(node.after for node in nodes)


def test_more_objects_than_a_case_may_have_end_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.sandbox.live.MAX_REFERENCES", 100)
    with notebook(many=lambda: [Forged() for _ in range(200)]) as child, child.case(asks=True):
        many = child.value("many")
        with pytest.raises(ChildEnded, match="more objects than a case may have"):
            many()


def test_objects_of_earlier_cases_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.sandbox.current_case.KEPT_OBJECTS", 50)
    made: list[Any] = []

    def make() -> Any:
        made.append(Forged())
        return made[-1]

    with notebook(make=make) as child:
        kept = []
        for _ in range(4):
            with child.case(asks=True):
                kept += [child.value("make")() for _ in range(60)]
        with child.case(asks=True) as changes:
            with pytest.raises(Exception, match="could not be handed over"):
                str(kept[0])
            assert changes.refusals
        assert repr(kept[0]) == "<an object of type Forged>"
        with child.case(asks=True) as changes, pytest.raises(CannotCrossError):
            kept[0] + object()


@pytest.mark.parametrize(
    "argument", [Mine(), Mine, [Mine()], {"a": Mine()}], ids=["object", "class", "list", "dict"]
)
def test_an_argument_that_cannot_travel_is_noted(test: Asking, argument: Any) -> None:
    with pytest.raises(CannotCrossError, match="of class"):
        test.session.value("same")(argument)
    with pytest.raises(CannotCrossError, match="of class"):
        test.session.value("Purse")(1) + Mine()
    assert test.changes.refusals


def test_what_a_function_of_the_tests_gives_and_cannot_travel_is_noted(test: Asking) -> None:
    with pytest.raises(CannotCrossError):
        test.session.value("apply")(lambda: [Mine()])
    assert test.changes.refusals


def test_what_a_function_of_the_tests_changes_of_its_arguments_is_changed(test: Asking) -> None:
    given = test.session.value("give")
    assert given(lambda values, *, table: len(values) + len(table)) == 3
    assert test.session.value("given")(lambda values, *, table: values.append(len(table))) == (
        [1, 2, 1], {"a": 1}
    )  # fmt: skip
    assert test.session.value("given")(lambda values, *, table: table.clear() or values) == (
        [1, 2], {}
    )  # fmt: skip
    assert not test.changes.refusals


def test_the_source_of_a_students_function_is_refused_and_its_signature_told(test: Asking) -> None:
    function = test.session.value("parameters")
    assert list(inspect.signature(function).parameters) == ["a", "b", "c"]
    with pytest.raises(CannotCrossError, match="source"):
        inspect.getsource(function)
    assert test.changes.refusals


def test_no_module_is_imported_from_where_tests_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "babypandas.py").write_text("raise SystemExit('a student has run')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["", str(tmp_path), *sys.path])
    assert libraries.judging_module("babypandas") is None


def test_only_the_students_own_exceptions_are_forgotten_by_their_context(test: Asking) -> None:
    manager, purse = test.session.value("Manager"), test.session.value("Purse")
    with pytest.raises(AssertionError, match="of the test"), manager():
        raise AssertionError("of the test")
    with manager() as inner:
        purse(1).take(2)
    assert inner.left is not None
    assert id_of(inner) != id_of(purse)
    assert issubclass_of(type_of(inner), test.session.value("Manager"))


# In a process of its own.


@pytest.fixture(scope="module")
def worker(isolation: Isolation) -> Iterator[Worker]:
    with Worker(isolation=isolation, warm=False) as found:
        yield found


def child_with(worker: Worker, source: str, **limits: float) -> Session:
    chosen = Limits.from_mapping({"cell_seconds": 10, "call_seconds": 10, **limits})
    child = worker.session(chosen, deadline=time.monotonic() + 600)
    assert child.run_cell(source, 1).failure is None
    return child


SHOUT = """
def shout(function):
    print("before")
    function()
    print("after")
"""


def test_what_is_printed_stands_around_what_a_function_of_the_tests_prints(worker: Worker) -> None:
    with child_with(worker, SHOUT) as child, child.case(asks=True):
        shout = child.value("shout")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            shout(lambda: sys.stdout.write("between\n"))
        assert printed.getvalue() == "before\nbetween\nafter\n"


def test_the_time_of_a_function_of_the_tests_is_not_the_students(worker: Worker) -> None:
    source = "def run(function):\n    return function()"
    with child_with(worker, source, call_seconds=0.1) as child, child.case(asks=True):
        run = child.value("run")
        assert run(lambda: time.sleep(0.5) or 7) == 7  # longer than what only waits may take


KEEP = """
kept = []
def keep(function):
    kept.append(function)
def call():
    return kept[0]()
"""


def test_a_function_of_a_test_that_is_over_is_called_no_more(worker: Worker) -> None:
    calls: list[int] = []
    with child_with(worker, KEEP) as child:
        with child.case(asks=True):
            child.value("keep")(lambda: calls.append(1))
            child.value("call")()
        failure = child.run_cell("call()", 2).failure
        assert failure is not None
        assert "is over" in failure.message
        with child.case(asks=True), pytest.raises(RuntimeError, match="is over"):
            child.value("call")()
        with child.case(asks=True):
            child.value("keep")(lambda: calls.append(2))  # a number that was given before
            with pytest.raises(RuntimeError, match="is over"):
                child.value("call")()
    assert calls == [1]


THREADS = """
import threading
def elsewhere(function):
    failed = []
    def run():
        try:
            function()
        except RuntimeError as error:
            failed.append(str(error))
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return failed
"""


def test_a_function_of_the_tests_is_called_by_one_thread(worker: Worker) -> None:
    with child_with(worker, THREADS) as child, child.case(asks=True):
        assert "only where its caller runs" in child.value("elsewhere")(lambda: 1)[0]


def test_our_own_modules_ask_nothing_by_looking(test: Asking) -> None:
    looked_at = [test.session.value("Empty"), test.session.value("stack"), Mine()]
    with contextlib.suppress(StudentError):
        test.session.value("busted")()
    asked = test.session.asked
    assert [amount(one) for one in looked_at] == [NO_SIZE] * len(looked_at)
    assert test.session.asked == asked


class Shape:
    """A test's own class."""

    expected = 12.625
    __hidden = "CANARY"

    def __init__(self) -> None:
        self.side = 2

    def area(self) -> int:
        return self.side**2

    def __len__(self) -> int:
        return 7


# A class of a test's is found by no module's name.
Shape.__module__ = "__main__"
HOSTILE = """
import math
def ask(given, *names):
    found = []
    for name in names:
        try:
            found.append(getattr(given, name))
        except AttributeError:
            found.append("refused")
    return found
def both(given):
    given.side = 3
    return given.area(), len(given), given.area.__name__
def told(given):
    return [getattr(given.area, n, None) is None for n in ("__globals__", "__func__", "__code__")]
def formatted(given):
    return "{0.__class__.__init__.__globals__}".format(given)
def of_another(given, operation, *args):
    ask = object.__getattribute__(given, "_ask")
    return ask(object.__getattribute__(given, "_number"), operation, args, {})
"""


def test_what_a_student_may_ask_of_a_tests_object_says_nothing_of_the_test() -> None:
    space: dict[str, Any] = {}
    exec(HOSTILE, space)  # noqa: S102
    del space["__builtins__"]
    with notebook(**space) as session, session.case(asks=True):
        shape = Shape()
        names = (
            "side",
            "__class__",
            "__dict__",
            "__init__",
            "__globals__",
            "__reduce__",
            "nothing",
        )
        side, _own_class, *rest = session.value("ask")(shape, *names)
        assert side == 2
        assert not any("CANARY" in repr(one) for one in rest)
        assert session.value("both")(shape) == (9, 7, "area")
        assert shape.side == 3
        assert session.value("told")(shape) == [True, True, True]
        assert "CANARY" not in session.value("formatted")(shape)
        for name in ("__class__", "__dict__", "__init__"):
            with pytest.raises(AttributeError):
                session.value("of_another")(shape, "getattr", name)


@pytest.mark.parametrize("operation", ["source", "kinds", "signature", "deepcopy", "nothing"])
def test_an_operation_that_is_none_for_a_tests_object_ends_the_child(operation: str) -> None:
    space: dict[str, Any] = {}
    exec(HOSTILE, space)  # noqa: S102
    with (
        notebook(of_another=space["of_another"]) as session,
        session.case(asks=True),
        pytest.raises(ChildEnded, match="operation"),
    ):
        session.value("of_another")(Shape(), operation)


@pytest.mark.parametrize(
    "value", [open, os, np.random.default_rng(0), threading.Lock(), ValueError("x"), Mine]
)
def test_what_is_no_object_of_a_tests_class_is_not_asked_here(value: Any) -> None:
    assert not libraries.is_of_a_test(value)


def test_an_array_of_an_attribute_that_a_test_writes_to_is_noted(test: Asking) -> None:
    assert test("p = Purse(1)\np.array = np.zeros(2)\nw = p.array\np.put(1)\nlen(w)") == 2
    assert not test.changes.refusals
    with pytest.raises(CannotCrossError, match="writes to an array"):
        test("p = Purse(1)\np.array = np.zeros(2)\np.array[0] = 5\np.array[0]")
    assert test.changes.refusals
