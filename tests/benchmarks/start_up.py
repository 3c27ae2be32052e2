"""What a command costs before it does anything, beside what Python and torch cost alone."""

import sys
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import ours
from tests.benchmarks.classroom import Classroom
from tests.benchmarks.process import grader_command, run
from tests.benchmarks.spread import Spread, paired


@dataclass(frozen=True, slots=True)
class StartUp:
    """A command's seconds, a bare one's, and the ratio pair by pair."""

    what: str
    beside: str
    seconds: Spread
    bare: Spread
    ratio: Spread


def measure(one: Classroom, out: Path, runs: int) -> list[StartUp]:
    """Time `grader --help` and `grader grade` of one notebook, in turn with bare commands."""
    helps, passes, grades, imports = [], [], [], []
    for _ in range(runs + 1):
        passes.append(run([sys.executable, "-c", "pass"]).seconds)
        helps.append(run([*grader_command(), "--help"]).seconds)
        imports.append(run([sys.executable, "-c", "import torch"]).seconds)
        grades.append(ours.grade(one, out, jobs=1).process.seconds)
    rows = (
        ("`grader --help`", "`python -c pass`", helps, passes),
        ("`grader grade` of one notebook", '`python -c "import torch"`', grades, imports),
    )
    # The first of each filled the machine's file cache.
    return [
        StartUp(what, beside, Spread.of(mine[1:]), Spread.of(bare[1:]), paired(mine[1:], bare[1:]))
        for what, beside, mine, bare in rows
    ]
