"""What is measured and what comes of it: chains, a setting, pairs of seconds, and a fault."""

import math
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from grader.errors import CannotJudgeError

SHORT_STEPS = 2

MOST_STEPS = 1 << 17

Chain = Callable[[int, int], Any]
"""Runs a chain: (seed of the inputs, steps) -> what `Check` takes."""

Check = Callable[[int, Any, Any], str]
"""Says what is wrong: (steps, the student's, the reference's) -> "" where nothing is."""


class TimingFaultError(CannotJudgeError):
    """A measurement that cannot be true, or cannot be trusted; the sentence says why."""


@dataclass(frozen=True)
class Pair:
    """Seconds of one call, student's and reference's, from one interleaved pair of chains."""

    student: float
    reference: float

    @property
    def ratio(self) -> float:
        """How many times the reference's time the student took; inf where that took none."""
        return self.student / self.reference if self.reference > 0 else math.inf


@dataclass(frozen=True)
class Timing:
    """What a measurement came to: seconds a call, the median ratio, and its circumstances."""

    pairs: tuple[Pair, ...]
    ratio: float
    student: float
    reference: float
    floor: float
    clocks: tuple[int | None, ...]

    def sentence(self) -> str:
        """Say the result in words, for staff."""
        spread = ", ".join(f"{pair.ratio:.2f}" for pair in by_ratio(self.pairs))
        clocks = "/".join("?" if mhz is None else str(mhz) for mhz in self.clocks)
        return (
            f"{self.student * 1e3:.3f} ms a call, {self.ratio:.2f} times the reference's "
            f"{self.reference * 1e3:.3f} ms (pairs: {spread}; clock before/after: {clocks} MHz)"
        )


def by_ratio(pairs: Sequence[Pair]) -> list[Pair]:
    return sorted(pairs, key=lambda pair: pair.ratio)


def fresh_seed() -> int:
    """Return a seed that nobody can foresee."""
    return secrets.randbits(62)


@dataclass(frozen=True)
class Setting:
    """The circumstances of a measurement.

    seconds: what the measurement may take after its first calls, which compile. floor: seconds
    that no call can beat (`roofline`). clock: seconds. device_clock: MHz.
    """

    seconds: float
    floor: float = 0.0
    seeds: Callable[[], int] = fresh_seed
    clock: Callable[[], float] = time.perf_counter
    device_clock: Callable[[], int | None] = lambda: None

    def timed(self, chain: Chain, seed: int, steps: int) -> tuple[Any, float]:
        """Run a chain; return its value and the seconds it took."""
        start = self.clock()
        value = chain(seed, steps)
        return value, self.clock() - start
