"""The comparison itself: trials, pairs, and whether what they came to can be trusted."""

import statistics

from .credit import FULL_RATIO, NO_CREDIT_RATIO
from .measurement import (
    SHORT_STEPS,
    Chain,
    Check,
    Pair,
    Setting,
    Timing,
    TimingFaultError,
    by_ratio,
)
from .pace import overhead_of_a_step, pace_of, students_pace
from .pairs import FIXED_SHARE, Side, accept, run_pairs, seconds_of_a_call

HOPELESS_RATIO = 8.0
"""Past this ratio a short trial settles it."""

LEAST_PAIRS = 3

SCATTER = 0.10
"""How far the ratios of the pairs may lie apart, as a share of their median."""

_LEAST_SHARE = 0.1  # of a step that the reference's call takes, or else its time is lost in it


def compare(
    student: Chain, reference: Chain, idle: Chain, check: Check, setting: Setting
) -> Timing:
    """Time two chains against each other in interleaved pairs.

    idle: the chain of a function that returns its input, in the reference's process. Who takes
    more than `HOPELESS_RATIO` times the reference's time in a short trial is not timed further.

    Raises AssertionError where a value is wrong. Raises TimingFaultError where a call takes no
    time or less than the floor, where the pairs scatter by more than `SCATTER` (of four or five the
    most extreme on each side does not count), where requests cost too much to be taken off, and
    where there is no time for three pairs; but not where every pair is past `NO_CREDIT_RATIO`.
    """
    seed = setting.seeds()
    right = reference(seed, SHORT_STEPS)
    idle(seed, SHORT_STEPS)
    value, compiling = setting.timed(student, seed, SHORT_STEPS)
    accept(check(SHORT_STEPS, value, right))
    deadline = setting.clock() + setting.seconds
    before = setting.device_clock()
    overhead = overhead_of_a_step(idle, setting)
    theirs = pace_of(reference, setting)
    if theirs.step - overhead < max(setting.floor, _LEAST_SHARE * theirs.step):
        raise TimingFaultError(
            f"In a trial the reference took {(theirs.step - overhead) * 1e3:.3f} ms a call, of a "
            f"step of {theirs.step * 1e3:.3f} ms, which is less than can be true or be told; "
            "judge this again on a machine that is idle."
        )
    hopeless = overhead + HOPELESS_RATIO * (theirs.step - overhead)
    mine = students_pace(student, setting, theirs.steps, hopeless, compiling)
    if mine.steps:
        accept(check(mine.steps, mine.value, reference(mine.seed, mine.steps)))
    if mine.step > hopeless:
        trial = Pair(mine.step - overhead, theirs.step - overhead)
        return _timing([trial], [trial], setting.floor, (before, setting.device_clock()))
    sides = Side(student, mine.short), Side(reference, theirs.short)
    run_pairs(sides, check, setting, deadline, (mine, theirs))
    times = zip(*(side.per_call(overhead) for side in sides), strict=True)
    found = [Pair(*seconds) for seconds in times]
    return _judged(found, sides, setting, (before, setting.device_clock()))


def _judged(
    found: list[Pair],
    sides: tuple[Side, Side],
    setting: Setting,
    clocks: tuple[int | None, int | None],
) -> Timing:
    """Return the measurement that the pairs make, or say why they make none."""
    kept = by_ratio(found)[1:-1] if len(found) > LEAST_PAIRS else by_ratio(found)
    if kept and kept[0].ratio >= NO_CREDIT_RATIO and all(pair.reference > 0 for pair in kept):
        return _timing(found, kept, setting.floor, clocks)
    if len(found) < LEAST_PAIRS:
        raise TimingFaultError(
            f"There was time for {len(found)} of at least {LEAST_PAIRS} pairs of chains in "
            f"{setting.seconds:g} s; judge this again on a machine that is idle."
        )
    timing = _timing(found, kept, setting.floor, clocks)
    if min(min(pair.student, pair.reference) for pair in kept) <= 0:
        raise TimingFaultError(
            f"A call took no time, or less than none: {timing.sentence()}; "
            "judge this again on a machine that is idle."
        )
    if min(timing.student, timing.reference) < timing.floor:
        raise TimingFaultError(
            f"A call was quicker than the roofline of {timing.floor * 1e3:.3f} ms, which is a "
            f"fault of the measurement, or work that was not done: {timing.sentence()}; "
            "read the notebook, or judge it again."
        )
    scatter = (kept[-1].ratio - kept[0].ratio) / timing.ratio
    if scatter > SCATTER:
        raise TimingFaultError(
            f"The pairs scatter by {scatter:.0%}, and may by {SCATTER:.0%}: "
            f"{timing.sentence()}; judge this again on a machine that is idle."
        )
    if timing.ratio > FULL_RATIO:
        _refuse_dear_requests(sides[0])
    return timing


def _refuse_dear_requests(side: Side) -> None:
    """Raise where a student pays for requests: more than `FIXED_SHARE` should be taken off."""
    short = statistics.median(side.shorts)
    span = statistics.median(span for _, span in side.longs)
    step = statistics.median(seconds_of_a_call(span, steps, short) for steps, span in side.longs)
    fixed = short - SHORT_STEPS * step
    if fixed > (FIXED_SHARE + 0.01) * span:
        raise TimingFaultError(
            f"A request to time a chain took {fixed * 1e3:.0f} ms before its first call, which is "
            f"too much beside the {span:.1f} s of a long one; "
            "judge this again on a machine that is idle."
        )


def _timing(
    found: list[Pair], kept: list[Pair], floor: float, clocks: tuple[int | None, int | None]
) -> Timing:
    return Timing(
        pairs=tuple(found),
        ratio=statistics.median(pair.ratio for pair in kept),
        student=statistics.median(pair.student for pair in kept),
        reference=statistics.median(pair.reference for pair in kept),
        floor=floor,
        clocks=clocks,
    )
