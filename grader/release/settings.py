"""The `[release]` table of `assignment.toml`."""

from dataclasses import dataclass

from grader.course import toml_file
from grader.errors import AssignmentError
from grader.model import Assignment
from grader.renderers.gradescope import VISIBILITIES

AFTER_PUBLISHED = "after_published"
KEYS = frozenset({"hidden_visibility"})


@dataclass(frozen=True, slots=True)
class ReleaseSettings:
    """When students see on Gradescope what became of the hidden cases: names and scores."""

    hidden_visibility: str


def read(assignment: Assignment) -> ReleaseSettings:
    """Read the table; AssignmentError names the key that is unknown or the value that is odd."""
    path = assignment.folder / "assignment.toml"
    table = toml_file.read(path).get("release", {})
    if not isinstance(table, dict):
        raise AssignmentError(f"{path}: [release] must be a table.")
    for key in table.keys() - KEYS:
        raise AssignmentError(f"{path}: [release] has an unknown key {key!r}; known are {', '.join(sorted(KEYS))}.")  # fmt: skip  # noqa: E501
    visibility = table.get("hidden_visibility", AFTER_PUBLISHED)
    if visibility not in VISIBILITIES:
        known = ", ".join(VISIBILITIES)
        raise AssignmentError(f"{path}: hidden_visibility is {visibility!r}; use one of {known}.")
    return ReleaseSettings(visibility)
