"""A function is looked up once, and again when its name has come to stand for something else."""

import contextlib
import time
from collections.abc import Iterator

import msgspec
import pytest

from grader.model import Limits
from grader.sandbox import ChildEnded, MissingNameError, Session, StudentError, Worker
from grader.sandbox.wire.nodes import Opaque
from grader.sandbox.wire.protocol import CellDone

CELL = """
import os

def first():
    return 1

def other():
    return 2

def change():
    global first
    first = other

def change_and_raise():
    change()
    raise ValueError("changed")

def forget():
    global first
    del first

def leave():
    os._exit(1)
"""


@pytest.fixture
def child(worker: Worker) -> Iterator[Session]:
    with worker.session(Limits(), deadline=time.monotonic() + 600) as session:
        assert session.run_cell(CELL, 1).failure is None
        yield session


def requests_for(child: Session, name: str) -> int:
    before = child._conversation.number
    child.value(name)
    return child._conversation.number - before


def test_a_function_is_asked_for_once(child: Session) -> None:
    assert [requests_for(child, "first") for _ in range(3)] == [1, 0, 0]
    assert child.value("first")() == 1
    assert requests_for(child, "first") == 0


@pytest.mark.parametrize("how", ["change", "change_and_raise", "cell"])
def test_a_name_that_stands_for_another_function_is_asked_for_again(
    child: Session, how: str
) -> None:
    held = child.value("first")
    if how == "cell":
        child.run_cell("first = other", 2)
    else:
        with contextlib.suppress(StudentError):
            child.value(how)()
    assert child.value("first")() == 2
    assert held() == 1  # as in one process, whoever had it has it still


def test_functions_that_cells_have_told_are_not_asked_for(child: Session) -> None:
    child.tells = ["first", "number", "Kind", "nowhere", "print"]
    result = child.run_cell("number = 3\nclass Kind: pass", 2)
    assert result.failure is None
    assert child.value("first")() == 1
    asked = {name: requests_for(child, name) for name in ("first", "other", "number", "Kind")}
    assert asked == {"first": 0, "other": 1, "number": 1, "Kind": 1}
    for name in ("nowhere", "print"):  # a builtin is none of the notebook's
        with pytest.raises(MissingNameError):
            child.value(name)


@pytest.mark.parametrize("how", ["change", "change_and_raise", "cell", "cell that tells"])
def test_a_told_name_that_stands_for_another_function_is_that_one(child: Session, how: str) -> None:
    child.tells = ["first"]
    child.run_cell("pass", 2)
    if how.startswith("cell"):
        child.tells = ["first"] if how == "cell that tells" else []
        child.run_cell("first = other", 3)
    else:
        with contextlib.suppress(StudentError):
            child.value(how)()
    assert child.value("first")() == 2


def test_a_child_tells_nothing_that_it_was_not_asked_for(child: Session) -> None:
    forged = CellDone(1, None, "", 0, 0.0)
    node = Opaque(0, "function", is_callable=True)
    forged.functions = {"first": node, "np": node, "value": msgspec.structs.replace(node)}
    forged.functions["value"].is_callable = False
    child.tells = ["first", "value"]
    child._note_functions(forged)
    assert child._functions.keys() == {"first"}


def test_a_function_that_is_no_more_is_missing(child: Session) -> None:
    child.value("first")
    child.value("forget")()
    with pytest.raises(MissingNameError):
        child.value("first")


def test_a_value_is_asked_for_each_time(child: Session) -> None:
    child.run_cell("values = [1]", 2)
    assert child.value("values") == [1]
    child.run_cell("values.append(2)", 3)
    assert child.value("values") == [1, 2]


def test_a_child_that_has_ended_answers_for_no_function(child: Session) -> None:
    child.value("first")
    with pytest.raises(ChildEnded):
        child.value("leave")()
    with pytest.raises(ChildEnded):
        child.value("first")


def test_a_child_knows_the_common_kinds_from_its_fork_and_no_name_of_the_rehearsal(
    child: Session,
) -> None:
    cell = """
import sys, numpy
known = numpy.ndarray in sys.modules["sandbox.wire.encoding"]._METHODS
left = "rehearsed" in globals()
"""
    assert child.run_cell(cell, 2).failure is None
    assert child.value("known")
    assert not child.value("left")
