"""A file in TOML as its author left it: a table, or in one sentence what is wrong with it."""

import tomllib
from pathlib import Path
from typing import Any

from grader.errors import AssignmentError


def read(path: Path) -> dict[str, Any]:
    """Return the file's table; AssignmentError says why there is none, and what to do.

    A byte order mark, which some editors write, is passed over.
    """
    try:
        return tomllib.loads(text_of(path))
    except tomllib.TOMLDecodeError as problem:
        raise AssignmentError(f"{path} is no valid TOML: {problem}. Correct it there.") from problem


def text_of(path: Path) -> str:
    """Return the file's text; AssignmentError where it cannot be read, or is no UTF-8."""
    try:
        content = path.read_bytes()
    except OSError as problem:
        reason = problem.strerror or problem
        raise AssignmentError(f"{path} cannot be read: {reason}. Put a file there.") from problem
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise AssignmentError(
            f"{path}, line {line} is not in UTF-8; save the file in that encoding."
        ) from problem
