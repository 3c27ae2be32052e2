"""How long the judge waits for a child: by the processor time it takes, then by the clock.

A limit of so many seconds is one of processor time, over all processes of the child, so that what
else a machine does decides nobody's grade. What takes none of it, because it sleeps or waits, has
`WALL` times as long by the clock.
"""

import time

from .inside.usage import below, processor_seconds

WALL = 4
# How long a look at a child's processes holds at least.
LOOK_SECONDS = 0.02
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
            pids = [pid for pid in below(self._worker) if pid not in self._others]
            alone = processor_seconds([self._pid], reaped=False)
            self._family = max(self._family, processor_seconds(pids) - alone)
        return self.seconds()


class Patience:
    """The time that one request may take; calling it returns how long to wait for more of it.

    seconds: of processor time. wall: seconds by the clock. before: what the clock has counted by
    now. `ran_out` says which of the two did.
    """

    def __init__(
        self, clock: ProcessorClock, seconds: float, wall: float, *, before: float
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._before = before
        self._started = time.monotonic()
        self._end = self._started + wall
        self._next_look = self._started + seconds
        self.ran_out = ""

    def pause(self, seconds: float, latest: float) -> None:
        """Leave out some time by the clock, in which the child had nothing to do."""
        self._end = min(self._end + seconds, latest)

    def __call__(self) -> float:
        """Return the seconds until the next look; 0 where time has run out."""
        now = time.monotonic()
        if now >= self._end:
            self.ran_out = "wall"
            return 0.0
        if now >= self._next_look:
            left = self._seconds - (self._clock.look() - self._before)
            if left <= 0:
                self.ran_out = "processor"
                return 0.0
            self._next_look = now + max(left, LOOK_SECONDS)
        return min(self._next_look, self._end) - now


def took_too_long(what: str, seconds: float) -> str:
    """Say what a request could have had.

    Not which of the two limits it reached first: what else the machine did decides that.
    """
    return (
        f"{what} took longer than {seconds:g} s of processor time, or {WALL * seconds:g} s by the "
        "clock"
    )
