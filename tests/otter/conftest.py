"""Where otter assignments are unpacked while tested, and one warm room to grade them in."""

import contextlib
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.grading.assemble import assemble
from grader.grading.judge import Engine, Request, judge
from grader.model import Assignment, Submission
from grader.reports import Report
from grader.sandbox import Worker
from grader.submissions.unpacking import FOLDER_VARIABLE

Files = tuple[tuple[str, str], ...]
# Imported once, and not by every child.
HEAVY = ("pandas", "datascience", "matplotlib.pyplot", "sympy", "torch")


class Room:
    """One warm worker, one for each assignment with files, and what judges each in them."""

    def __init__(self, start: Callable[[Files], Worker]) -> None:
        self._start = start
        self._worker = start(())
        self._engines: dict[tuple[Path, str], Engine] = {}

    def judge(self, assignment: Assignment, submission: Submission) -> Report:
        """Judge one submission; the rights are this process's own."""
        key = assignment.folder, assignment.sha256
        if key not in self._engines:
            worker = self._start(assignment.given) if assignment.given else self._worker
            self._engines[key] = assemble(assignment, {"cpu": worker})
        return judge(Request(submission), self._engines[key])


@pytest.fixture(scope="package")
def room() -> Iterator[Room]:
    heavy = tuple(name for name in HEAVY if importlib.util.find_spec(name.partition(".")[0]))

    def start(files: Files) -> Worker:
        # A worker with files serves one notebook or two, which import what they need themselves.
        imports = () if files else heavy
        return workers.enter_context(Worker(imports=imports, libraries=(), files=files))

    with contextlib.ExitStack() as workers:
        yield Room(start)


@pytest.fixture(scope="package", autouse=True)
def _unpacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(tmp_path_factory.mktemp("unpacked")))
        yield
