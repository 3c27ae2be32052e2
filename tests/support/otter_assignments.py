"""Small assignments as otter packs them, and one notebook judged by them."""

import json
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

from grader.course.otter import load
from grader.grading.assemble import assemble
from grader.grading.judge import Request, judge
from grader.reports import Outcome, QuestionReport
from grader.sandbox import Worker
from tests.conftest import notebook_of, submission_of

SETUP = "import otter\ngrader = otter.Notebook()"


def doctests(name: str, *cases: str, hidden: str = "", **more: Any) -> str:
    """Return a test file of the OK format; `hidden` has an `h` for each hidden case.

    more: further keys of the file, for example `points`.
    """
    made = [
        {"code": dedent(code).strip() + "\n", "hidden": hidden[number : number + 1] == "h"}
        for number, code in enumerate(cases)
    ]
    suite = {"cases": made, "scored": True, "setup": "", "teardown": "", "type": "doctest"}
    return f"OK_FORMAT = True\n\ntest = {dict(name=name, suites=[suite], **more)!r}\n"


def functions(name: str, body: str, points: float | None = None) -> str:
    """Return a test file of the exception format."""
    head = "from otter.test_files import test_case\n\nOK_FORMAT = False\n"
    return f"{head}name = {name!r}\npoints = {points!r}\n\n{dedent(body)}"


def write(folder: Path, tests: Mapping[str, str], **config: Any) -> Path:
    """Write an unpacked assignment: its tests by stem, and its configuration."""
    (folder / "tests").mkdir(parents=True)
    for stem, text in tests.items():
        (folder / "tests" / f"{stem}.py").write_text(text, encoding="utf-8")
    (folder / "otter_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


class OtterJudge:
    """Judges notebooks by assignments that are written on the spot.

    files: what each of them has beside the notebook, by name.
    """

    def __init__(self, folder: Path, worker: Worker) -> None:
        self._folder, self._worker, self._count = folder, worker, 0
        self.files: dict[str, str] = {}

    def content(
        self, content: bytes, tests: Mapping[str, str], **config: Any
    ) -> dict[str, QuestionReport]:
        """Judge a notebook's bytes, and return its questions by name."""
        self._count += 1
        folder = write(self._folder / str(self._count), tests, **config)
        for name, text in self.files.items():
            (folder / "files").mkdir(exist_ok=True)
            (folder / "files" / name).write_text(text, encoding="utf-8")
        engine = assemble(load(folder, "small"), {"cpu": self._worker})
        report = judge(Request(submission_of(content)), engine)
        assert report.error is None, report.error
        return {question.name: question for question in report.questions}

    def cells(
        self, *cells: str, tests: Mapping[str, str], **config: Any
    ) -> dict[str, QuestionReport]:
        """Judge a notebook of cells of code that begins as otter's do."""
        return self.content(notebook_of(SETUP, *cells), tests, **config)

    def cases(self, source: str, test: str, **config: Any) -> tuple[Outcome, ...]:
        """Judge one cell and its check by one test file of the question q1."""
        found = self.cells(source, 'grader.check("q1")', tests={"q1": test}, **config)
        return found["q1"].cases
