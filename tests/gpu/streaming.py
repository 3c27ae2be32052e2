"""Run one of the project's own commands, hear each line when it is written, end it in time."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable

from tests.gpu.setup import ROOT
from tests.gpu.steps import OutOfTimeError

GRACE_SECONDS = 15.0  # in which a command that is told to end leaves nothing behind


def grader(*arguments: str) -> list[str]:
    """Return a command line of this checkout's grader."""
    return [sys.executable, "-u", "-m", "grader", *arguments]


def run(command: list[str], deadline: float, on_line: Callable[[str], None]) -> int:
    """Return a command's exit status; OutOfTimeError where it would outlast the deadline.

    `on_line` gets each line that it writes, on either output.
    """
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        encoding="utf-8", errors="replace",
    )  # fmt: skip
    assert process.stdout is not None
    stream = process.stdout
    reader = threading.Thread(
        target=lambda: [on_line(line.rstrip()) for line in stream], daemon=True
    )
    reader.start()
    try:
        return process.wait(timeout=max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise OutOfTimeError(f"`{' '.join(command[2:5])} …`") from None
    finally:
        _end(process)
        reader.join()
        stream.close()


def _end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
