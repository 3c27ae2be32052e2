"""What one notebook costs that never ends: `python -m tests.benchmarks.endless`.

`--beside FOLDER` names another checkout, whose `grader` is measured in turn with this one's.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

from grader.course import notebooks
from grader.course.assignments import load
from tests.benchmarks import ours
from tests.benchmarks.classroom import Classroom, small_class
from tests.benchmarks.process import run
from tests.benchmarks.spread import Spread

HERE = Path(__file__).parents[2]
CALL_SECONDS, CELL_SECONDS = 2, 3
LIMITS = f"""
[limits]
call_seconds = {CALL_SECONDS}
cell_seconds = {CELL_SECONDS}
"""
HIDDEN_CASES = """

@test_case(name="of a list of {length}", points={points}, hidden=True)
def test_of_{length}(total):
    assert total([1.0] * {length}) == {length}
"""
RIGHT = "def total(values):\n    return float(sum(values))"
LOOPS = "def total(values):\n    while True:\n        pass"
SLEEPS = "import time\n\ndef total(values):\n    time.sleep(3600)"
# By name: the cells of one student, and how many others hand in a right notebook.
CLASSES: dict[str, tuple[tuple[str, ...], int]] = {
    "right": ((RIGHT,), 0),
    "a function that loops": ((LOOPS,), 0),
    "a function that loops, beside seven others": ((LOOPS,), 7),
    "a function that sleeps": ((SLEEPS,), 0),
    "a cell that loops, before a wrong answer": (("while True: pass", LOOPS[:18] + "    1"), 0),
    "a cell that sleeps, before a wrong answer": (
        ("import time\ntime.sleep(3600)", LOOPS[:18] + "    1"),
        0,
    ),
    "a cell that waits for input": (("name = input()", RIGHT), 0),
}


def write_class(folder: Path, cells: tuple[str, ...], others: int) -> Classroom:
    """Write an assignment of one public and three hidden cases, and who hands in."""
    found = small_class(folder, max(1, others))
    toml = found.assignment.folder / "assignment.toml"
    toml.write_text(toml.read_text().replace("points = 2", "points = 4") + LIMITS)
    assert found.assignment.solutions is not None
    hidden = found.assignment.solutions / "tests" / "q1.py"
    more = "".join(HIDDEN_CASES.format(length=length, points=1) for length in (3, 4))
    hidden.write_text(hidden.read_text() + dedent(more))
    if not others:
        found.notebooks[0].unlink()
    path = found.folder / "ada.ipynb"
    made = notebooks.read(found.assignment.notebook.read_bytes(), found.assignment.limits)
    first, *_, check = (cell.source for cell in made.cells)
    path.write_bytes(_notebook([first, *cells, check]))
    kept = (*found.notebooks, path) if others else (path,)
    return replace(found, assignment=load("small", found.course), notebooks=kept)


def _notebook(cells: list[str]) -> bytes:
    code = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    found = [code | {"source": source} for source in cells]
    return json.dumps({"cells": found, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).encode()


def seconds(classroom: Classroom, out: Path, checkout: Path, jobs: int) -> tuple[float, float]:
    """Return the seconds of one command by the clock and of processor time."""
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "grader", *ours.arguments(classroom, out, jobs=jobs)]
    extra = {"PYTHONPATH": str(checkout)} if checkout != HERE else None
    done = run(command, folder=checkout, good=(0,), extra=extra)
    return done.seconds, done.processor


def main() -> None:
    """Grade each class in turn by each checkout, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beside", type=Path, action="append", default=[])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=list(CLASSES), default=list(CLASSES))
    options = parser.parse_args()
    checkouts = [*(path.resolve() for path in options.beside), HERE]
    sys.stdout.write(
        f"A call has {CALL_SECONDS} s of processor time, a cell {CELL_SECONDS} s; four cases. "
        f"Load before: {os.getloadavg()[0]:.1f}.\n"
        "| one student hands in | checkout | seconds | of processor time |\n"
        "| --- | --- | --- | --- |\n"
    )
    with tempfile.TemporaryDirectory(prefix="endless-") as folder:
        for number, name in enumerate(options.only):
            classroom = write_class(Path(folder, str(number)), *CLASSES[name])
            found: dict[Path, list[tuple[float, float]]] = {path: [] for path in checkouts}
            for _ in range(options.runs):
                for path in checkouts:
                    found[path].append(seconds(classroom, Path(folder, "out"), path, options.jobs))
            for path, times in found.items():
                clock, processor = (Spread.of(column) for column in zip(*times, strict=True))
                sys.stdout.write(f"| {name} | {path.name} | {clock} | {processor} |\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
