"""Show how far a batch is: a bar with rate and time left on a terminal, plain lines elsewhere."""

import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from grader.model import Report

LINES_EVERY = 2.0


class Progress:
    """Told of the plan and of each report; writes to standard error only."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._bar: Any = None
        self._task: Any = None
        self._total = self._done = 0
        self._started = self._last = time.monotonic()

    def begin(self, tasks: list[Any], facts: Any) -> None:
        """Say what will be done and under which isolation."""
        self._total = len(tasks)
        self._started = self._last = time.monotonic()
        gpu = facts.environment.gpu or "no GPU"
        self._line(f"isolation {facts.isolation.level}, {gpu}: {self._total} to grade")
        if sys.stderr.isatty() and self._total:
            self._begin_bar()

    def _begin_bar(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            TextColumn("grading"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[student]}"),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task("grading", total=self._total, rate="", student="")
        self._bar.start()

    def advance(self, report: Report) -> None:
        """Note one more report."""
        self._done += 1
        rate = self._done / max(time.monotonic() - self._started, 1e-9)
        if self._bar is not None:
            self._bar.update(self._task, completed=min(self._done, self._total),
                             rate=f"{rate:.1f}/s", student=report.student[:30])  # fmt: skip
        elif time.monotonic() - self._last > LINES_EVERY or self._done == self._total:
            self._last = time.monotonic()
            self._line(f"{self._done} of {self._total} graded, {rate:.1f}/s")

    @staticmethod
    def _line(text: str) -> None:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

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
