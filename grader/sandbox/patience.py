"""How long the judge waits for a child: by the processor time it takes, then by the clock.

A limit of so many seconds is one of processor time, over all processes of the child, so that what
else a machine does decides nobody's grade. What takes none of it, because it sleeps or waits, has
`WALL` times as long by the clock.
"""

import contextlib
import math
import time
from pathlib import Path

from .endings import EndedBy
from .inside.usage import below, processor_seconds, task_numbers

WALL = 4
# How long a look at a child's processes holds at least.
LOOK_SECONDS = 0.02
LOOKS = 40  # at a child whose time by the clock runs out
# What is not counted as a machine's doing: a part of the time by the clock in which a child was
# ready to run and did not, and a part of its processor time that it has used by then.
DELAYED, BUSY = 0.05, 0.1
PF_EXITING = 4  # of the flags in /proc/<pid>/stat, set before a process's files are closed
TELLS_DELAY = Path("/proc/self/schedstat").exists()
# clock_getcpuclockid(3): the clock of a whole process by its number.
CPUCLOCK_SCHED = 2


class ProcessorClock:
    """The processor time of one child with all that it started.

    Where the system does not tell (no /proc), time by the clock stands for it.
    """

    def __init__(self, worker: int, others: frozenset[int]) -> None:
        """Find the child among the processes below a worker, which are `others` without it."""
        self._worker, self._others = worker, others
        found = [pid for pid in below(worker) if pid not in others]
        self._pid = found[0] if found else None
        self._clock = 0 if self._pid is None else (~self._pid << 3) | CPUCLOCK_SCHED
        self._began = time.monotonic()
        self._family = 0.0  # of what the child started, when it was looked at last
        self._last = 0.0

    def seconds(self) -> float:
        """Return what the child has taken, with its family as it was at the last `look`."""
        if self._pid is None:
            return time.monotonic() - self._began
        try:
            self._last = max(self._last, time.clock_gettime(self._clock) + self._family)
        except OSError:  # it has ended
            return self._last
        return self._last

    def look(self) -> float:
        """Return what the child and all that it started have taken by now."""
        if self._pid is not None:
            pids = self._processes()
            alone = processor_seconds([self._pid], reaped=False)
            self._family = max(self._family, processor_seconds(pids) - alone)
        return self.seconds()

    def _processes(self) -> list[int]:
        return [pid for pid in below(self._worker) if pid not in self._others]

    def delay(self) -> float:
        """Return how long, since it began, the child's threads have waited for a processor.

        Of those that are there; infinite where the system does not tell.
        """
        if self._pid is None or not TELLS_DELAY:
            return math.inf
        return sum(map(_waited_for_processor, task_numbers(self._processes())))

    def waits_for_disk(self) -> bool:
        """Say whether any of the child's threads waits for a disk at this moment."""
        return any(map(_waits_for_disk, task_numbers(self._processes())))

    def has_ended(self) -> bool:
        """Say whether the child's process is gone or about to be; also where nobody can tell."""
        with contextlib.suppress(OSError, IndexError, ValueError):
            if self._pid is not None:
                return bool(int(_stat(self._pid)[6]) & PF_EXITING)
        return True


def _stat(task: int) -> list[str]:
    """Return what the system tells of a thread, from its state on."""
    text = Path(f"/proc/{task}/stat").read_text("utf-8", "replace")
    return text.rpartition(")")[2].split()


def _waited_for_processor(task: int) -> float:
    """Return the seconds that a thread was ready to run and did not."""
    with contextlib.suppress(OSError, IndexError, ValueError):  # it has ended
        return int(Path(f"/proc/{task}/schedstat").read_text("ascii").split()[1]) / 1e9
    return 0.0


def _waits_for_disk(task: int) -> bool:
    with contextlib.suppress(OSError, IndexError):
        return _stat(task)[0] == "D"
    return False


class Patience:
    """The time that one request may take; calling it returns how long to wait for more of it.

    seconds: of processor time. wall: seconds by the clock. before: what the clock has counted by
    now. `ended_by` says what it was, once time has run out.
    """

    def __init__(
        self, clock: ProcessorClock, seconds: float, wall: float, *, before: float
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._before = before
        self._started = time.monotonic()
        self._wall = wall
        self._end = self._started + wall
        self._next_look = self._started + min(seconds, max(wall / LOOKS, LOOK_SECONDS))
        self._met_disk = False
        self._delay_before: float | None = None  # seconds at most, and what the clock said then
        self._delay_then = 0.0
        self.ended_by = EndedBy.DELAY

    def pause(self, seconds: float, latest: float) -> None:
        """Leave out some time by the clock, in which the child had nothing to do."""
        self._end = min(self._end + seconds, latest)

    def __call__(self) -> float:
        """Return the seconds until the next look; 0 where time has run out."""
        now = time.monotonic()
        if now >= self._end:
            self.ended_by = self._ended_by_clock()
            return 0.0
        if now >= self._next_look:
            left = self._seconds - (self._clock.look() - self._before)
            if left <= 0:
                self.ended_by = EndedBy.PROCESSOR
                return 0.0
            self._note_waits(now)
            self._next_look = now + max(min(left, self._wall / LOOKS), LOOK_SECONDS)
        return min(self._next_look, self._end) - now

    def _note_waits(self, now: float) -> None:
        """Look at what the child waits for; at its delays from the first look on."""
        self._met_disk = self._met_disk or self._clock.waits_for_disk()
        if self._delay_before is None:
            self._delay_then = self._clock.delay()
            self._delay_before = min(now - self._started, self._delay_then)

    def _ended_by_clock(self) -> EndedBy:
        """Tell a child that has only waited by itself from one that the machine has kept waiting.

        Who has computed much would have been done sooner with a processor of their own.
        """
        if self._delay_before is None or self._met_disk:
            return EndedBy.DELAY
        used, delay = self._clock.look() - self._before, self._clock.delay()
        since = delay - self._delay_then if delay < math.inf else math.inf
        is_delayed = self._delay_before + since > DELAYED * self._wall
        is_busy = used > max(BUSY * self._seconds, LOOK_SECONDS)
        return EndedBy.DELAY if is_delayed or is_busy else EndedBy.WAITING


def took_too_long(what: str, seconds: float) -> str:
    """Say what a request could have had.

    Not which of the two limits it reached first: what else the machine did decides that.
    """
    return (
        f"{what} took longer than {seconds:g} s of processor time, or {WALL * seconds:g} s by the "
        "clock"
    )
