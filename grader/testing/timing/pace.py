"""How long a step takes about: trials, longer and longer, before anything is measured."""

import math
from dataclasses import dataclass
from typing import Any

from .measurement import MOST_STEPS, SHORT_STEPS, Chain, Setting

_TRIAL_SECONDS = 0.05
_OVERHEAD_SECONDS = 0.15
_HOPELESS_SECONDS = 1.0  # more than any disturbance of a short chain


@dataclass(frozen=True)
class Pace:
    """What a trial found: seconds a step and of a short chain; its last run's seed and value."""

    step: float
    short: float
    steps: int = 0
    seed: int = 0
    value: Any = None


def pace_of(
    chain: Chain, setting: Setting, most: int = MOST_STEPS, seconds: float = _TRIAL_SECONDS
) -> Pace:
    """Run longer and longer chains until one lasts some seconds longer than a short one."""
    short = min(setting.timed(chain, setting.seeds(), SHORT_STEPS)[1] for _ in range(2))
    steps, more = SHORT_STEPS, 0.0
    while True:
        growth = 1.3 * seconds / more if more > 0 else math.inf
        steps = min(math.ceil(steps * min(max(growth, 2), 8)), most)
        seed = setting.seeds()
        value, span = setting.timed(chain, seed, steps)
        more = span - short
        if more >= seconds or steps == most:
            return Pace(more / (steps - SHORT_STEPS), short, steps, seed, value)


def overhead_of_a_step(idle: Chain, setting: Setting) -> float:
    """Return the seconds of a step without a call: the lesser of two runs, against disturbance."""
    found = pace_of(idle, setting, seconds=_OVERHEAD_SECONDS)
    _, span = setting.timed(idle, setting.seeds(), found.steps)
    return min(found.step, (span - found.short) / (found.steps - SHORT_STEPS))


def students_pace(
    chain: Chain, setting: Setting, most: int, hopeless: float, compiling: float
) -> Pace:
    """Try the student's chain, not longer than it takes to see that nothing can be earned.

    hopeless: seconds of such a step. compiling: seconds of the first short chain. Where a trial
    finds a step hopeless a disturbance may have made it so: then the quicker of two counts, unless
    it took longer than any disturbance.
    """
    beyond_doubt = _HOPELESS_SECONDS + SHORT_STEPS * hopeless
    if compiling > beyond_doubt:
        _, short = setting.timed(chain, setting.seeds(), SHORT_STEPS)
        if short > beyond_doubt:
            return Pace(short / SHORT_STEPS, short)
    found = pace_of(chain, setting, most)
    if found.step > hopeless and found.step * found.steps < _HOPELESS_SECONDS:
        return min(found, pace_of(chain, setting, most), key=lambda pace: pace.step)
    return found
