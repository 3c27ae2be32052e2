"""Lanes that stay open from step to step, and what is asked of them within a step's time."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any

from grader import lane
from grader.batch import local_pool
from grader.model import Assignment, Control
from grader.pool import LanePool

from .setup import Setup
from .steps import Log, OutOfTimeError


@dataclass(frozen=True, slots=True)
class Room:
    """Lanes of one assignment and kind, and what the first of them found at its start."""

    pool: LanePool
    settings: lane.LaneSettings
    facts: lane.Facts


class Rooms:
    """Every room that is open; those with work that overran its time are taken apart."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._open: dict[tuple[str, str], Room] = {}
        self._stack = contextlib.ExitStack()
        self.controls: dict[tuple[str, tuple[str, ...]], Control] = {}  # by slug and questions

    def enter(self, assignment: Assignment, judges: str, log: Log) -> Room:
        """Return the lanes for an assignment's CPU or GPU questions, started if they are not."""
        key = (assignment.slug, judges)
        if key not in self._open:
            what = f"the lanes of {assignment.slug} for the {judges}"
            if log.seconds_left() <= 0:
                raise OutOfTimeError(what)
            settings = self._setup.settings(assignment, judges)
            pool = self._stack.enter_context(
                local_pool(self._setup.lanes(assignment, judges), judges)
            )
            starts = [pool.submit(lane.start, settings) for _ in range(pool.slots)]
            wait(starts, timeout=max(0.0, log.seconds_left()), return_when=FIRST_COMPLETED)
            first = next((item for item in starts if item.done()), None)
            if first is None:
                pool.kill()
                raise OutOfTimeError(what)
            self._open[key] = Room(pool, settings, first.result())
        return self._open[key]

    def collect(
        self, room: Room, futures: Mapping["Future[Any]", str], log: Log
    ) -> Iterator[tuple[str, "Future[Any]"]]:
        """Yield what comes while there is time; leave the rest out by name, and end its lanes."""
        waiting = dict(futures)
        while waiting:
            left = max(0.0, log.deadline - time.monotonic())
            done = wait(waiting, timeout=left, return_when=FIRST_COMPLETED).done
            if not done:
                for name in waiting.values():
                    log.leave_out(name)
                self.leave(room)
                return
            for future in done:
                yield waiting.pop(future), future

    def ask(self, room: Room, what: str, log: Log, function: Callable[..., Any], *args: Any) -> Any:
        """Return what one lane makes of one call; OutOfTimeError with `what` where it overruns."""
        future = room.pool.submit(function, room.settings, *args)
        wait([future], timeout=max(0.0, log.seconds_left()))
        if not future.done():
            self.leave(room)
            raise OutOfTimeError(what)
        return future.result()

    def leave(self, room: Room) -> None:
        """End a room's lanes at once."""
        room.pool.kill()
        self._open = {key: item for key, item in self._open.items() if item is not room}

    def close(self) -> None:
        """End every lane, whatever it is doing."""
        for room in list(self._open.values()):
            self.leave(room)
        self._stack.close()
