"""Steps in order of their worth: each until its time is up, and what it found is kept at once.

Times are of `time.monotonic`. A step may go on until the moment by which it and those before it
were to be done, so what an earlier one left over is a later one's to spend.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from grader.errors import GraderError

AS_EXPECTED, DIFFERS, FAILED, LEFT_OUT = "as expected", "differs", "failed", "left out"


class OutOfTimeError(Exception):
    """What could not be done, by name, before a step's time was up."""


@dataclass(slots=True)
class Log:
    """What a step says and finds."""

    name: str
    deadline: float
    say: Callable[[str], None]
    found: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    error: str | None = None

    def problem(self, text: str) -> None:
        """Say and keep that something is not as it should be."""
        self.problems.append(text)
        self.say(f"  ! {text}")

    def leave_out(self, what: str) -> None:
        """Say and keep by name what there is no time for."""
        self.left_out.append(what)
        self.say(f"  left out for time: {what}")

    def seconds_left(self) -> float:
        return self.deadline - time.monotonic()

    @property
    def status(self) -> str:
        if self.error is not None:
            return FAILED
        if self.problems:
            return DIFFERS
        return LEFT_OUT if self.left_out and not self.found else AS_EXPECTED


@dataclass(frozen=True, slots=True)
class Step:
    """Something to find out: what for people, in about how many seconds, and how.

    `run` takes what all steps are given, then its log.
    """

    name: str
    title: str
    seconds: float
    run: Callable[..., None]


def run_all(
    steps: Iterable[Step],
    *given: Any,
    seconds: float,
    say: Callable[[str], None],
    keep: Callable[[list[dict[str, Any]]], None],
) -> list[dict[str, Any]]:
    """Run steps within so many seconds in all, tell `keep` after each, and return their records."""
    began = time.monotonic()
    planned = 0.0
    records: list[dict[str, Any]] = []
    for step in steps:
        planned += step.seconds
        started = time.monotonic()
        log = Log(step.name, began + min(planned, seconds), say)
        say(f"{step.name}: {step.title}")
        _run(step, given, log)
        spent = time.monotonic() - started
        said = f"{log.status}: {log.error}" if log.error else log.status
        say(f"{step.name}: {said}, {spent:.1f} s")
        records.append({
            "name": step.name, "title": step.title, "status": log.status, "seconds": spent,
            "planned_seconds": step.seconds, "error": log.error, "problems": log.problems,
            "left_out": log.left_out, "found": log.found,
        })  # fmt: skip
        keep(records)
    return records


def _run(step: Step, given: tuple[Any, ...], log: Log) -> None:
    if log.seconds_left() <= 0:
        log.leave_out(step.title)
        return
    try:
        step.run(*given, log)
    except OutOfTimeError as problem:
        log.leave_out(str(problem))
    except GraderError as problem:
        log.error = str(problem)
    except Exception as problem:  # noqa: BLE001 - whatever it is, the other steps go on
        log.error = f"{type(problem).__name__}: {problem}"
