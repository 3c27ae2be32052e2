"""Where otter assignments are unpacked while tested, and one warm room to grade them in."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.grading.assemble import assemble
from grader.grading.judge import Engine, Request, judge
from grader.model import Assignment, Report, Submission
from grader.sandbox import Worker
from grader.submissions.autograders import FOLDER_VARIABLE

HEAVY = ("pandas", "datascience", "matplotlib.pyplot")  # imported once, not by every child


class Room:
    """One warm worker, and what was put together to judge each assignment in it."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._engines: dict[tuple[Path, str], Engine] = {}

    def judge(self, assignment: Assignment, submission: Submission) -> Report:
        """Judge one submission; the rights are this process's own."""
        key = assignment.folder, assignment.sha256
        if key not in self._engines:
            self._engines[key] = assemble(assignment, {"cpu": self._worker})
        return judge(Request(submission), self._engines[key])


@pytest.fixture(scope="package")
def room() -> Iterator[Room]:
    names = [name for name in HEAVY if importlib.util.find_spec(name.partition(".")[0])]
    with Worker(imports=tuple(names)) as worker:
        yield Room(worker)


@pytest.fixture(scope="package", autouse=True)
def _unpacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(tmp_path_factory.mktemp("unpacked")))
        yield
