"""Grader processes that stay from step to step, and what is asked of them within a step's time."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, as_completed, wait
from dataclasses import dataclass
from typing import Any

from grader.batch import process
from grader.batch.messages import Facts, ProcessSettings
from grader.batch.pool import LocalProcesses, local_pool
from grader.errors import WorkerError
from grader.model import Assignment
from grader.reports import Control
from tests.gpu.setup import Setup
from tests.gpu.steps import Log, OutOfTimeError


@dataclass(frozen=True, slots=True)
class Room:
    """Grader processes of one assignment and kind, and what the first one found at its start."""

    pool: LocalProcesses
    settings: ProcessSettings
    facts: Facts

    def demand_device(self) -> None:
        """Raise WorkerError where these grader processes were to use a GPU and cannot."""
        if self.settings.judges == "cuda" and self.facts.gpu_fault:
            raise WorkerError(self.facts.gpu_fault)


class Rooms:
    """Every room that is open; those with work that overran its time are taken apart."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._open: dict[tuple[str, str], Room] = {}
        self._stack = contextlib.ExitStack()
        self.facts: Facts | None = None  # of the latest room for a GPU
        self.controls: dict[tuple[str, tuple[str, ...]], Control] = {}  # by slug and questions

    def enter(
        self, assignment: Assignment, judges: str, log: Log, *, most: int | None = None
    ) -> Room:
        """Return the processes for an assignment's CPU or GPU questions, started if they are not.

        As many as a batch would start, and at most `most`.
        """
        key = (assignment.slug, judges)
        if key not in self._open:
            processes = self._setup.processes(assignment, judges)
            pool = self._stack.enter_context(local_pool(min(processes, most or processes), judges))
            settings = self._setup.settings(assignment, judges)
            try:
                facts = _first_started(pool, settings, log)
            except TimeoutError:
                pool.kill()
                raise OutOfTimeError(
                    f"the grader processes of {assignment.slug} for the {judges}"
                ) from None
            except BaseException:
                pool.kill()
                raise
            self._open[key] = Room(pool, settings, facts)
            if judges == "cuda":
                self.facts = facts
        return self._open[key]

    def collect(self, asked: Iterable["Asked"], log: Log) -> Iterator["Asked"]:
        """Yield what comes in time; leave the rest out by name, and end its grader processes."""
        waiting = {item.future: item for item in asked}
        while waiting:
            left = max(0.0, log.seconds_left())
            done = wait(waiting, timeout=left, return_when=FIRST_COMPLETED).done
            if not done:
                for item in waiting.values():
                    log.leave_out(item.name)
                for room in {id(item.room): item.room for item in waiting.values()}.values():
                    self.leave(room)
                return
            for future in done:
                yield waiting.pop(future)

    def ask(self, room: Room, what: str, log: Log, function: Callable[..., Any], *args: Any) -> Any:
        """Return what one process makes of a call; OutOfTimeError with `what` where it overruns."""
        future = room.pool.submit(function, room.settings, *args)
        wait([future], timeout=max(0.0, log.seconds_left()))
        if not future.done():
            self.leave(room)
            raise OutOfTimeError(what)
        return future.result()

    def leave(self, room: Room) -> None:
        """End a room's grader processes at once."""
        room.pool.kill()
        self._open = {key: item for key, item in self._open.items() if item is not room}

    def close(self) -> None:
        """End every grader process, whatever it is doing."""
        for room in list(self._open.values()):
            self.leave(room)
        self._stack.close()


@dataclass(frozen=True, slots=True)
class Asked:
    """Something that a grader process was asked: what for people, the answer, and who takes it."""

    name: str
    room: Room
    future: "Future[Any]"
    take: Callable[[Any], None]


def _first_started(pool: LocalProcesses, settings: ProcessSettings, log: Log) -> Facts:
    """Return what the first process to start found; the error of the last where none starts."""
    starts = [pool.submit(process.start, settings) for _ in range(pool.slots)]
    for future in as_completed(starts, timeout=max(0.0, log.seconds_left())):
        if future.exception() is None:
            break
    return future.result()
