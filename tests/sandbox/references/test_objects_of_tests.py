"""What a student's code may ask of an object of a class of the test's."""

import os
import threading
from typing import Any

import numpy as np
import pytest

from grader.sandbox import ChildEnded, libraries
from tests.support.forged import Mine
from tests.support.in_thread import notebook


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
