"""Bring a child to where the first cells of a notebook have run, as often as it takes.

This module knows sessions, deadlines, cells that end their child and cells that raise. It knows no
test: whoever is about to show children what a student must not read says so by `stop_listening`,
and of what a child says from then on no word is kept.
"""

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from grader import wording
from grader.course.notebooks import CodeCell, Notebook
from grader.errors import WorkerError
from grader.model import Limits, Status
from grader.sandbox import CellResult, ChildEnded, Failure, Session, Worker, writing
from grader.sandbox.endings import EndedBy
from grader.sandbox.patience import WALL, took_too_long
from grader.sandbox.session import ToRun

# What a module says that stands in for a platform's, in a cell's own output.
STANDS_IN = re.compile(r"[\w.]{1,80} does nothing while the notebook is graded\.")
MOST_OUTPUT = 10_000  # characters that are searched for it
AT_ONCE = 64 * 1024  # characters of cells that are sent together


class Phases(dict[str, float]):
    """Seconds by what they were spent on."""

    def spent_on(self, name: str) -> "_Spent":
        """Return what counts the time that is spent within it."""
        return _Spent(self, name)


class _Spent:
    __slots__ = ("_name", "_phases", "_started")

    def __init__(self, phases: Phases, name: str) -> None:
        self._phases, self._name = phases, name

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_exc: object) -> None:
        spent = time.perf_counter() - self._started
        self._phases[self._name] = self._phases.get(self._name, 0.0) + spent


