"""A file of text as its author left it, or in one sentence what keeps it from being read."""

from pathlib import Path

from grader.errors import AssignmentError


def read(path: Path) -> str:
    """Return the file's text; AssignmentError where it cannot be read, or is no UTF-8.

    A byte order mark, which some editors write, is passed over.
    """
    try:
        content = path.read_bytes()
    except OSError as problem:
        reason = problem.strerror or problem
        raise AssignmentError(f"{path} cannot be read: {reason}. Put a file there.") from problem
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise AssignmentError(
            f"{path}, line {line} is not in UTF-8; save the file in that encoding."
        ) from problem
