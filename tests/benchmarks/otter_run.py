"""What `otter run` takes for the same notebooks, two at a time, with the public tests only.

Otter gets the better of it: fewer tests, no sandbox, and no report of a class.
"""

import json
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from tests.benchmarks.classroom import Classroom
from tests.benchmarks.process import CommandFailedError, run, run_together

KERNEL_DID_NOT_START = "Kernel didn't respond"


@dataclass(frozen=True, slots=True)
class OtherGrader:
    """One timing of another grader: seconds a submission, with all jobs at work."""

    count: int
    each: float


class OtterRunner:
    """An autograder zip for a class's assignment, and the command that uses it."""

    name = "otter run"

    def __init__(self, classroom: Classroom, folder: Path, jobs: int) -> None:
        self._classroom = classroom
        self._folder = folder
        self._jobs = jobs
        self._otter = Path(sys.executable).with_name("otter")
        self._zip = folder / "autograder.zip"
        tests = classroom.assignment.folder / "tests"
        folder.mkdir(parents=True, exist_ok=True)
        run([self._otter, "generate", "-t", tests, "-o", self._zip, "--no-environment"],
            folder=folder)  # fmt: skip

    @property
    def version(self) -> str:
        """The version of otter."""
        return metadata.version("otter-grader")

    def run(self, sample: list[Path]) -> OtherGrader:
        """Grade a sample, each notebook by a command of its own, as otter is made for."""
        outs = [self._folder / f"out-{number}" for number in range(len(sample))]
        for out in outs:
            out.mkdir(exist_ok=True)
            (out / "results.json").unlink(missing_ok=True)
        commands = [
            [self._otter, "run", "-a", self._zip, "-o", out, "--no-logo", path]
            for out, path in zip(outs, sample, strict=True)
        ]
        try:
            seconds = run_together(commands, self._jobs, folder=self._folder)
        except CommandFailedError as problem:
            # Of two kernels that start at once, one may be given a port that the other has taken.
            if KERNEL_DID_NOT_START not in str(problem):
                raise
            seconds = run_together(commands, self._jobs, folder=self._folder)
        for out, path in zip(outs, sample, strict=True):
            _check_full_marks(out / "results.json", path)
        return OtherGrader(len(sample), seconds / len(sample))


def _check_full_marks(results: Path, notebook: Path) -> None:
    tests = json.loads(results.read_text(encoding="utf-8"))["tests"]
    scored = [test for test in tests if "score" in test]
    if not scored or any(test["score"] < test["max_score"] for test in scored):
        raise CommandFailedError(f"otter run took points from {notebook.name}, which is right.")
