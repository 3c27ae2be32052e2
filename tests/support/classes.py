"""Classes of small notebooks, and the commands that grade them, for tests of whole batches."""

import contextlib
import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import with_answer, write_small_course
from tests.support import commands

SETUP = "import otter\ngrader = otter.Notebook('small.ipynb')"
RIGHT = {"double": "def double(x):\n    return 2 * x", "square": "def square(x):\n    return x * x"}
# What a student may have written: name, double, square, what comes before.
STUDENTS = (
    ("right", RIGHT["double"], RIGHT["square"], ""),
    ("adds", "def double(x):\n    return x + 2", RIGHT["square"], ""),
    ("raises", RIGHT["double"], "def square(x):\n    raise ValueError(x)", ""),
    ("exits", RIGHT["double"], "def square(x):\n    import os\n    os._exit(3)", ""),
    ("warns", RIGHT["double"], RIGHT["square"], "import warnings\nwarnings.warn('no harm')"),
)

PATIENCE = 240  # seconds; on an idle machine a batch takes ten

GPU_QUESTION = """
[[questions]]
name = "g1"
points = 2
names = ["double"]
requires = "cuda"
"""
GPU_TEST = """OK_FORMAT = False
name = "g1"
requires = "cuda"

from otter.test_files import test_case


@test_case(
    name="g1 on the device", points=2, hidden=True, failure_message="It is right on a GPU."
)
def test_device(double, device):
    assert device
    assert double(21) == 42
"""


def write_class(folder: Path, size: int) -> Path:
    """Write a folder of notebooks, whose names say what their authors got wrong."""
    folder.mkdir(parents=True)
    for number in range(size):
        name, double, square, first = STUDENTS[number % len(STUDENTS)]
        cells = [SETUP, first, double, "grader.check('q1')", square, "grader.check('q2')"]
        (folder / f"{number:03}-{name}.ipynb").write_bytes(with_answer(cells, f"I am {number}."))
    return folder


class Gate:
    """Notebooks that wait for a sign, so that no batch is done before its test has acted."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder

    def add(self, students: Path, *names: str) -> None:
        """Put right notebooks that wait among those of a class."""
        for name in names:
            wait = (
                "import pathlib, time\n"
                f"gate = pathlib.Path({str(self._folder)!r})\n"
                f"(gate / {name!r}).touch()\n"
                "while not (gate / 'open').exists():\n    time.sleep(0.01)"
            )
            cells = [SETUP, wait, RIGHT["double"], "grader.check('q1')", RIGHT["square"],
                     "grader.check('q2')"]  # fmt: skip
            (students / f"{name}.ipynb").write_bytes(with_answer(cells, f"I am {name}."))

    def waiting(self) -> int:
        """Return how many have come as far as the gate."""
        return len([path for path in self._folder.iterdir() if path.name != "open"])

    def open(self) -> None:
        """Let all of them through."""
        (self._folder / "open").touch()


def write_patient_course(root: Path) -> Path:
    """Write the small course with limits that only a notebook which never ends would reach."""
    write_small_course(root)
    return be_patient(root)


def be_patient(course: Path) -> Path:
    """Lift a course's limits of time, so that a notebook may wait for its test."""
    path = course / "assignments" / "small" / "assignment.toml"
    text, found = re.subn(r"(_seconds) = \d+", rf"\1 = {PATIENCE}", path.read_text("utf-8"))
    assert found == 3
    path.write_text(text, encoding="utf-8")
    return course


def write_gpu_course(root: Path) -> Path:
    """Write the small course with one more question, which needs a GPU."""
    write_small_course(root)
    path = root / "assignments" / "small" / "assignment.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("\n[limits]", f"{GPU_QUESTION}\n[limits]"), encoding="utf-8")
    test = root / "solutions" / "small" / "tests" / "g1.py"
    test.write_text(GPU_TEST, encoding="utf-8")
    return root


def grade_command(course: Path, students: Path, out: Path, *more: str) -> list[str]:
    """Return the command line that grades the small assignment."""
    return [
        sys.executable, "-m", "grader", "grade", "small", str(students), "-o", str(out),
        "--course", str(course), "--jobs", "2", "--isolation", "none", *more,
    ]  # fmt: skip


def grade_here(course: Path, students: Path, out: Path, *more: str) -> Any:
    """Grade by the command in this process, which then needs no start, with one grader process."""
    _, _, _, *words = grade_command(course, students, out, *more)
    return commands.run(*words, "--jobs", "1")


def environment(temporary: Path, mark: str = "") -> dict[str, str]:
    """Return an environment with temporary files and a mark of its own, to find what is left."""
    temporary.mkdir(exist_ok=True)
    return {**os.environ, "TMPDIR": str(temporary), "GRADER_TEST_MARK": mark}


def run(command: list[str], temporary: Path, timeout: float = 240, mark: str = "") -> Any:
    """Run a command to its end."""
    return subprocess.run(
        command, env=environment(temporary, mark), capture_output=True, text=True, timeout=timeout,
        check=False,
    )  # fmt: skip


def results(out: Path) -> Any:
    """Return results.json without its times."""
    return without_times(json.loads((out / "results.json").read_text(encoding="utf-8")))


def without_times(value: Any) -> Any:
    """Return nested data without what the design calls times."""
    if isinstance(value, dict):
        times = {"seconds", "phases"}
        return {key: without_times(item) for key, item in value.items() if key not in times}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def attempts(out: Path) -> dict[str, int]:
    """Return how many attempts the store keeps on each student; none where there is no store."""
    try:
        place = f"file:{out / 'grades.db'}?mode=ro"
        with contextlib.closing(sqlite3.connect(place, uri=True)) as database:
            rows = database.execute("SELECT student, COUNT(*) FROM attempt GROUP BY student")
            return dict(rows.fetchall())
    except sqlite3.OperationalError:
        return {}
