from otter.test_files import test_case

OK_FORMAT = False
name = 'q4'
points = 6

import datetime as dt
from collections import Counter, defaultdict, deque
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

VALUES = [None, True, 3, -1.5, 2j, "é", b"\x00", [1, [2]], (1, (2,)), {"a": {1: 2}}, {1, 2}, frozenset({3}),
          range(3), slice(1, None, 2), ..., dt.date(2024, 1, 2), dt.time(1, 2), dt.datetime(2024, 1, 2, 3),
          dt.timedelta(days=1), Decimal("1.10"), Fraction(1, 3), Counter("aab"), deque([1], maxlen=3), Path("a/b"),
          2 ** 100, int, float, str, list]

@test_case(points=2)
def test_same(same):
    for value in VALUES:
        got = same(value)
        assert got == value and type(got) is type(value), value

@test_case(points=1, hidden=True)
def test_kinds(kind_of):
    assert [kind_of(value) for value in ({1}, range(2), ..., Decimal(1))] == ["set", "range", "ellipsis", "Decimal"]

@test_case(points=1, hidden=True)
def test_days(days_between):
    assert days_between(dt.date(2024, 2, 28), dt.date(2024, 3, 1)) == 2

@test_case(points=1, hidden=True)
def test_words(count_words):
    got = count_words("b a b")
    assert got == {"a": 1, "b": 2} and isinstance(got, dict)
    assert count_words("") == {}

@test_case(points=1, hidden=True)
def test_default(grouped):
    got = grouped(["ab", "cd", "a"])
    assert got == {2: ["ab", "cd"], 1: ["a"]} and got[9] == []
