"""What becomes of each key of `otter_config.json`, in words: for whoever plans, and for the page.

`config` decides; this asks it, a key at a time, and says what it decided.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from grader.course.otter import config
from grader.errors import AssignmentError


class Becomes(StrEnum):
    """What becomes of a key; what is refused keeps the assignment from being graded."""

    HONOURED = "honoured"
    IGNORED = "ignored"
    REFUSED = "refused"


MEANING = {
    "seed": "set for numpy.random and random before every cell",
    "seed_variable": "the name that is set to the seed before every cell, instead",
    "points_possible": "what all points together are worth in the total",
    "score_threshold": "the share of the points from which a submission is worth all of them",
    "assignment_name": "a notebook that names another assignment is not graded, and says so",
    "show_hidden": "students see hidden cases, and what their author tells of how they ended",
    "show_all_public": "Gradescope shows each case where all of them are public",
    "force_public_test_summary": "Gradescope shows public cases although hidden ones are shown",
    "show_stdout": "Gradescope shows the run's own output once grades are published",
    "plugins": "otter's plugins are not run; --ignore-plugins goes on, and every output says so",
    "grade_from_log": "a log is a pickle that the student's process wrote",
    "serialized_variables": "a log is a pickle that the student's process wrote",
    "lang": "only Python is graded",
}
REFUSED = frozenset({"plugins", "grade_from_log", "serialized_variables"})  # where they are set
MANY = 60  # characters of a value that are shown


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a configuration, and what becomes of it."""

    name: str
    value: str
    becomes: Becomes
    why: str


def read(stated: Mapping[str, Any], *, ignore_plugins: bool = False) -> list[Key]:
    """Return what becomes of each key that a configuration sets, in its order."""
    return [
        _key(name, value, ignore_plugins=ignore_plugins)
        for name, value in stated.items()
        if value is not None
    ]


def _key(name: str, value: Any, *, ignore_plugins: bool) -> Key:
    shown = "…" if name in config.SECRET else repr(value)[:MANY]
    try:
        found = config.rules({name: value}, ignore_plugins=ignore_plugins)
    except AssignmentError as problem:
        return Key(name, shown, Becomes.REFUSED, str(problem))
    if name in config.HONOURED:
        return Key(name, shown, Becomes.HONOURED, MEANING[name])
    said = [*found.stamps, *found.notes]
    return Key(name, shown, Becomes.IGNORED, said[0] if said else ignored(name))


def ignored(name: str) -> str:
    """Return why a key may be ignored."""
    if name in config.PDF:
        return config.NO_PDF
    if name in config.SECRET:
        return config.NO_UPLOAD
    return "it says how otter runs or prints, and decides no score"


def table(names: Iterable[str]) -> str:
    """Return the rows of the page's table: each key, what becomes of it where it is set, why."""
    rows = []
    for name in sorted(names):
        if name in config.HONOURED:
            becomes, why = Becomes.HONOURED, MEANING[name]
        elif name in REFUSED:
            becomes, why = Becomes.REFUSED, MEANING[name]
        else:
            becomes, why = Becomes.IGNORED, ignored(name)
        if name == "lang":
            becomes, why = Becomes.REFUSED, f'{MEANING[name]}: anything but "python" is refused'
        rows.append(f"| `{name}` | {becomes} | {why.rstrip('.')} |")
    return "\n".join(rows)
