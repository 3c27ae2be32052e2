"""A notebook as grading sees it: all its cells, its code in order, what its cells are known by."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

IGNORE_TAG = "otter_ignore"  # otter's: a cell with it shows something and is not run for a grade
CHECK = re.compile(r"^[^#\n]*\b\w+\.check\(\s*[\"']([^\"'\n]+)[\"']", re.MULTILINE)
NOTEBOOK_NAME = re.compile(r"[\"']([^\"'\n/]+\.ipynb)[\"']")
BINDING = re.compile(
    r"^(?:async\s+def|def|class)\s+(\w+)|^(\w+)\s*(?::[^=\n]+)?=(?!=)", re.MULTILINE
)


class NotebookUnreadableError(Exception):
    """A student's file cannot be read as a notebook; the sentence says what it is instead."""


@dataclass(frozen=True, slots=True)
class CodeCell:
    """One code cell; `number` counts code cells from 1, as a student would."""

    number: int
    source: str
    checks: tuple[str, ...]
    ignored: bool = False  # by its tag; what a student has tagged is run all the same
    continues: bool = False  # whether it is the rest of a cell whose beginning is one of its own
    asked: tuple[str, ...] = ()  # checks after it that otter's metadata asks for


@dataclass(frozen=True, slots=True)
class Cell:
    """Any cell as it stands in the file; `number` is that of the code cell, 0 for other cells.

    ids: every name by which an editor may know it, the file format's own first.
    attachments: its pictures by name, as the file holds them.
    """

    kind: str  # "code", "markdown" or "raw"
    source: str
    ids: tuple[str, ...] = ()
    number: int = 0
    attachments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Notebook:
    """A submission's notebook: its code in order, and all its cells.

    assignment_name: which assignment it is for, by otter's metadata; None where that says nothing.
    """

    cells: tuple[CodeCell, ...]
    every: tuple[Cell, ...]
    heading: str | None
    assignment_name: str | None = None

    @property
    def prose(self) -> dict[str, str]:
        """The texts of its cells that are no code, by the first id of each."""
        texts = [cell for cell in self.every if cell.kind != "code"]
        return {
            cell.ids[0] if cell.ids else f"cell-{n}": cell.source for n, cell in enumerate(texts)
        }

    def check_position(self, *names: str) -> int:
        """Return how many cells run before a question is judged: up to its last check cell.

        names: every name by which a cell may check it.
        """
        found = [self._last_checks[name] for name in names if name in self._last_checks]
        return max(found, default=len(self.cells))

    @cached_property
    def _last_checks(self) -> dict[str, int]:
        """By question, how many cells run up to the last that checks it."""
        return {name: at for at, cell in enumerate(self.cells, 1) for name in cell.checks}

    def check_order(self, *names: str) -> tuple[int, int]:
        """Return where a question is judged, and which check of that cell is its."""
        position = self.check_position(*names)
        checks = self.cells[position - 1].checks if position else ()
        last = max((n for n, name in enumerate(checks) if name in names), default=len(checks))
        return position, last

    def binds(self, names: Iterable[str]) -> bool:
        """Say whether any code cell defines or assigns one of the names at its top level."""
        wanted = frozenset(names)
        return any(wanted.intersection(bound_names(cell.source)) for cell in self.cells)

    @property
    def file_named(self) -> str | None:
        """The notebook that its own code names first, which is itself where it sets otter up."""
        found = (NOTEBOOK_NAME.search(cell.source) for cell in self.cells)
        return next((one[1] for one in found if one), None)

    def seems_to_be(self) -> str:
        """Describe the notebook for a message: the file that it names, or its heading."""
        if self.file_named is not None:
            return f"it seems to be {self.file_named}"
        if self.heading:
            return f"its heading is “{self.heading}”"
        return f"it has {len(self.cells)} code cells and no heading"


def bound_names(source: str) -> set[str]:
    """Return what a cell defines or assigns at its top level, also where it is no valid Python."""
    return {one or other for one, other in BINDING.findall(source)}


def source_of(cell: Mapping[str, Any]) -> str:
    """Return the text of a cell as JSON holds it, in one string or in lines."""
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        try:
            return "".join(source)
        except TypeError:
            return "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""


def ids_of(cell: Mapping[str, Any]) -> tuple[str, ...]:
    """Return every id of a cell: the format's own, then those that editors keep beside it.

    Colab keeps `metadata.id`, Deepnote `metadata.cell_id`, nbgrader `metadata.nbgrader.grade_id`.
    """
    metadata = cell.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    nbgrader = metadata.get("nbgrader")
    nbgrader = nbgrader if isinstance(nbgrader, dict) else {}
    found = (cell.get("id"), metadata.get("id"), metadata.get("cell_id"), nbgrader.get("grade_id"))
    return tuple(dict.fromkeys(one for one in found if isinstance(one, str) and one))
