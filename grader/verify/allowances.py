"""Read `solutions/<slug>/verify.toml`: what verifying must not complain about, with reasons.

`[[equivalent]]` names mutants that no test can or should notice, by `function`, `before` and
`after` (the changed lines; all three may hold * and ?) with a `reason`. `[[accepted]]` is the same
for survivors that are not equivalent: they count against the kill rate. `[[shared]]` names a
`text`, a line or a number, that the lesson itself tells, with a `reason`. `[[interchangeable]]`
names a `function` of the reference and whole numbers, its `values`, of which any does as well as
another (the sizes of a tile), with a `reason`: a right solution is made with each put for the next.
`[[earns]]` lets a standard `attacker`, by the name that `verify` gives it, have some `points` of a
`question`, with a `reason`: what its tests can ask for is then less than an answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from grader.course import toml_file
from grader.errors import AssignmentError
from grader.model import Assignment

FILE_NAME = "verify.toml"
MUTANT_KEYS = {"function", "before", "after", "reason"}
KEYS = {
    "equivalent": MUTANT_KEYS,
    "accepted": MUTANT_KEYS,
    "shared": {"text", "reason"},
    "interchangeable": {"function", "values", "reason"},
    "earns": {"attacker", "question", "points", "reason"},
}
NUMBERS = {
    "values": "values must be a list of two or more different whole numbers",
    "points": "points must be a number above 0",
}


@dataclass(frozen=True, slots=True)
class Explained:
    """A mutant, or a pattern of mutants, that survives, and why."""

    function: str
    before: str
    after: str
    reason: str
    is_equivalent: bool = True

    def matches(self, function: str, before: str, after: str) -> bool:
        """Say whether a mutant is meant: its function, and the changed lines before and after."""
        pairs = ((function, self.function), (before, self.before), (after, self.after))
        # Brackets are code here, not a choice of characters.
        return all(
            text == wanted or fnmatchcase(text, wanted.replace("[", "[[]"))
            for text, wanted in pairs
        )


@dataclass(frozen=True, slots=True)
class Interchangeable:
    """Numbers in a function of the reference of which any does as well as another."""

    function: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Earned:
    """Points of a question that a standard attacker may have."""

    attacker: str
    question: str
    points: float


@dataclass(frozen=True, slots=True)
class Allowances:
    """What an assignment's staff have looked at and found to be right."""

    survivors: tuple[Explained, ...] = ()
    shared: tuple[str, ...] = ()
    interchangeable: tuple[Interchangeable, ...] = ()
    earned: tuple[Earned, ...] = ()

    def earned_by(self, attacker: str, question: str) -> Earned | None:
        """Return what an attacker may have of a question, if anything."""
        found = (e for e in self.earned if (e.attacker, e.question) == (attacker, question))
        return next(found, None)


def read(assignment: Assignment) -> Allowances:
    """Read the allowances; AssignmentError names the entry that has no reason."""
    if assignment.solutions is None:
        return Allowances()
    path = assignment.solutions / FILE_NAME
    if not path.is_file():
        return Allowances()
    table = toml_file.read(path)
    for unknown in table.keys() - KEYS.keys():
        choices = ", ".join(KEYS)
        raise AssignmentError(f"{path}: unknown table {unknown!r}; use {choices}.")
    return Allowances(
        (
            *_explained(_entries(table, "equivalent", path), is_equivalent=True),
            *_explained(_entries(table, "accepted", path), is_equivalent=False),
        ),
        tuple(entry["text"] for entry in _entries(table, "shared", path)),
        tuple(
            Interchangeable(entry["function"], tuple(entry["values"]))
            for entry in _entries(table, "interchangeable", path)
        ),
        tuple(
            Earned(entry["attacker"], entry["question"], float(entry["points"]))
            for entry in _entries(table, "earns", path)
        ),
    )


def _explained(entries: list[dict[str, Any]], *, is_equivalent: bool) -> Iterator[Explained]:
    for item in entries:
        yield Explained(
            item["function"], item["before"], item["after"], item["reason"], is_equivalent
        )


def _entries(table: dict[str, Any], kind: str, path: Path) -> list[dict[str, Any]]:
    entries = table.get(kind, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise AssignmentError(f"{path}: {kind} must be tables; begin each with [[{kind}]].")
    for number, entry in enumerate(entries, 1):
        texts = [value for key, value in entry.items() if key not in NUMBERS]
        said = all(isinstance(value, str) and value.strip() for value in texts)
        if entry.keys() != KEYS[kind] or not said:
            wanted = ", ".join(sorted(KEYS[kind]))
            form = "" if KEYS[kind] & NUMBERS.keys() else ", as text"
            raise AssignmentError(f"{path}: [[{kind}]] number {number} needs {wanted}{form}.")
        for key in entry.keys() & NUMBERS.keys():
            is_right = _are_different_numbers if key == "values" else _is_above_zero
            if not is_right(entry[key]):
                raise AssignmentError(f"{path}: [[{kind}]] number {number}: {NUMBERS[key]}.")
    return entries


def _is_above_zero(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _are_different_numbers(values: Any) -> bool:
    return (
        isinstance(values, list)
        and all(type(value) is int for value in values)
        and len(set(values)) == len(values) > 1
    )
