"""Fixtures that several test modules need: the course, notebooks made on the spot, a judge."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from grader import notebooks
from grader.model import Submission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grader.judge import Bench
    from grader.model import Assignment
    from grader.sandbox.session import Worker

REPOSITORY = Path(__file__).resolve().parent.parent

# A bare GPU machine has torch, triton, numpy and pytest, and no otter: there `pytest -m gpu` runs
# what needs a GPU, and nothing else can even be imported.
NEEDS_LITTLE = {"conftest.py", "test_attention_gpu.py", "test_softmax_gpu.py"}
collect_ignore: list[str] = []
collect_ignore_glob: list[str] = []
if importlib.util.find_spec("otter") is None:
    here = Path(__file__).parent
    collect_ignore = [p.name for p in here.glob("*.py") if p.name not in NEEDS_LITTLE]
    collect_ignore_glob = ["hostile/*", "renderers/*", "benchmarks/*"]


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def worker() -> Iterator[Worker]:
    """One warm worker for the whole run; each submission is a fork of it."""
    from grader.sandbox.session import Worker

    with Worker() as warm:
        warm.wait_until_ready()
        yield warm


@pytest.fixture(scope="session")
def softmax() -> Assignment:
    from grader.assignments import load

    return load("softmax", REPOSITORY, need_solutions=True)


@pytest.fixture(scope="session")
def softmax_bench(softmax: Assignment, worker: Worker) -> Bench:
    return _bench(softmax, worker)


def _bench(assignment: Assignment, worker: Worker) -> Bench:
    from grader import lane
    from grader.judge import Bench
    from grader.otter_tests import CaseSuite

    return Bench(CaseSuite(assignment), {"cpu": worker}, lane.environment())


@pytest.fixture(scope="session")
def softmax_solved(softmax: Assignment) -> bytes:
    """The student notebook with every stub filled by the reference."""
    assert softmax.solutions is not None
    text = (softmax.solutions / "reference.py").read_text(encoding="utf-8")
    names = [name for question in softmax.questions for name in question.names]
    return notebooks.fill(softmax.notebook.read_bytes(), text, names, "reference.py")


def submission_of(content: bytes, student: str = "ada") -> Submission:
    return Submission(student, f"{student}.ipynb", content, hashlib.sha256(content).hexdigest())


def notebook_of(*cells: str) -> bytes:
    """Return a valid notebook of code cells."""
    return notebooks.dump(
        {
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell-{number}",
                    "metadata": {},
                    "outputs": [],
                    "execution_count": None,
                    "source": source,
                }
                for number, source in enumerate(cells, 1)
            ],
            "metadata": {},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    )


def edit_cells(content: bytes, edit: Callable[[list[dict[str, object]]], None]) -> bytes:
    """Return a notebook after `edit` changed its list of cells in place."""
    data = json.loads(content)
    edit(data["cells"])
    return notebooks.dump(data)


PUBLIC_TEST = """OK_FORMAT = False
name = "{question}"

from otter.test_files import test_case


@test_case(name="{question} of two", points=1, hidden=False)
def test_two({function}):
    got = {function}(2)
    assert got == {two}, f"for 2 the answer is {two}, you have {{got}}"
"""

HIDDEN_TEST = """OK_FORMAT = False
name = "{question}"

from otter.test_files import test_case


@test_case(name="{question} of many", points=2, hidden=True)
def test_many({function}, rng, reference):
    for number in rng.integers(1000, 9999, 5):
        secret = int(number)
        assert {function}(secret) == reference.{function}(secret), f"wrong for {{secret}}"
"""

TOML = """title = "Small numbers"
notebook = "small.ipynb"

[[questions]]
name = "q1"
points = 3
names = ["double"]

[[questions]]
name = "q2"
points = 3
names = ["square"]

[[questions]]
name = "r1"
points = 1
kind = "manual"

[limits]
cell_seconds = 2
call_seconds = 1
submission_seconds = 20
"""

SMALL_REFERENCE = '''"""Reference solutions."""


def double(x):
    """Return twice x."""
    return 2 * x


def square(x):
    """Return x times x."""
    return x * x
'''

SMALL_CELLS = (
    "import otter\ngrader = otter.Notebook('small.ipynb')",
    'def double(x):\n    """Return twice x."""\n    raise NotImplementedError("q1: write double")',
    'grader.check("q1")',
    'def square(x):\n    """Return x times x."""\n    raise NotImplementedError("q2: write it")',
    'grader.check("q2")',
)


def write_small_course(root: Path) -> Path:
    """Write a course with one small assignment, which judges in milliseconds."""
    public, hidden = root / "assignments" / "small", root / "solutions" / "small"
    for folder in (public / "tests", hidden / "tests"):
        folder.mkdir(parents=True)
    (public / "assignment.toml").write_text(TOML, encoding="utf-8")
    (public / "small.ipynb").write_bytes(notebook_of(*SMALL_CELLS))
    (hidden / "reference.py").write_text(SMALL_REFERENCE, encoding="utf-8")
    for question, function, two in (("q1", "double", 4), ("q2", "square", 4)):
        for folder, text in ((public, PUBLIC_TEST), (hidden, HIDDEN_TEST)):
            filled = text.format(question=question, function=function, two=two)
            (folder / "tests" / f"{question}.py").write_text(filled, encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def small_course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="session")
def small(small_course: Path) -> Assignment:
    from grader.assignments import load

    return load("small", small_course, need_solutions=True)


@pytest.fixture(scope="session")
def small_bench(small: Assignment, worker: Worker) -> Bench:
    return _bench(small, worker)
