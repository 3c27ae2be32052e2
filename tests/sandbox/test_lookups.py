"""A function is looked up once, and again when its name has come to stand for something else."""

import contextlib
import time
from collections.abc import Iterator

import pytest

from grader.model import Limits
from grader.sandbox import ChildEnded, MissingNameError, Session, StudentError, Worker

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
