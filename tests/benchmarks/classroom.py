"""Make the classes that are graded: filled softmax notebooks, and a small assignment."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from grader.course import notebooks
from grader.course.assignments import load, reference_path
from grader.model import Assignment

COURSE = Path(__file__).parents[2]

SMALL_TOML = """\
title = "Small"
notebook = "small.ipynb"

[[questions]]
name = "q1"
points = 2
kind = "code"
title = "total"
names = ["total"]
"""
SMALL_TEST = """\
import numpy as np
from otter.test_files import test_case

OK_FORMAT = False
name = "q1"
points = None


@test_case(name="{name}", points=1, hidden={hidden})
def test_total(total):
    for length in {lengths}:
        values = np.arange(length, dtype=np.float64)
        assert total(values) == length * (length - 1) / 2, "the total is another"
"""
SMALL_REFERENCE = '''\
import numpy as np


def total(values):
    """Return the sum of an array."""
    return float(np.sum(values))
'''
SMALL_CELLS = (
    'import numpy as np\nimport otter\n\ngrader = otter.Notebook("small.ipynb")',
    'def total(values):\n    """Return the sum of an array."""\n    raise NotImplementedError',
    'grader.check("q1")',
)


@dataclass(frozen=True, slots=True)
class Classroom:
    """A class on disk: its assignment, its notebooks, and how many kinds of answers there are."""

    assignment: Assignment
    folder: Path
    notebooks: tuple[Path, ...]
    kinds: int

    @property
    def course(self) -> Path:
        """The folder that holds `assignments/` and `solutions/`."""
        return self.assignment.folder.parents[1]

    def sample(self, count: int, turn: int) -> list[Path]:
        """Return some notebooks, others in each turn, in which every kind is as frequent."""
        first = turn * count
        return [self.notebooks[(first + i) % len(self.notebooks)] for i in range(count)]


def softmax_class(folder: Path, size: int) -> Classroom:
    """Write `size` right notebooks: the reference and every other right solution in turn."""
    assignment = load("softmax", COURSE, need_solutions=True)
    return fill_class(assignment, folder, size)


def public_class(folder: Path, size: int) -> Classroom:
    """Write the same notebooks for a course that has softmax's public tests and no hidden ones."""
    course = folder / "course"
    for top in ("assignments", "solutions"):
        shutil.copytree(COURSE / top / "softmax", course / top / "softmax", dirs_exist_ok=True)
    shutil.rmtree(course / "solutions" / "softmax" / "tests")
    toml = course / "assignments" / "softmax" / "assignment.toml"
    whole = load("softmax", COURSE, need_solutions=True)
    head, *blocks = toml.read_text(encoding="utf-8").split("[[questions]]")
    kept = []
    for question, block in zip(whole.questions, blocks, strict=True):
        points = sum(case.points for case in question.cases if not case.hidden)
        # A code question of hidden tests only has nothing left to ask.
        if points or question.kind == "manual":
            kept.append(re.sub(r"points = .*", f"points = {points or question.points}", block))
    toml.write_text("[[questions]]".join([head, *kept]), encoding="utf-8")
    return fill_class(load("softmax", course, need_solutions=True), folder / "class", size)


def small_class(folder: Path, size: int) -> Classroom:
    """Write an assignment that costs nearly nothing to judge, and a class for it."""
    course = folder / "course"
    for top in ("assignments", "solutions"):
        (course / top / "small" / "tests").mkdir(parents=True, exist_ok=True)
    here, staff = course / "assignments" / "small", course / "solutions" / "small"
    (here / "assignment.toml").write_text(SMALL_TOML)
    (here / "small.ipynb").write_bytes(notebooks.dump(_notebook(SMALL_CELLS)))
    (staff / "reference.py").write_text(SMALL_REFERENCE)
    for where, name, hidden, lengths in (
        (here, "short arrays", False, (1, 2, 10)),
        (staff, "long arrays", True, (1_000, 10_000)),
    ):
        text = SMALL_TEST.format(name=name, hidden=hidden, lengths=lengths)
        (where / "tests" / "q1.py").write_text(dedent(text))
    return fill_class(load("small", course, need_solutions=True), folder / "class", size)


def fill_class(assignment: Assignment, folder: Path, size: int) -> Classroom:
    """Write `size` right notebooks: the reference and every other right solution in turn."""
    reference = reference_path(assignment.solutions)
    assert assignment.solutions is not None
    assert reference is not None
    names = [name for question in assignment.questions for name in question.names]
    stubs = assignment.notebook.read_bytes()
    right = notebooks.fill(stubs, reference.read_text(encoding="utf-8"), names, reference.name)
    others = sorted((assignment.solutions / "correct").glob("*.py"))
    kinds = [right] + [
        notebooks.fill(right, path.read_text(encoding="utf-8"), names, path.name) for path in others
    ]
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(size):
        path = folder / f"student-{number:04}.ipynb"
        path.write_bytes(signed(kinds[number % len(kinds)], number))
        paths.append(path)
    return Classroom(assignment, folder, tuple(paths), len(kinds))


def signed(content: bytes, number: int) -> bytes:
    """Return the notebook with a line of its own, so that no two are the same file."""
    data = json.loads(content)
    cell = next(cell for cell in data["cells"] if cell["cell_type"] == "code")
    source = cell["source"]
    text = source if isinstance(source, str) else "".join(source)
    cell["source"] = f"# student {number}\n{text}"
    return notebooks.dump(data)


def _notebook(sources: tuple[str, ...]) -> dict[str, object]:
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": [
            {
                "cell_type": "code",
                "execution_count": None,
                "id": f"cell-{number}",
                "metadata": {},
                "outputs": [],
                "source": source,
            }
            for number, source in enumerate(sources)
        ],
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
