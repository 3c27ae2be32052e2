"""What a command costs before it does anything, beside what Python and torch cost alone."""

import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import ours
from tests.benchmarks.classroom import Classroom
from tests.benchmarks.process import (
    CommandFailedError,
    Finished,
    environment,
    grader_command,
    run,
)
from tests.benchmarks.spread import Spread, paired

SAID = {
    "ready": re.compile(r"ready in ([\d.]+) s: 1 to grade"),
    "parts": re.compile(r"much is done at once: (.*)"),
    "graded": re.compile(r"^(1 of 1) graded"),
}


@dataclass(frozen=True, slots=True)
class StartUp:
    """A command's seconds, a bare one's, and the ratio pair by pair; also of processor time."""

    what: str
    beside: str
    seconds: Spread
    bare: Spread
    ratio: Spread
    processor: Spread  # ratio


@dataclass(frozen=True, slots=True)
class Phases:
    """Where the seconds of one `grader grade` of one notebook go, one after the other."""

    command: float  # Python, the command line, the assignment, collecting
    start: float  # what a grader process still takes, which has begun before the command line
    judging: float  # the reference, then the notebook
    end: float  # outputs, and whatever is waited for
    at_once: str  # what the start is made of, as the command says


def phases(one: Classroom, out: Path) -> Phases:
    """Watch one command by what it says of itself, and when."""
    shutil.rmtree(out, ignore_errors=True)
    command = [*grader_command(), "--debug", *ours.arguments(one, out, jobs=1)]
    began, seen = time.perf_counter(), {}
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          env=environment(), text=True) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            for key, pattern in SAID.items():
                if found := pattern.search(line):
                    seen[key] = (time.perf_counter() - began, found[1])
    whole = time.perf_counter() - began
    if process.returncode or set(seen) != set(SAID):
        raise CommandFailedError(f"{command} ended with {process.returncode}, and said {seen}")
    ready, graded = seen["ready"][0], seen["graded"][0]
    waited = float(seen["ready"][1])
    return Phases(ready - waited, waited, graded - ready, whole - graded, seen["parts"][1])


def measure(one: Classroom, out: Path, runs: int) -> list[StartUp]:
    """Time `grader --help` and `grader grade` of one notebook, in turn with bare commands."""
    helps, passes, grades, imports = [], [], [], []
    for _ in range(runs + 1):
        passes.append(run([sys.executable, "-c", "pass"]))
        helps.append(run([*grader_command(), "--help"]))
        imports.append(run([sys.executable, "-c", "import torch"]))
        grades.append(ours.grade(one, out, jobs=1).process)
    rows = (
        ("`grader --help`", "`python -c pass`", helps, passes),
        ("`grader grade` of one notebook", '`python -c "import torch"`', grades, imports),
    )
    # The first of each filled the machine's file cache.
    return [_compared(what, beside, mine[1:], bare[1:]) for what, beside, mine, bare in rows]


def _compared(what: str, beside: str, mine: list[Finished], bare: list[Finished]) -> StartUp:
    seconds, bare_seconds = [one.seconds for one in mine], [one.seconds for one in bare]
    work, bare_work = [one.processor for one in mine], [one.processor for one in bare]
    return StartUp(
        what, beside, Spread.of(seconds), Spread.of(bare_seconds),
        paired(seconds, bare_seconds), paired(work, bare_work),
    )  # fmt: skip
