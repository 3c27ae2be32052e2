"""Why a name is not defined where a question is judged: the first cause, or the place it is in.

It reads the notebook and what its cells raised before any hidden input was seen, so that a student
may read all of it.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from grader import wording
from grader.course.notebooks import CodeCell, Notebook, names
from grader.course.notebooks.names import STAR, Binding
from grader.sandbox import Failure
from grader.sandbox.closed_network import tried_network

UNDEFINED = re.compile(r"name '(\w+)' is not defined")
PLACE = re.compile(r"Cell (\d+), line (\d+)(?::|, in )")
NOT_RUN = frozenset({"SyntaxError", "IndentationError", "TabError"})
LONGEST_ERROR = 300
SIMILAR = 0.8


def failures(
    found: Mapping[int, Failure | str], *, has_network: bool = True
) -> dict[int, "CellFailure"]:
    """Return what a session has said of failed cells, or what stopped them, in our own words."""
    return {
        number: CellFailure(number, one, is_stopped=True)
        if isinstance(one, str)
        else _failure(number, one, has_network=has_network)
        for number, one in sorted(found.items())
    }


def _failure(number: int, found: Failure, *, has_network: bool) -> "CellFailure":
    error = f"{found.type_name}: {found.message}".rstrip(": ")
    place = PLACE.match(found.traceback)
    ran = place is not None and place[1] == str(number) and found.builtin not in NOT_RUN
    line = int(place[2]) if ran and place is not None else 1
    return CellFailure(
        number, " ".join(error.split())[:LONGEST_ERROR], line, has_line=ran,
        needs_network=not has_network and tried_network(found),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class CellFailure:
    """How a cell failed: what it raised or was stopped by, and the last line that it came to.

    line: 1 where it is not known or none of the lines ran.
    """

    number: int
    error: str
    line: int = 1
    is_stopped: bool = False
    has_line: bool = True
    needs_network: bool = False

    def sentence(self) -> str:
        """Return it for whoever wrote the cell."""
        if self.is_stopped:
            return wording.cell_stopped(self.number, self.error)
        line = self.line if self.has_line else None
        said = wording.cell_raised(self.number, self.error, line)
        return f"{said} {wording.NETWORK_CLOSED}" if self.needs_network else said


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a name is not there, in words for its student; `cause` is the failure it goes back to."""

    text: str = ""
    cause: str = ""