@dataclass(frozen=True, slots=True)
class Script:
    """What is replayed: a notebook, the seed of its randomness, the sources that are skipped."""

    notebook: Notebook
    seed: int
    skipped: frozenset[str] = field(default=frozenset({""}))
    files: tuple[tuple[str, bytes], ...] = ()  # a student's own, beside the notebook
    before: str = ""  # what is run before every cell
    tells: tuple[str, ...] = ()  # names of functions that are asked for after cells


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why a cell, or a part of one, is run no more: how it has ended a child."""

    reason: str
    by: EndedBy


# By the cell's number, a part's source, and how many equal parts of the cell come before it.
CellsLeftOut = dict[tuple[int, str, int], LeftOut]


class Replay:
    """One child at a time that has run a notebook up to some cell.

    left_out: cells that ended a child when the same notebook was run before, which are not run
    again; those that do so now are added.
    """

    def __init__(
        self,
        script: Script,
        worker: Worker,
        limits: Limits,
        phases: Phases,
        left_out: CellsLeftOut | None = None,
    ) -> None:
        self._script = script
        self._worker = worker
        self._limits = limits
        self._phases = phases
        self._deadline = time.monotonic() + WALL * limits.submission_seconds
        self._processor = limits.submission_seconds  # seconds of processor time that are left
        self._session: Session | None = None
        self._position = 0  # cells that the current child has run
        self._known = {} if left_out is None else left_out
        self._keys = list(_keys(script.notebook.cells))
        # By position.
        self._left_out = {
            at: self._known[key] for at, key in enumerate(self._keys, 1) if key in self._known
        }
        self._raised: dict[int, Failure] = {}  # cell number: the exception that it ended with
        self._met: dict[int, Failure] = {}  # the same, also where a child is not listened to
        self._has_seen = False  # whether the current child has been shown what is hidden
        self._broken_off: set[int] = set()  # numbers of cells that have raised in this child
        self.checked: dict[int, tuple[tuple[str, int], ...]] = {}  # by position: names and lines
        self._notes = [
            _told(self._keys[at - 1][0], one.reason) for at, one in self._left_out.items()
        ]
        self._listens = True
        self.cases = 0  # that the current child has been asked

    @property
    def session(self) -> Session:
        """The current child's session; WorkerError where there is none."""
        if self._session is None:
            raise WorkerError("There is no child to ask; this is a fault of the grader.")
        return self._session

    @property
    def position(self) -> int:
        """How many cells the current child has run; -1 where there is none."""
        return self._position if self._session is not None else -1

    def sources(self, start: int, end: int) -> list[str]:
        """Return the sources of the cells from one position to another, but for skipped ones."""
        cells = [cell.source.strip() for cell in self._script.notebook.cells[start:end]]
        return [source for source in cells if source not in self._script.skipped]

    def run_to(self, position: int) -> None:
        """Have the first `position` cells run and no other, in a fresh child where that takes one.

        A cell that ends its child is left out from then on. ChildEnded where the whole submission
        is out of time.
        """
        if self._position > position:
            self.end_child()
        while self._position < position or self._session is None:
            if self._session is None:
                self._start_child()
            if self._position >= position:
                return
            self._run(self._due(position))

    def _due(self, position: int) -> list[tuple[int, CodeCell]]:
        """Return cells that the child is to run next, with the position after each.

        No more than the child's socket holds, so that nobody waits for room; and no rest of a cell
        together with its beginning, since it is not run where that raises.
        """
        found: list[tuple[int, CodeCell]] = []
        room = AT_ONCE
        cells = self._script.notebook.cells[self._position : position]
        for after, cell in enumerate(cells, self._position + 1):
            is_run = after not in self._left_out and cell.number not in self._broken_off
            if not is_run or cell.source.strip() in self._script.skipped:
                continue
            room -= len(cell.source) + len(self._script.before)
            if found and (room < 0 or cell.continues):
                return found
            found.append((after, cell))
        if not found:
            self._position = position
        return found

    def has_checked(self, names: Iterable[str]) -> bool:
        """Say whether the last cell has checked a question, where its text says that it does."""
        at = self._position
        cell = self._script.notebook.cells[at - 1] if at else None
        wanted = set(names).intersection(cell.checks if cell is not None else ())
        if not wanted or cell is None or cell.source == "pass" or at in self._left_out:
            return True
        return any(name in wanted for name, _ in self.checked.get(at, ()))

    def end_child(self) -> None:
        """End the current child, if there is one; the next cells run in a fresh one."""
        if self._session is not None:
            with self._phases.spent_on("end"):
                self._session.close()
                self._processor -= self._session.processor_seconds()
                self._session = None

    def stop_listening(self) -> None:
        """Keep no word of a child from now on: the current one is about to see a hidden input."""
        self._listens = False
        self._has_seen = self._session is not None

    def start_again(self) -> None:
        """Give the cells their whole time once more, as they may have to run once more."""
        limit = self._limits.submission_seconds
        if self._session is not None:
            used = limit - self._processor + self._session.processor_seconds()
            is_late = time.monotonic() > self._deadline - WALL * limit / 2
            if is_late or used > limit / 2:
                self.end_child()
        self._deadline = time.monotonic() + WALL * limit
        self._processor = limit

    def note(self, said: str) -> None:
        """Note what staff should know of the children."""
        self._notes.append(said)

    def take_notes(self) -> list[str]:
        """Return what staff should know of the children since the last time."""
        notes, self._notes = self._notes, []
        return notes

    @property
    def failed(self) -> dict[int, Failure | str]:
        """What cells raised, or what stopped them, by number: before any hidden input was seen."""
        cells = self._script.notebook.cells
        left_out = {cells[at - 1].number: one.reason for at, one in self._left_out.items()}
        return {**self._raised, **left_out}

    @property
    def left_out_by(self) -> set[EndedBy]:
        """What has ended the children in which cells ran that are left out."""
        return {one.by for one in self._left_out.values()}

    @property
    def met(self) -> dict[int, Failure | str]:
        """The same for staff: also of children that are not listened to, before they saw it."""
        return {**self._met, **self.failed}

    def _start_child(self) -> None:
        if reason := self._out_of_time():
            by = EndedBy.PROCESSOR if self._processor <= 0 else EndedBy.DELAY
            raise ChildEnded(Status.TIMEOUT, reason, by)
        with self._phases.spent_on("start"):
            self._has_seen = False
            self._session = self._worker.session(
                self._limits,
                deadline=self._deadline,
                processor=self._processor,
                seed=self._script.seed,
            )
        self._session.tells = [*self._script.tells]
        self._position = 0
        self.cases = 0
        self._broken_off = set()
        for name, content in self._script.files:
            for source in writing.cells(name, content):
                failure = self._session.run_cell(source, 0).failure
                if failure is not None:
                    said = f"{failure.type_name}: {failure.message}"
                    self._notes.append(f"{name} could not be put beside the notebook ({said})")
                    break

    def _out_of_time(self) -> str:
        """Return why the whole submission may not go on, or ""."""
        has_time = self._processor > 0 and time.monotonic() < self._deadline
        return "" if has_time else took_too_long("the notebook", self._limits.submission_seconds)

    def _run(self, due: list[tuple[int, CodeCell]]) -> None:
        sent = [part for _after, cell in due for part in self._parts(cell)]
        results = self.session.run_cells(sent)
        for after, cell in due:
            self._position = after
            try:
                with self._phases.spent_on("cells"):
                    for _part in self._parts(cell):
                        result = next(results)
            except ChildEnded as end:
                self._leave_out(cell, end)
                return
            self._note(cell, result)

    def _parts(self, cell: CodeCell) -> list[ToRun]:
        """Return what is run for a cell; the cell itself comes last."""
        has_none = cell.continues or cell.source.startswith("%%")
        before = [] if has_none or not self._script.before else [ToRun(self._script.before, 0)]
        return [*before, ToRun(cell.source, cell.number, cell.continues)]

    def _leave_out(self, cell: CodeCell, end: ChildEnded) -> None:
        """Have no further child run a cell that has ended one; ChildEnded where time is out.

        A cell that crashes after a case may do so by what the case has done to its memory: it is
        run once more in a fresh child, and left out if it ends that one as well.
        """
        position, cases = self._position, self.cases
        self.end_child()
        if self._out_of_time():
            raise end
        if cases and end.by is EndedBy.CRASH:
            self._notes.append(
                f"cell {cell.number} ended its child ({end.reason}) after {cases} cases; run once "
                "more in a fresh child"
            )
            return
        reason = end.reason if self._listens else wording.plain_end(end.status)
        found = self._known[self._keys[position - 1]] = LeftOut(reason, end.by)
        self._left_out[position] = found
        self._notes.append(_told(cell.number, end.reason))

    def _note(self, cell: CodeCell, result: CellResult) -> None:
        self.checked[self._position] = result.checked
        if result.failure is not None:
            self._broken_off.add(cell.number)
        if result.failure is not None and not self._has_seen:
            self._met[cell.number] = result.failure
        if self._listens:
            said = dict.fromkeys(result.output[:MOST_OUTPUT].splitlines())
            stands_in = filter(STANDS_IN.fullmatch, said)
            self._notes += [f"cell {cell.number}: {line}" for line in stands_in]
            if result.failure is not None:
                self._raised[cell.number] = result.failure


def _told(number: int, reason: str) -> str:
    return f"cell {number} ended its child ({reason}); judged in a fresh child without it"


def _keys(cells: Iterable[CodeCell]) -> Iterator[tuple[int, str, int]]:
    equal: Counter[tuple[int, str]] = Counter()
    for cell in cells:
        yield cell.number, cell.source, equal[cell.number, cell.source]
        equal[cell.number, cell.source] += 1
