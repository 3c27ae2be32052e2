"""How much a case may ask for, and how long objects are kept."""

from typing import Any

import pytest

from grader.sandbox import CannotCrossError, ChildEnded
from tests.support.forged import Forged
from tests.support.in_thread import notebook

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
