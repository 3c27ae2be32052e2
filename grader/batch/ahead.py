"""The one grader process that a command starts before it knows what there is to judge.

Its imports, its worker's and the proof of isolation take most of a second or two. They need little
of what the command finds out meanwhile: which notebooks there are, and who handed them in.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from grader.batch.grader_process import Call, GraderProcess
from grader.sandbox.levels import cgroup

_waiting: GraderProcess | None = None


@contextlib.contextmanager
def started() -> Iterator[None]:
    """Start the process, and end it where nobody has taken it."""
    global _waiting  # noqa: PLW0603 - a command has one, and knows no other way to hand it on
    cgroup.delegated()  # before it starts, which is then born where it may be capped
    _waiting = GraderProcess()
    try:
        yield
    finally:
        process = take()
        if process is not None:
            _end(process)


def begin(function: Any, *arguments: Any) -> None:
    """Have the process call a function for what it leaves behind; nothing where there is none."""
    if _waiting is not None:
        call: Call = (function, arguments, {})
        _waiting.begin(call)


def take() -> GraderProcess | None:
    """Return the process for good, to whoever asks first."""
    global _waiting
    process, _waiting = _waiting, None
    return process


def _end(process: GraderProcess) -> None:
    """End the process whatever it is doing."""
    process.terminate()
    process.kill()
    process.end()
