"""What a student should see of an exception: its class, what it says, and their own lines.

Executed from source beside student code.
"""

import itertools
from collections.abc import Iterator
from types import TracebackType

from ..wire.protocol import Failure

MAX_MESSAGE = 2_000
MAX_FRAMES = 6


def describe_failure(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> Failure:
    """Return what a student should see of an exception: their own lines and the last sentence."""
    base = next((c for c in kind.__mro__ if c.__module__ == "builtins"), Exception)
    lines = list(itertools.islice(_student_lines(trace), 50))
    if isinstance(error.__cause__, BaseException):  # a kernel's own lines, from its interpreter
        lines += itertools.islice(_student_lines(error.__cause__.__traceback__), 50)
    lines = lines[:1] + lines[1:][1 - MAX_FRAMES :]  # where it began, and how it ended
    if isinstance(error, SyntaxError):
        lines.append(f"{_place(str(error.filename))}, line {error.lineno}: {error.text or ''}")
    try:
        message = str(error)
    except BaseException:  # noqa: BLE001 - an exception's own __str__ is student code
        message = "(its message could not be read)"
    name = str(getattr(kind, "__name__", "Exception"))[:100]
    return Failure(clean(name), clean(str(base.__name__)), clean(message[:MAX_MESSAGE]),
                   clean("\n".join(lines)[:MAX_MESSAGE]))  # fmt: skip


def describe_safely(kind: type[BaseException], error: BaseException) -> Failure:
    """Describe an exception whatever its class has made of its own attributes."""
    try:
        return describe_failure(kind, error, error.__traceback__)
    except BaseException:  # noqa: BLE001 - as above, it is student code all the way down
        return Failure("Exception", "Exception", "(it could not be described)", "")


def clean(text: str) -> str:
    """Return a text that can be encoded: half a character becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _place(filename: str) -> str:
    return filename.strip("<>").capitalize()


def _student_lines(trace: TracebackType | None) -> Iterator[str]:
    import linecache

    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename.startswith(("<cell ", "<kernel ")):
            line = linecache.getline(code.co_filename, trace.tb_lineno).strip()
            inside = "" if code.co_name == "<module>" else f", in {code.co_name}"
            yield f"{_place(code.co_filename)}, line {trace.tb_lineno}{inside}: {line}"
        trace = trace.tb_next
