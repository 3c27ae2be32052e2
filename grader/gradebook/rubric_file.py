"""`solutions/<slug>/rubric.toml`: what a rubric begins with, and what is wrong with one.

While a class is read, the store's rubric is the one that scores.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.course import toml_file
from grader.errors import AssignmentError
from grader.gradebook.rubrics import RubricItem
from grader.model import POINT_TOLERANCE, Assignment, Question
from grader.renderers.text import number

FILE_NAME = "rubric.toml"
KEYS = ("reference", "items")
ITEM_KEYS = ("name", "points", "comment")
MOST_POINTS = 1e9


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
    if not path.exists():
        return {}
    data = toml_file.read(path)
    graded = [question.name for question in questions if question.kind == "manual"]
    for name in data:
        if name not in graded:
            choices = f"use {', '.join(graded)}" if graded else "take it out"
            raise AssignmentError(
                f"{path} has a rubric for {name!r}, which is no question that a person grades; "
                f"{choices}."
            )
    return {name: _rubric(f"{path}: {name}", name, table) for name, table in data.items()}


def _rubric(where: str, question: str, table: Any) -> Rubric:
    if not isinstance(table, dict):
        raise AssignmentError(f"{where} must be a table; begin it with [{question}].")
    _known(where, table, KEYS)
    reference = table.get("reference", "")
    if not isinstance(reference, str):
        raise AssignmentError(f"{where}: reference must be text; put it in quotes.")
    stated = table.get("items", [])
    if not isinstance(stated, list):
        raise AssignmentError(
            f"{where}: items must be tables; begin each with [[{question}.items]]."
        )
    items = tuple(
        _item(f"{where}: item {place}", place, item) for place, item in enumerate(stated, 1)
    )
    _named_once(where, [item.name for item in items])
    return Rubric(items, reference.strip())


def _item(where: str, place: int, table: Any) -> RubricItem:
    if not isinstance(table, dict):
        raise AssignmentError(f"{where} must be a table with points and a comment; make it one.")
    _known(where, table, ITEM_KEYS)
    points: Any = table.get("points")
    comment = table.get("comment")
    is_number = isinstance(points, int | float) and not isinstance(points, bool)
    if not is_number or not abs(points) < MOST_POINTS:
        raise AssignmentError(f"{where} needs points, a number such as 0.5; write it.")
    if not isinstance(comment, str) or not comment.strip():
        raise AssignmentError(f"{where} needs a comment, text that its student reads; write it.")
    name = table.get("name", f"item-{place}")
    if not isinstance(name, str) or not name.strip():
        raise AssignmentError(f"{where} has a name that is no text; correct it or leave it out.")
    return RubricItem(name, float(points), comment.strip())


def _known(where: str, table: Mapping[str, Any], keys: Sequence[str]) -> None:
    for key in table:
        if key not in keys:
            raise AssignmentError(f"{where} has an unknown key {key!r}; use {', '.join(keys)}.")


def _named_once(where: str, names: Sequence[str]) -> None:
    name, count = next(iter(Counter(names).most_common(1)), ("", 0))
    if count > 1:
        places = [place for place, one in enumerate(names, 1) if one == name]
        raise AssignmentError(
            f"{where}: items {_and(places)} are both named {name!r}; rename one, or take it out."
        )


def _and(places: Sequence[int]) -> str:
    return f"{', '.join(map(str, places[:-1]))} and {places[-1]}"


def doubts(
    path: Path, questions: Sequence[Question], rubrics: Mapping[str, Rubric]
) -> Iterator[str]:
    """Yield what an author has hardly meant: points that do not add up, one comment given twice.

    A class can be read with it all the same, and its reader may have meant it.
    """
    for question in questions:
        items = rubrics[question.name].items if question.name in rubrics else ()
        where = f"{path}: {question.name}"
        most = question.points + POINT_TOLERANCE
        for place, item in enumerate(items, 1):
            if item.points > most:
                yield (
                    f"{where}: item {place} gives {number(item.points)} points, and the question "
                    f"is worth {number(question.points)}; lower it, or raise the question's points "
                    "in assignment.toml."
                )
        together = sum(item.points for item in items if item.points > 0)
        if items and together < question.points - POINT_TOLERANCE:
            yield (
                f"{where}: its items come to {number(together)} points together, and the question "
                f"is worth {number(question.points)}, so that nobody can have all of them; raise "
                "an item, or add one."
            )
        comments = [item.comment for item in items]
        for comment, count in Counter(comments).items():
            if count > 1:
                places = [place for place, one in enumerate(comments, 1) if one == comment]
                yield f"{where}: items {_and(places)} say the same; take one out, or change it."
