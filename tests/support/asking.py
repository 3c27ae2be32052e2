"""A notebook with objects of many kinds, and what runs the lines of a test against it."""

import builtins
import contextlib
import inspect
import itertools
from typing import Any

from grader.sandbox.handover import Changes
from grader.sandbox.kinds import FOR_TESTS

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
