"""The floor: forks of a warm process that run the cells and make the tests' calls, no more.

No sandbox, no second process, no copy of a value, no assertion, no report: nobody can grade with
less. The recorded inputs are those that the tests hand to the reference.
"""

import contextlib
import copy
import json
import os
import pickle
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.classroom import Classroom
from tests.benchmarks.process import CommandFailedError, run

Calls = dict[str, list[tuple[str, tuple[Any, ...], dict[str, Any]]]]
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True)
class Floor:
    """One pass over a class in wall seconds, without the time to import and warm up.

    phases: mean seconds of a submission, as ours has them; beside them fork and end take time.
    """

    count: int
    steady: float
    phases: dict[str, float]

    @property
    def each(self) -> float:
        """Seconds a submission, with all jobs at work."""
        return self.steady / self.count


def record_calls(classroom: Classroom) -> Calls:
    """Return, by question, every call that the tests make of a notebook's functions."""
    from grader.grading.names import Names
    from grader.grading.otter_tests import CaseSuite

    suite = CaseSuite(classroom.assignment)
    found: Calls = {}

    def lookup(question: str) -> Callable[[str], Any]:
        def value(name: str) -> Any:
            held = getattr(suite.reference, name)
            if not callable(held):
                return held

            def recorded(*args: Any, **kwargs: Any) -> Any:
                found[question].append((name, copy.deepcopy(args), copy.deepcopy(kwargs)))
                return held(*args, **kwargs)

            return recorded

        return value

    for question in classroom.assignment.questions:
        if question.kind != "code" or question.requires is not None:
            continue
        found[question.name] = []
        for case in sorted(question.cases, key=lambda case: case.hidden):
            verdict = suite.run(question.name, case.name, Names(lookup(question.name), "cpu"))
            if not verdict.passed:
                raise CommandFailedError(f"The reference fails {question.name}, {case.name!r}.")
    return found


class FloorRunner:
    """The same calls and notebooks, as often as they are timed."""

    def __init__(self, classroom: Classroom, folder: Path, jobs: int) -> None:
        self._plan = folder / "floor.pickle"
        self._answer = folder / "floor.json"
        paths = [str(path) for path in classroom.notebooks]
        self._plan.write_bytes(pickle.dumps((paths, record_calls(classroom), jobs)))

    def run(self) -> Floor:
        """Time one pass over the class in a fresh warm process."""
        command = [sys.executable, "-m", __name__, self._plan, self._answer]
        run(command, folder=Path(__file__).parents[2], extra={**ONE_THREAD, "MPLBACKEND": "agg"})
        count, steady, phases = json.loads(self._answer.read_text())
        return Floor(count, steady, phases)


def _execute(path: str, calls: Calls) -> dict[str, float]:
    """Run one notebook's cells, and a question's calls where the notebook checks it.

    Return how many seconds that took: reading, cells and calls.
    """
    from grader.course import notebooks

    started = time.perf_counter()
    notebook = notebooks.read(Path(path).read_bytes())
    due: dict[int, list[str]] = {}
    for question in calls:
        due.setdefault(notebook.check_position(question), []).append(question)
    names: dict[str, Any] = {"__name__": "__main__"}
    spent = {"reading": time.perf_counter() - started, "cells": 0.0, "calls": 0.0}
    for cell in notebook.cells:
        if cell.ignored:  # as otter does, and we: a figure decides nothing
            continue
        started = time.perf_counter()
        # A cell may fail in an honest notebook, and some tests want an exception.
        with contextlib.suppress(Exception):
            exec(compile(cell.source, f"<cell {cell.number}>", "exec"), names)  # noqa: S102
        between = time.perf_counter()
        for question in due.get(cell.number, []):
            for name, args, kwargs in calls[question]:
                with contextlib.suppress(Exception):
                    names[name](*args, **kwargs)
        spent["cells"] += between - started
        spent["calls"] += time.perf_counter() - between
    return spent


def _child(path: str, calls: Calls, told: int) -> None:
    status = 1
    # As our workers do: a busy machine may share its processors by session.
    os.setsid()
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1):
            os.dup2(null, descriptor)
        spent = _execute(path, calls)
        sys.stdout.flush()
        os.write(told, (json.dumps(spent) + "\n").encode())  # short enough to arrive in one piece
        status = 0
    except BaseException:  # noqa: BLE001 - said on standard error, which the harness shows
        traceback.print_exc()
    finally:
        os._exit(status)


def main(plan: Path, answer: Path) -> None:
    """Warm up as a worker does, then time the forks of a whole class."""
    import gc

    import matplotlib.pyplot as plt  # noqa: F401 - the notebooks import it
    import numpy as np  # noqa: F401 - likewise
    import torch

    from grader.sandbox.inside import shell

    torch.set_num_threads(1)
    # For the stand-ins and the warmth that our worker has too; the cells run without IPython.
    shell.rehearse(shell.build_shell())
    paths, calls, jobs = pickle.loads(plan.read_bytes())  # noqa: S301 - written a moment ago
    gc.collect()
    gc.freeze()
    with tempfile.TemporaryFile() as told:
        steady = _run_all(paths, calls, jobs, told.fileno())
        told.seek(0)
        spent = [json.loads(line) for line in told]
    phases = {name: sum(one[name] for one in spent) / len(spent) for name in spent[0]}
    answer.write_text(json.dumps([len(paths), steady, phases]))


def _run_all(paths: list[str], calls: Calls, jobs: int, told: int) -> float:
    """Fork a child for each notebook, so many at once, and return the seconds it took."""
    started = time.perf_counter()
    running = 0
    for path in [*paths, *[None] * jobs]:
        if running == jobs or path is None:
            _pid, status = os.wait()
            running -= 1
            if status:
                raise SystemExit(f"A notebook failed on the floor: {status}")
        if path is not None:
            if os.fork() == 0:
                _child(path, calls, told)
            running += 1
        if running == 0:
            break
    return time.perf_counter() - started


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
