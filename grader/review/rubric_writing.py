"""How a rubric that was changed on the page is written for next year.

Comments of the file's author stay.
"""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from grader.course import text_file, toml_file
from grader.errors import AssignmentError
from grader.gradebook.rubric_file import Rubric
from grader.gradebook.rubrics import RubricItem


def write(path: Path, rubrics: Mapping[str, Rubric]) -> None:
    """Put these rubrics into the file in one step; what else it says stays.

    AssignmentError where somebody has made a mistake in it meanwhile.
    """
    if path.exists():
        document = _parsed(path)
    else:
        document = tomlkit.document()
        document.add(tomlkit.comment("Points and comments for written answers; `grader review`."))
    for question, rubric in rubrics.items():
        table = document.get(question)
        if not isinstance(table, dict):
            table = tomlkit.table()
            table.add("reference", tomlkit.string(rubric.reference, multiline=True))
            document[question] = table
        table["items"] = _tables(rubric.items)
    _replace(path, tomlkit.dumps(document))


def _parsed(path: Path) -> tomlkit.TOMLDocument:
    toml_file.read(path)
    try:
        return tomlkit.parse(text_file.read(path))
    except TOMLKitError as problem:
        raise AssignmentError(f"{path} is no valid TOML: {problem}. Correct it there.") from problem


def _tables(items: Sequence[RubricItem]) -> Any:
    tables = tomlkit.aot()
    for item in items:
        table = tomlkit.table()
        table.add("name", item.name)
        table.add("points", int(item.points) if item.points.is_integer() else item.points)
        table.add("comment", item.comment)
        tables.append(table)
    return tables


def _replace(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
