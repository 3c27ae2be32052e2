"""A figure as several runs give it: its median, and how far the runs lie apart."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some runs, with the least and the largest."""

    median: float
    low: float
    high: float
    runs: int

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Return the spread of at least one value."""
        ordered = sorted(values)
        return cls(statistics.median(ordered), ordered[0], ordered[-1], len(ordered))

    def __str__(self) -> str:
        return f"{_short(self.median)} ({_short(self.low)} to {_short(self.high)})"


def paired(above: Sequence[float], below: Sequence[float]) -> Spread:
    """Return the spread of the ratios, run by run: what slows both of a pair cancels out."""
    return Spread.of(a / b for a, b in zip(above, below, strict=True))


def _short(value: float) -> str:
    for limit, digits in ((100, 0), (10, 1), (0.1, 2)):
        if abs(value) >= limit:
            return f"{value:,.{digits}f}"
    return f"{value:.3f}"
