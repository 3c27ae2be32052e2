"""Measures what a submission costs before its own code runs: worker, child, call, a large array.

`python tests/benchmarks/sandbox.py [LEVEL...]` prints a table; without a level, the one that this
machine proves. Times are medians, in milliseconds of wall clock.
"""

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from grader.model import Isolation, Limits
from grader.sandbox import Session, Worker
from grader.sandbox.proof.probes import choose_isolation

CHILDREN, CALLS, ARRAYS = 25, 2_000, 9
LARGE = 8_000_000  # float64: 64 MB
NOTEBOOK = """
import numpy as np

def double(x):
    return x * 2

def take(x):
    return 0

def give(count):
    return np.ones(count)
"""


def milliseconds(action: Callable[[], Any], times: int) -> float:
    """Return the median time of an action."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        action()
        taken.append(time.perf_counter() - started)
    return 1000 * median(taken)


def child_milliseconds(worker: Worker) -> tuple[float, float]:
    """Return how long a locked-down child takes to start, and to be ended and cleared up."""
    started, ended = [], []
    for _ in range(CHILDREN):
        before = time.perf_counter()
        session = open_session(worker)
        between = time.perf_counter()
        session.close()
        started.append(between - before)
        ended.append(time.perf_counter() - between)
    return 1000 * median(started), 1000 * median(ended)


def open_session(worker: Worker) -> Session:
    """Start a child with the limits that a submission has."""
    return worker.session(Limits(), deadline=time.monotonic() + 300)


def measure(isolation: Isolation) -> list[tuple[str, float]]:
    """Return each measurement's name and milliseconds."""
    before = time.perf_counter()
    with Worker(isolation=isolation) as worker:
        worker.wait_until_ready()
        ready = 1000 * (time.perf_counter() - before)
        start, end = child_milliseconds(worker)
        with open_session(worker) as session:
            session.run_cell(NOTEBOOK, 1)
            double, take, give = (session.value(name) for name in ("double", "take", "give"))
            small, large = np.arange(5.0), np.ones(LARGE)
            return [
                ("a warm worker (NumPy, torch and matplotlib imported)", ready),
                ("a locked-down child", start),
                ("its end, with everything it left", end),
                ("a call with a small array", milliseconds(lambda: double(small), CALLS)),
                ("64 MB to the child", milliseconds(lambda: take(large), ARRAYS)),
                ("64 MB from the child", milliseconds(lambda: give(LARGE), ARRAYS)),
                ("64 MB there, doubled and back", milliseconds(lambda: double(large), ARRAYS)),
            ]


def main(levels: list[str]) -> None:
    """Print one column a level."""
    chosen = [Isolation(level) for level in levels] or [choose_isolation()]
    columns = [dict(measure(isolation)) for isolation in chosen]
    table = Table("milliseconds", *(isolation.level for isolation in chosen))
    for name in columns[0]:
        table.add_row(name, *(f"{column[name]:.2f}" for column in columns))
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
