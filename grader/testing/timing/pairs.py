"""Pairs of long chains, student's and reference's in turn, and the seconds of one call in each."""

import math
import statistics
from dataclasses import dataclass, field
from typing import Any

from .measurement import MOST_STEPS, SHORT_STEPS, Chain, Check, Setting
from .pace import Pace

CHAIN_SECONDS = 0.4
"""What a long chain lasts at least,"""

LONGEST_SECONDS = 0.95
"""and what it is made to last at most, where requests have a high fixed cost."""

FIXED_SHARE = 0.05
"""The largest share of a long chain that is taken off as the fixed cost of its request."""

MOST_PAIRS = 5
_MARGIN = 1.15  # a trial of 50 ms is about so uncertain
_SHARED_LENGTH_RATIO = 1.6  # up to here it is quicker to give both chains the same length


@dataclass
class Side:
    """One side's chain: its length now, and the seconds of its short and its counted long runs."""

    chain: Chain
    trial: float  # seconds of a short chain before the pairs
    steps: int = 0
    shorts: list[float] = field(default_factory=list)
    longs: list[tuple[int, float]] = field(default_factory=list)
    span: float = 0.0
    value: Any = None

    def run(self, setting: Setting, seed: int) -> None:
        """Run a short and a long chain; keep the long one's seconds and value."""
        self.shorts.append(setting.timed(self.chain, setting.seeds(), SHORT_STEPS)[1])
        self.value, self.span = setting.timed(self.chain, seed, self.steps)

    def pace(self) -> Pace:
        """Return what the last long run and the quickest short one say of the chain's pace."""
        short = min(self.trial, *self.shorts)
        return Pace((self.span - short) / (self.steps - SHORT_STEPS), short)

    def per_call(self, overhead: float) -> list[float]:
        """Return the seconds of one call by each long run."""
        short = statistics.median(self.shorts) if self.shorts else 0.0
        return [seconds_of_a_call(span, steps, short) - overhead for steps, span in self.longs]


def accept(complaint: str) -> None:
    if complaint:
        raise AssertionError(f"A timed answer is wrong: {complaint}")


def _lengths(mine: Pace, theirs: Pace) -> tuple[int, int]:
    """Return how many steps make the student's and the reference's chain last long enough."""
    least = _MARGIN * CHAIN_SECONDS
    step = mine.step if mine.step > 0 else theirs.step
    target = max(least, _needed(mine.short - SHORT_STEPS * step))
    # Whoever is quicker than the reference earns everything, however exact the number is.
    own = max(math.ceil(target / max(step, theirs.step)), math.ceil(least / step))
    other = math.ceil(least / theirs.step)
    if step < _SHARED_LENGTH_RATIO * theirs.step:
        own = other = max(own, other)
    own, other = (min(max(steps, 4 * SHORT_STEPS), MOST_STEPS) for steps in (own, other))
    return own, other


def _needed(fixed: float) -> float:
    """Return the seconds of a long chain beside which a request's fixed cost can be taken off."""
    return min(max(CHAIN_SECONDS, fixed / FIXED_SHARE), LONGEST_SECONDS)


def run_pairs(
    sides: tuple[Side, Side],
    check: Check,
    setting: Setting,
    deadline: float,
    paces: tuple[Pace, Pace],
) -> None:
    """Run as many pairs as there is time for; every long chain's value is checked.

    A pair in which a long chain was too short, because the trial had been disturbed, counts as
    another trial.
    """
    mine, theirs = sides
    mine.steps, theirs.steps = _lengths(*paces)
    cost = mine.steps * paces[0].step + theirs.steps * paces[1].step + paces[0].short
    if mine.steps != theirs.steps:
        cost += mine.steps * paces[1].step
    turn = 0
    while len(mine.longs) < MOST_PAIRS and setting.clock() + cost <= deadline:
        start, seed = setting.clock(), setting.seeds()
        for side in sides if turn % 2 == 0 else sides[::-1]:
            side.run(setting, seed)
        right = theirs.value
        if mine.steps != theirs.steps:
            right = theirs.chain(seed, mine.steps)
        accept(check(mine.steps, mine.value, right))
        cost, turn = setting.clock() - start, turn + 1
        if _long_enough(mine, theirs):
            for side in sides:
                side.longs.append((side.steps, side.span))
        elif theirs.pace().step > 0:
            mine.steps, theirs.steps = _lengths(mine.pace(), theirs.pace())


def _long_enough(mine: Side, theirs: Side) -> bool:
    pace = mine.pace()
    needed = _needed(pace.short - SHORT_STEPS * pace.step) / _MARGIN**2
    return min(mine.span, theirs.span) >= CHAIN_SECONDS and max(mine.span, theirs.span) >= needed


def seconds_of_a_call(span: float, steps: int, short: float) -> float:
    """Return the seconds of a step, by a long chain's and a short chain's."""
    slope = (span - short) / (steps - SHORT_STEPS)
    fixed = min(short - SHORT_STEPS * slope, FIXED_SHARE * span)
    return (span - fixed) / steps
