"""A command in this process, which has imported everything already: for tests of what it does.

That `grader` starts as a process of its own is for a few tests to show; each start costs seconds.
Where other tests run beside it, a command finds as many cores as it would keep busy: one.
"""

import contextlib
import io
import subprocess
import sys
from pathlib import Path

import pytest

from grader import machine
from grader.commands.main import main
from tests.support import sharing

COLUMNS = 160


def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end as `python -m grader` does, and return what it said."""
    words = list(map(str, arguments))
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.chdir(cwd or Path.cwd()),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["grader", *words])
        patch.setenv("COLUMNS", str(COLUMNS))
        patch.setattr(machine, "usable_cores", sharing.jobs)
        try:
            main()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
    return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())
