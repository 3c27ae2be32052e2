"""`solutions/<slug>/rubric.toml`: where a rubric comes from, and where it is written for next year.

While a class is read, the store's rubric is the one that scores. Each change is written back here,
comments of the file's author included.
"""

import os
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from grader.errors import AssignmentError
from grader.gradebook.rubrics import RubricItem, check
from grader.model import Assignment, Question

FILE_NAME = "rubric.toml"


@dataclass(frozen=True, slots=True)
class Rubric:
    """What a file says of one question."""

    items: tuple[RubricItem, ...]
    reference: str = ""


def path_of(assignment: Assignment | None) -> Path | None:
    """Return where the rubric lies; None where the solutions are not there."""
    if assignment is None or assignment.solutions is None:
        return None
    return assignment.solutions / FILE_NAME


def plain(question: Question) -> Rubric:
    """Return a rubric to begin with: right, half right, and not answered."""
    return Rubric((
        RubricItem("right", question.points, "Right, with its reason."),
        RubricItem("half", question.points / 2, "Half of it is right."),
        RubricItem("not-answered", 0.0, "This does not answer the question."),
    ))  # fmt: skip


def read(path: Path, questions: Sequence[Question]) -> dict[str, Rubric]:
    """Return the rubric of each question that the file has; AssignmentError says what is wrong."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise AssignmentError(f"{path} cannot be read: {problem}. Correct it.") from problem
    known = {question.name for question in questions if question.kind == "manual"}
    strange = sorted(set(data) - known)
    if strange:
        raise AssignmentError(
            f"{path} has a rubric for {', '.join(strange)}, which no person grades; rename it."
        )
    return {name: _rubric(path, name, table) for name, table in data.items()}


def _rubric(path: Path, question: str, table: Any) -> Rubric:
    stated = table.get("items", []) if isinstance(table, dict) else None
    if not isinstance(stated, list):
        raise AssignmentError(f"{path}: {question} needs [[{question}.items]] tables; add them.")
    items = []
    for number, item in enumerate(stated, 1):
        points = item.get("points") if isinstance(item, dict) else None
        if not isinstance(points, int | float) or not isinstance(item.get("comment"), str):
            raise AssignmentError(
                f"{path}: item {number} of {question} needs points and a comment; add them."
            )
        name = str(item.get("name", f"item-{number}"))
        items.append(RubricItem(name, float(points), item["comment"].strip()))
    check(items)
    return Rubric(tuple(items), str(table.get("reference", "")).strip())


def write(path: Path, rubrics: Mapping[str, Rubric]) -> None:
    """Put these rubrics into the file in one step; what else it says stays."""
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        document = tomlkit.document()
        document.add(tomlkit.comment("Points and comments for written answers; `grader review`."))
    for question, rubric in rubrics.items():
        table = document.get(question)
        if table is None:
            table = tomlkit.table()
            table.add("reference", tomlkit.string(rubric.reference, multiline=True))
            document[question] = table
        table["items"] = _tables(rubric.items)
    _replace(path, tomlkit.dumps(document))


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
