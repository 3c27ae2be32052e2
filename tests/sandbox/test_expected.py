"""Cells that a worker has compiled ahead run as those that it reads for the first time."""

import time
from collections.abc import Iterator

import pytest

from grader.model import Limits
from grader.sandbox import Session, Worker

FUTURE = "from __future__ import annotations"
ANNOTATED = "def annotated(value: not_defined): return value"
RAISES = "def raises():\n    return 1 / 0\n\nraises()"
MANY = [(number, f"value_{number} = {number}") for number in range(3, 500)]
LONG = (500, "long = 1" + " " * 40_000)


@pytest.fixture(scope="module")
def expecting() -> Iterator[Worker]:
    with Worker(warm=False) as worker:
        worker.expect([(1, "which = 'expected'"), (2, ANNOTATED), (2, RAISES), *MANY, LONG])
        worker.expect([(501, FUTURE), (502, ANNOTATED)])
        yield worker


@pytest.fixture
def child(expecting: Worker) -> Iterator[Session]:
    with expecting.session(Limits(), deadline=time.monotonic() + 600) as session:
        yield session


def known(child: Session, number: int, source: str) -> bool:
    asked = (
        f"import sys; known = {(number, source)!r} in sys.modules['sandbox.inside.shell']._expected"
    )
    assert child.run_cell(asked, 900).failure is None
    return bool(child.value("known"))


def test_what_is_expected_is_known_in_every_child(child: Session) -> None:
    assert known(child, 2, RAISES)
    assert known(child, *MANY[-1])
    assert not known(child, 3, RAISES)


def test_a_student_s_own_cell_is_run_and_not_the_expected_one(child: Session) -> None:
    child.run_cell("which = 'mine'", 1)
    assert child.value("which") == "mine"


def test_an_expected_cell_shows_its_own_lines_where_it_raises(child: Session) -> None:
    failure = child.run_cell(RAISES, 2).failure
    assert failure is not None
    assert failure.type_name == "ZeroDivisionError"
    assert "return 1 / 0" in failure.traceback


def test_a_cell_that_changes_how_python_compiles_counts_for_the_cells_after_it(
    child: Session,
) -> None:
    failure = child.run_cell(ANNOTATED, 2).failure
    assert failure is not None
    assert failure.type_name == "NameError"
    assert child.run_cell(FUTURE, 1).failure is None
    assert child.run_cell(ANNOTATED, 2).failure is None


def test_an_expected_cell_that_changes_it_does_so_where_it_is_run_and_nowhere_else(
    child: Session,
) -> None:
    assert known(child, 501, FUTURE)
    assert known(child, 502, ANNOTATED)
    assert child.run_cell(ANNOTATED, 502).failure is not None
    assert child.run_cell(FUTURE, 501).failure is None
    assert child.run_cell(ANNOTATED, 502).failure is None
    assert child.run_cell(ANNOTATED, 503).failure is None


def test_a_cell_that_is_too_long_for_a_packet_is_left_out_and_runs(child: Session) -> None:
    assert not known(child, *LONG)
    assert child.run_cell(LONG[1], LONG[0]).failure is None
    assert child.value("long") == 1
