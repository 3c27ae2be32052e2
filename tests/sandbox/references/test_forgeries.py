"""What a class of a student's may not decide."""

import abc
import builtins
import collections.abc
import contextlib
import math
import operator
import os
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from grader.sandbox import CannotCrossError, Session
from grader.sandbox.asking import is_reference
from grader.sandbox.inside.references import BINARY
from grader.sandbox.kinds import isinstance_of
from grader.sandbox.references import ABSENT, RULES, SAID
from tests.support.asking import Asking
from tests.support.forged import Forged, Library, Mine
from tests.support.in_thread import notebook

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


@pytest.mark.parametrize("name", ["__len__", "__bool__", "__hash__", "__str__", "__repr__"])
def test_an_answer_that_python_does_not_want_is_noted(name: str) -> None:
    kind = type("Odd", (), {name: lambda _self: Mine()})
    with notebook(x=kind()) as child, child.case(asks=True):
        function = getattr(operator, name, None) or getattr(builtins, name.strip("_"))
        with pytest.raises((CannotCrossError, TypeError)):
            function(child.value("x"))
