"""Show how far a batch is: a bar with rate and time left on a terminal, plain lines elsewhere."""

import os
import sys
import time
from collections import deque
from types import TracebackType
from typing import Any, Self, TextIO

from grader.batch.messages import Facts
from grader.reports import Report

LINES_EVERY = 2.0  # seconds
RECENT = 32  # reports; the rate of a batch changes with who is being graded
LONGEST_NAME = 30


class Progress:
    """Told of the plan and of each report; writes to standard error only."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._bar: Any = None
        self._task: Any = None
        self._total = self._done = 0
        self._began = self._told = time.monotonic()
        self._ends: deque[float] = deque(maxlen=RECENT)

    def begin(self, tasks: list[Any], facts: Facts | None) -> None:
        """Say what will be done and under which isolation."""
        self._total = len(tasks)
        if facts is None:
            self._line("nothing to grade: all of it is graded, or waits for a GPU or a person")
            return
        ready = time.monotonic() - self._began
        self._told = time.monotonic()
        self._ends.append(self._told)
        where = facts.environment.gpu or "no GPU"
        self._line(
            f"isolation {facts.isolation.level}, {where}, ready in {ready:.1f} s: "
            f"{self._total} to grade"
        )
        if os.environ.get("GRADER_DEBUG"):
            parts = ", ".join(f"{name} {took:.2f} s" for name, took in facts.seconds.items())
            self._line(f"a grader process's start, of which much is done at once: {parts}")
        if self._stream.isatty() and self._total:
            self._begin_bar()

    def phase(self, text: str) -> None:
        """Say what is judged from now on."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            self._line(text)

    def _begin_bar(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            TextColumn("grading"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[student]}", markup=False),
            console=Console(file=self._stream),
        )
        self._task = self._bar.add_task("grading", total=self._total, pace="", student="")
        self._bar.start()

    def advance(self, report: Report) -> None:
        """Note one more report."""
        from grader.renderers.text import shown

        now = time.monotonic()
        self._done += 1
        self._ends.append(now)
        if self._bar is not None:
            self._bar.update(
                self._task,
                completed=self._done,
                pace=self.pace(),
                student=shown(report.student)[:LONGEST_NAME],
            )
        elif now - self._told > LINES_EVERY or self._done == self._total:
            self._told = now
            self._line(f"{self._done} of {self._total} graded, {self.pace()}")

    def pace(self) -> str:
        """Return the rate of late, and the time that the rest will take at that rate."""
        span = self._ends[-1] - self._ends[0]
        if len(self._ends) == 1 or span <= 0:
            return ""
        rate = (len(self._ends) - 1) / span
        text = f"{rate:.1f}/s" if rate >= 1 else f"{1 / rate:.1f} s each"
        left = (self._total - self._done) / rate
        return f"{text}, {_duration(left)} left" if left > 0 else text

    def _line(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class Counter:
    """Counts on one line of a terminal, and says nothing elsewhere."""

    def __init__(self) -> None:
        self._shown = False

    def advance(self, done: int, total: int) -> None:
        """Show how many of a gate's candidates are judged."""
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{done} of {total}")
            sys.stderr.flush()
            self._shown = True

    def clear(self) -> None:
        """Make room for a whole line."""
        if self._shown:
            sys.stderr.write("\r\033[K")
            self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.clear()
