"""How many processes share the tests, and which tests stay together in one of them.

A module's tests stay together, so that its fixtures are made once. A last parameter whose id begins
with "@" parts a module: of `test_a[x-@one]`, `test_b[@one]` and `test_b[@two]` the first two stay
together. Modules marked `long` begin first, so that no process is left alone with one at the end.
"""

import os
import re
from typing import Any

import pytest

MOST = 4  # processes, each of which holds torch, a worker and what its tests judge
PART = re.compile(r"[\[-]@(\w[\w-]*)\]$")
Tables = dict[str, dict[str, dict[str, str]]]  # by title, column and row


def processes(config: pytest.Config) -> int:
    """Return in how many processes to run where whole folders are asked for: one more than cores.

    In a fifth of their time tests wait, for a limit to be over or for a process to start.
    """
    chosen = config.option.keyword or config.option.markexpr or config.option.usepdb
    if chosen or not all((config.invocation_params.dir / name).is_dir() for name in config.args):
        return 0
    cores = len(os.sched_getaffinity(0))
    return min(cores + 1, MOST) if cores > 1 else 0


def is_shared(config: pytest.Config) -> bool:
    """Tell whether this process has only some of the tests."""
    return hasattr(config, "workerinput")


def jobs() -> int:
    """Return how many grader processes a test may have: both cores, or one of them."""
    return 1 if "PYTEST_XDIST_WORKER" in os.environ else 2


def together(nodeid: str) -> str:
    """Return the name of what a test stays together with."""
    found = PART.search(nodeid)
    return nodeid.partition("::")[0] + (f" {found[1]}" if found else "")


def scheduler(config: pytest.Config, log: Any) -> Any:
    """Return what hands one module after the other to whichever process has nothing left."""
    from xdist.scheduler import LoadScopeScheduling

    class ByModule(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return together(nodeid)

    config.option.loadscopereorder = False  # as collected, with the long ones first
    return ByModule(config, log)


def merge(tables: Tables, more: Tables) -> None:
    """Add another process's columns to those that are here."""
    for title, columns in more.items():
        tables.setdefault(title, {}).update(columns)


def lines(columns: dict[str, dict[str, str]]) -> list[str]:
    """Return a table as lines; what a column lacks is a dash."""
    names, rows = sorted(columns), sorted({row for column in columns.values() for row in column})
    head = f"{'':34}" + "".join(f"{name:>20}" for name in names)
    cells = (
        f"{row:34}" + "".join(f"{columns[n].get(row, '-'):>20}" for n in names) for row in rows
    )
    return [head, *cells]
