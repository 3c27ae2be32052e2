"""Cells behave as in Jupyter, whether IPython reads them or they are plain Python."""

import time
from collections.abc import Iterator

import pytest

from grader.model import Limits
from grader.sandbox import Session, Worker


@pytest.fixture
def child(worker: Worker) -> Iterator[Session]:
    with worker.session(Limits(), deadline=time.monotonic() + 60) as session:
        yield session


@pytest.mark.parametrize(
    "cell",
    [
        "x = 5",
        "%matplotlib inline\nx = 5",
        "  x = 3\n  x = x + 2",
        "import asyncio\nawait asyncio.sleep(0)\nx = 5",
        "%time x = 5",
        "if True:\n    %time x = 5",
        "!rm -rf /\nx = 5",
        "x = 5;",
        "x = 5\n%pip install torch",
    ],
)
def test_a_cell_of_any_kind_binds_its_names(child: Session, cell: str) -> None:
    assert child.run_cell(cell, 1).failure is None
    assert child.value("x") == 5


def test_what_stands_before_a_mistake_has_run(child: Session) -> None:
    """IPython compiles statement by statement; only what cannot be parsed does nothing."""
    failure = child.run_cell("before = 1\nreturn 2", 1).failure
    assert failure is not None
    assert failure.type_name == "SyntaxError"
    assert child.value("before") == 1


def test_a_name_alone_may_be_a_magic(child: Session) -> None:
    assert child.run_cell("ls", 1).failure is None
    assert child.run_cell("x = 2", 2).failure is None
    assert child.run_cell("x", 3).failure is None


def test_an_exception_names_the_cell_and_its_line(child: Session) -> None:
    child.run_cell("def inverse(x):\n    return 1 / x", 1)
    failure = child.run_cell("y = 1\ninverse(0)", 2).failure
    assert failure is not None
    assert failure.traceback.splitlines() == [
        "Cell 2, line 2: inverse(0)",
        "Cell 1, line 2, in inverse: return 1 / x",
    ]


def test_a_function_can_read_its_own_source(child: Session) -> None:
    """As triton does with every kernel."""
    child.run_cell("def one():\n    return 1", 1)
    child.run_cell("two = 2", 2)
    child.run_cell("import inspect\ntext = inspect.getsource(one)", 3)
    assert child.value("text") == "def one():\n    return 1\n"


def test_a_future_import_holds_for_later_cells(child: Session) -> None:
    child.run_cell("from __future__ import annotations", 1)
    assert child.run_cell("def f(x: NotDefinedAnywhere): pass", 2).failure is None


def test_the_rehearsal_leaves_nothing_for_a_notebook_to_see(child: Session) -> None:
    look = """
import sys
import matplotlib.pyplot as plt
had = "numpy.random" in sys.modules
figures = plt.get_fignums()
names = [name for name in globals() if name in ("left", "right", "half", "torch")]
"""
    assert child.run_cell(look, 1).failure is None
    assert child.value("had") is True  # it did happen
    assert child.value("figures") == []
    assert child.value("names") == []
