"""What a test may do with a student's objects is done as in one process."""

import contextlib
import inspect
import itertools
import queue
import sys
from pathlib import Path
from typing import Any

import pytest

from grader.sandbox import CannotCrossError, StudentError, libraries
from grader.sandbox.asking import is_reference
from grader.sandbox.kinds import id_of, issubclass_of, type_of
from grader.sandbox.wire.memory import library_of
from grader.sandbox.wire.values import form_of
from tests.support.asking import Asking
from tests.support.forged import Mine
from tests.support.in_thread import notebook


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


def test_our_own_modules_ask_nothing_by_looking(test: Asking) -> None:
    looked_at = [test.session.value("Empty"), test.session.value("stack"), Mine()]
    with contextlib.suppress(StudentError):
        test.session.value("busted")()
    asked = test.session.asked
    assert [(form_of(one), library_of(one)) for one in looked_at] == [(None, None)] * len(looked_at)
    assert test.session.asked == asked
