"""A file in TOML as its author left it: a table, or in one sentence what is wrong with it."""

import tomllib
from pathlib import Path
from typing import Any

from grader.course import text_file
from grader.errors import AssignmentError


def read(path: Path) -> dict[str, Any]:
    """Return the file's table; AssignmentError says why there is none, and what to do."""
    try:
        return tomllib.loads(text_file.read(path))
    except tomllib.TOMLDecodeError as problem:
        raise AssignmentError(f"{path} is no valid TOML: {problem}. Correct it there.") from problem