class Whereabouts:
    """Where the names of a notebook are, for one question that is judged after some cells."""

    def __init__(
        self, notebook: Notebook, failures: Mapping[int, CellFailure], position: int
    ) -> None:
        self._notebook = notebook
        self._failures = failures
        self._position = position

    def undefined(self, error: str) -> Reason:
        """Return why the name is missing that an error names, if it names one."""
        found = UNDEFINED.search(error)
        return self.missing(found[1]) if found else Reason()

    def unwritten(self, name: str) -> Reason:
        """Return which other cells define a stub that is not written yet."""
        cells, position = self._notebook.cells, self._position
        ran = [cell.number for cell in cells[:position] if _binds(cell, name)]
        later = [cell.number for cell in cells[position:] if _binds(cell, name)]
        if later:
            return Reason(wording.defined_too_late(name, later[-1]))
        if len(ran) > 1:
            return Reason(wording.defined_twice(name, ran))
        return Reason(self._not_run(name) or "")

    def first_cause(self, wanted: tuple[str, ...]) -> str:
        """Return what keeps some names, or what they need, from being defined; "" for nothing.

        It is found by reading alone, so it is the same whatever a hidden input was.
        """
        seen: set[str] = set()
        left = list(wanted)
        while left:
            name = left.pop()
            if name in seen:
                continue
            seen.add(name)
            held = self._held.get(name)
            if held is not None:
                left.extend(held.uses)
            elif (failure := self._lost.get(name) or self._garbled(name)) is not None:
                return self._root(failure, set()).sentence()
        return ""

    def missing(self, name: str) -> Reason:
        """Return why the notebook does not define a name where the question is judged."""
        failure = self._lost.get(name)
        if failure is None and name not in self._held:
            place = self._elsewhere(name)
            if place is not None:
                return Reason(place)
            failure = self._lost.get(STAR) or self._garbled(name)
        if failure is None:
            similar = self._similar(name) if name not in self._held else None
            return Reason(similar or "")
        root = self._root(failure, set())
        text = " ".join(one.sentence() for one in dict.fromkeys((failure, root)))
        return Reason(text, root.sentence())

    def _root(self, failure: CellFailure, seen: set[int]) -> CellFailure:
        """Return the failure that came first of those that follow from one another."""
        seen.add(failure.number)
        found = UNDEFINED.search(failure.error)
        if found is None:
            return failure
        before = self._lost_before(failure.number)
        earlier = before.get(found[1]) or before.get(STAR)
        return failure if earlier is None or earlier.number in seen else self._root(earlier, seen)

    def _lost_before(self, number: int) -> dict[str, CellFailure]:
        return {name: one for name, one in self._lost.items() if one.number < number}

    @cached_property
    def _held(self) -> dict[str, Binding]:
        """What the cells have bound that ran up to the question, the last binding of each name."""
        found: dict[str, Binding] = {}
        for cell in self._notebook.cells[: self._position]:
            failure = self._failures.get(cell.number)
            for one in names.bindings(cell.source):
                if not one.inside and (failure is None or one.last_line < failure.line):
                    found[one.name] = one
        return found

    @cached_property
    def _lost(self) -> dict[str, CellFailure]:
        """What the lines would have bound that a failure kept from running, the first of each."""
        found: dict[str, CellFailure] = {}
        for cell in self._notebook.cells[: self._position]:
            failure = self._failures.get(cell.number)
            for one in names.bindings(cell.source) if failure is not None else ():
                if failure is not None and not one.inside and one.last_line >= failure.line:
                    found.setdefault(one.name, failure)
        return found

    def _elsewhere(self, name: str) -> str | None:
        """Return where a name is defined that no cell has defined in time, None for nowhere."""
        for cell in self._notebook.cells[self._position :]:
            if _binds(cell, name):
                return wording.defined_too_late(name, cell.number)
        place = self._not_run(name)
        if place is not None:
            return place
        for cell in self._notebook.cells[: self._position]:
            for one in names.bindings(cell.source):
                if one.name == name and one.inside:
                    return wording.defined_inside(name, cell.number, one.inside)
        return None

    def _not_run(self, name: str) -> str | None:
        """Return which text defines a name and is not run, None for none."""
        for cell in self._notebook.cells:
            path = names.written_to(cell.source)
            if path is not None and names.defines(cell.source, name):
                return wording.only_written(name, cell.number, path)
        before = 0
        for text in self._notebook.every:
            before = text.number or before
            if text.kind != "code" and names.defines(text.source, name):
                return wording.not_a_cell_of_code(name, text.kind, before)
        return None

    def _garbled(self, name: str) -> CellFailure | None:
        """Return how the first cell failed that is no Python and has the name somewhere in it."""
        word = re.compile(rf"\b{re.escape(name)}\b")
        for cell in self._notebook.cells[: self._position]:
            failure = self._failures.get(cell.number)
            if (
                failure is not None
                and word.search(cell.source)
                and not names.is_python(cell.source)
            ):
                return failure
        return None

    def _similar(self, name: str) -> str | None:
        near = difflib.get_close_matches(name, self._held, 1, SIMILAR)
        for cell in reversed(self._notebook.cells[: self._position]):
            if near and _binds(cell, near[0]):
                return wording.defined_alike(near[0], cell.number)
        return None


def _binds(cell: CodeCell, name: str) -> bool:
    return any(one.name == name and not one.inside for one in names.bindings(cell.source))
