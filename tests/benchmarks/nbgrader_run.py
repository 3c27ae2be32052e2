"""What nbgrader's autograde takes for the same notebooks, in an environment of its own.

Each check cell becomes an autograded cell with the public tests of its question. Two gradebooks of
half the sample each are graded at once, so that nbgrader too has two jobs and starts only twice.
"""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.benchmarks.classroom import Classroom
from tests.benchmarks.otter_run import OtherGrader
from tests.benchmarks.process import CommandFailedError, run, run_together

CHECK = re.compile(r"^grader\.check\(\"(\w+)\"\)")
# Runs a question's public test file in the kernel, as the cell that an instructor would write.
TEST_CELL = """\
import inspect as _inspect
from types import ModuleType as _Module

def _test_case(**_options):
    def decorate(function):
        names = list(_inspect.signature(function).parameters)
        function(**{{name: globals()[name] for name in names}})
        return function
    return decorate

_source = {source!r}
_source = _source.replace("from otter.test_files import test_case", "")
exec(_source, {{"test_case": _test_case, "__name__": "test"}})
"""


class NbgraderUnavailableError(Exception):
    """nbgrader is not there and cannot be installed; the sentence says why."""


def prepare_environment(folder: Path) -> Path:
    """Return the Python of a virtual environment with nbgrader, made if it is not there.

    It reads torch, NumPy, matplotlib and otter from the environment that runs this.
    """
    python = folder / "bin" / "python"
    if not (folder / "bin" / "jupyter-nbgrader").is_file():
        for command in (
            [sys.executable, "-m", "venv", str(folder)],
            [str(python), "-m", "pip", "install", "-q", "nbgrader", "ipykernel"],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise NbgraderUnavailableError(done.stderr.strip()[-200:] or "it did not install")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    shared = folder / "lib" / version / "site-packages" / "shared.pth"
    shared.write_text(sysconfig.get_path("purelib") + "\n")
    return python


class NbgraderRunner:
    """Gradebooks for a sample of a class, made anew for each run."""

    name = "nbgrader autograde"

    def __init__(self, classroom: Classroom, folder: Path, jobs: int, environment: Path) -> None:
        self._classroom = classroom
        self._folder = folder
        self._jobs = jobs
        self._python = prepare_environment(environment)

    @property
    def version(self) -> str:
        """The version of nbgrader."""
        code = "from importlib import metadata; print(metadata.version('nbgrader'))"
        command = [str(self._python), "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def run(self, sample: list[Path]) -> OtherGrader:
        """Autograde a sample, in as many gradebooks as there are jobs."""
        parts = [sample[number :: self._jobs] for number in range(self._jobs)]
        books = []
        for number, part in enumerate(parts):
            if part:
                books.append(self._make_book(self._folder / f"book-{number}", part))
        options = {"folder": None, "extra": self._extra()}
        commands = [self._nbgrader(book, "autograde", "a") for book in books]
        seconds = run_together(commands, self._jobs, **options)
        for book, part in zip(books, [part for part in parts if part], strict=True):
            self._check_full_marks(book, len(part))
        return OtherGrader(len(sample), seconds / len(sample))

    def _nbgrader(self, book: Path, *arguments: str) -> list[str]:
        root = f"--CourseDirectory.root={book}"
        return [str(self._python), "-m", "nbgrader", *arguments, root]

    def _extra(self) -> dict[str, str]:
        """Return the variables with which nbgrader finds nothing but its own environment."""
        home = self._folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        prefix = self._python.parents[1]
        return {
            "HOME": str(home),
            "PATH": f"{prefix / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "JUPYTER_PATH": str(prefix / "share" / "jupyter"),
            "MPLBACKEND": "agg",
        }

    def _make_book(self, book: Path, part: list[Path]) -> Path:
        shutil.rmtree(book, ignore_errors=True)
        name = self._classroom.assignment.notebook.name
        source = book / "source" / "a"
        source.mkdir(parents=True)
        (source / name).write_text(json.dumps(self._converted(part[0])))
        for path in part:
            handed_in = book / "submitted" / path.stem / "a"
            handed_in.mkdir(parents=True)
            (handed_in / name).write_text(json.dumps(self._converted(path)))
        run(self._nbgrader(book, "generate_assignment", "a"), extra=self._extra())
        return book

    def _converted(self, path: Path) -> dict[str, object]:
        """Return the notebook with nbgrader's test cells for otter's checks."""
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cells = []
        for cell in notebook["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and re.search(r"grader\.(check_all|export)", source):
                continue
            check = CHECK.match(source)
            if check:
                test = self._classroom.assignment.folder / "tests" / f"{check[1]}.py"
                text = test.read_text(encoding="utf-8")
                cell["source"] = TEST_CELL.format(source=text)
                cell["metadata"]["nbgrader"] = {
                    "grade": True, "grade_id": check[1], "locked": True, "points": 1,
                    "schema_version": 3, "solution": False, "task": False, "cell_type": "code",
                }  # fmt: skip
            cells.append(cell)
        return notebook | {"cells": cells}

    def _check_full_marks(self, book: Path, count: int) -> None:
        out = book / "grades.csv"
        export = self._nbgrader(book, "export", f"--to={out}")
        run(export, folder=book, extra=self._extra())
        rows = [line.split(",") for line in out.read_text(encoding="utf-8").splitlines()]
        score, most = rows[0].index("raw_score"), rows[0].index("max_score")
        right = [row for row in rows[1:] if float(row[score]) == float(row[most]) > 0]
        if len(right) != count:
            raise CommandFailedError(f"nbgrader gave full marks to {len(right)} of {count}.")
