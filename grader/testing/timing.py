"""How long a student's function takes next to the reference, by a clock that they cannot reach.

A child reports its own times, and whoever controls a process controls its clock. So what a call is
made of is run in a process that has run no student's cell (`grader.testing.chain`), and the judge's
clock decides: it times whole chains of calls, from a request of a few numbers, among them a seed
just chosen, to a reply that commits to every entry of every call's result by a few sums a head. No
tensor crosses between the two, and the inputs of each call are drawn afresh. The judge runs the
same chain on the reference and compares the sums within `projection_bound`.

One call's time is the slope between a long chain and a short one, less what a step costs when the
function returns its input (`idle`). A long chain lasts at least `CHAIN_SECONDS`, so that some
milliseconds more or less in a request do not matter. Student and reference are timed in turn, in
alternating order, and the median of the paired ratios is the result.

What a student can still do to the time, and what that gains: nothing of theirs runs between two
calls but the operations and kernels of a call, which are the same for each. A kernel that takes
part of its work from the call before, through memory that it was not given, meets other inputs.

The scheme before this one (chains of 2 and 12 calls, tensors in the request and the reply) was
tried on an H100 and an H200: it measured the transfer. Where the reference takes 0.24 to 0.57 ms a
call, its ratio to itself came out between -15.5 and 66. The present scheme came to 0.999 and 0.977
on an H200, and to 2.000 for a kernel called twice (`python -m tests.gpu`).
"""

import math
import secrets
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grader import machine
from grader.errors import CannotJudgeError
from grader.sandbox.wire.findings import Sums
from grader.testing import numerics

if TYPE_CHECKING:
    import torch

FULL_RATIO = 1.25
"""Up to this ratio to the reference a kernel earns full credit,"""

NO_CREDIT_RATIO = 5.0
"""from this one on none, and in between it falls evenly."""

HOPELESS_RATIO = 8.0
"""Past this ratio a short trial settles it."""

SUBMISSION_SECONDS = 15.0
"""What all measurements of one submission may take together, compilation not counted."""

CHAIN_SECONDS = 0.4
"""What a long chain lasts at least,"""

LONGEST_SECONDS = 0.95
"""and what it is made to last at most, where requests have a high fixed cost."""

FIXED_SHARE = 0.05
"""The largest share of a long chain that is taken off as the fixed cost of its request."""

LEAST_PAIRS, MOST_PAIRS = 3, 5

SCATTER = 0.10
"""How far the ratios of the pairs may lie apart, as a share of their median."""

CONFIDENCE = 7.0
"""How many times its expected size an error of a projection may have: see `projection_bound`."""

_SHORT_STEPS = 2
_MOST_STEPS = 1 << 17
_TRIAL_SECONDS = 0.05
_OVERHEAD_SECONDS = 0.15
_LEAST_SHARE = 0.1  # of a step that the reference's call takes, or else its time is lost in it
_HOPELESS_SECONDS = 1.0  # more than any disturbance of a short chain
_MARGIN = 1.15  # a trial of 50 ms is about so uncertain
_SHARED_LENGTH_RATIO = 1.6  # up to here it is quicker to give both chains the same length

# Dense float16 tensor-core FLOP/s and bytes/s of memory, from the vendor's data sheets.
_PEAKS = {
    "H200": (989e12, 4.8e12),
    "H100": (989e12, 3.35e12),
    "A100": (312e12, 2.04e12),
    "L40": (181e12, 0.864e12),
    "L4": (121e12, 0.3e12),
    "A10": (125e12, 0.6e12),
}
_UNKNOWN_PEAK = (5e15, 20e12)

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
        spread = ", ".join(f"{pair.ratio:.2f}" for pair in _sorted(self.pairs))
        clocks = "/".join("?" if mhz is None else str(mhz) for mhz in self.clocks)
        return (
            f"{self.student * 1e3:.3f} ms a call, {self.ratio:.2f} times the reference's "
            f"{self.reference * 1e3:.3f} ms (pairs: {spread}; clock before/after: {clocks} MHz)"
        )


def _sorted(pairs: Sequence[Pair]) -> list[Pair]:
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


@dataclass(frozen=True)
class _Pace:
    """What a trial found: seconds a step and of a short chain; its last run's seed and value."""

    step: float
    short: float
    steps: int = 0
    seed: int = 0
    value: Any = None


@dataclass
class _Side:
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
        self.shorts.append(setting.timed(self.chain, setting.seeds(), _SHORT_STEPS)[1])
        self.value, self.span = setting.timed(self.chain, seed, self.steps)

    def pace(self) -> _Pace:
        """Return what the last long run and the quickest short one say of the chain's pace."""
        short = min(self.trial, *self.shorts)
        return _Pace((self.span - short) / (self.steps - _SHORT_STEPS), short)

    def per_call(self, overhead: float) -> list[float]:
        """Return the seconds of one call by each long run."""
        short = statistics.median(self.shorts) if self.shorts else 0.0
        return [_per_call(span, steps, short) - overhead for steps, span in self.longs]


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
    right = reference(seed, _SHORT_STEPS)
    idle(seed, _SHORT_STEPS)
    value, compiling = setting.timed(student, seed, _SHORT_STEPS)
    _accept(check(_SHORT_STEPS, value, right))
    deadline = setting.clock() + setting.seconds
    before = setting.device_clock()
    overhead = _overhead(idle, setting)
    theirs = _pace(reference, setting)
    if theirs.step - overhead < max(setting.floor, _LEAST_SHARE * theirs.step):
        raise TimingFaultError(
            f"In a trial the reference took {(theirs.step - overhead) * 1e3:.3f} ms a call, of a "
            f"step of {theirs.step * 1e3:.3f} ms, which is less than can be true or be told; "
            "judge this again on a machine that is idle."
        )
    hopeless = overhead + HOPELESS_RATIO * (theirs.step - overhead)
    mine = _students_pace(student, setting, theirs.steps, hopeless, compiling)
    if mine.steps:
        _accept(check(mine.steps, mine.value, reference(mine.seed, mine.steps)))
    if mine.step > hopeless:
        trial = Pair(mine.step - overhead, theirs.step - overhead)
        return _timing([trial], [trial], setting.floor, (before, setting.device_clock()))
    sides = _Side(student, mine.short), _Side(reference, theirs.short)
    _run_pairs(sides, check, setting, deadline, (mine, theirs))
    times = zip(*(side.per_call(overhead) for side in sides), strict=True)
    found = [Pair(*seconds) for seconds in times]
    return _judged(found, sides, setting, (before, setting.device_clock()))


def _accept(complaint: str) -> None:
    if complaint:
        raise AssertionError(f"A timed answer is wrong: {complaint}")


def _pace(
    chain: Chain, setting: Setting, most: int = _MOST_STEPS, seconds: float = _TRIAL_SECONDS
) -> _Pace:
    """Run longer and longer chains until one lasts some seconds longer than a short one."""
    short = min(setting.timed(chain, setting.seeds(), _SHORT_STEPS)[1] for _ in range(2))
    steps, more = _SHORT_STEPS, 0.0
    while True:
        growth = 1.3 * seconds / more if more > 0 else math.inf
        steps = min(math.ceil(steps * min(max(growth, 2), 8)), most)
        seed = setting.seeds()
        value, span = setting.timed(chain, seed, steps)
        more = span - short
        if more >= seconds or steps == most:
            return _Pace(more / (steps - _SHORT_STEPS), short, steps, seed, value)


def _overhead(idle: Chain, setting: Setting) -> float:
    """Return the seconds of a step without a call: the lesser of two runs, against disturbance."""
    found = _pace(idle, setting, seconds=_OVERHEAD_SECONDS)
    _, span = setting.timed(idle, setting.seeds(), found.steps)
    return min(found.step, (span - found.short) / (found.steps - _SHORT_STEPS))


def _students_pace(
    chain: Chain, setting: Setting, most: int, hopeless: float, compiling: float
) -> _Pace:
    """Try the student's chain, not longer than it takes to see that nothing can be earned.

    hopeless: seconds of such a step. compiling: seconds of the first short chain. Where a trial
    finds a step hopeless a disturbance may have made it so: then the quicker of two counts, unless
    it took longer than any disturbance.
    """
    beyond_doubt = _HOPELESS_SECONDS + _SHORT_STEPS * hopeless
    if compiling > beyond_doubt:
        _, short = setting.timed(chain, setting.seeds(), _SHORT_STEPS)
        if short > beyond_doubt:
            return _Pace(short / _SHORT_STEPS, short)
    found = _pace(chain, setting, most)
    if found.step > hopeless and found.step * found.steps < _HOPELESS_SECONDS:
        return min(found, _pace(chain, setting, most), key=lambda pace: pace.step)
    return found


def _lengths(mine: _Pace, theirs: _Pace) -> tuple[int, int]:
    """Return how many steps make the student's and the reference's chain last long enough."""
    least = _MARGIN * CHAIN_SECONDS
    step = mine.step if mine.step > 0 else theirs.step
    target = max(least, _needed(mine.short - _SHORT_STEPS * step))
    # Whoever is quicker than the reference earns everything, however exact the number is.
    own = max(math.ceil(target / max(step, theirs.step)), math.ceil(least / step))
    other = math.ceil(least / theirs.step)
    if step < _SHARED_LENGTH_RATIO * theirs.step:
        own = other = max(own, other)
    own, other = (min(max(steps, 4 * _SHORT_STEPS), _MOST_STEPS) for steps in (own, other))
    return own, other


def _needed(fixed: float) -> float:
    """Return the seconds of a long chain beside which a request's fixed cost can be taken off."""
    return min(max(CHAIN_SECONDS, fixed / FIXED_SHARE), LONGEST_SECONDS)


def _run_pairs(
    sides: tuple[_Side, _Side],
    check: Check,
    setting: Setting,
    deadline: float,
    paces: tuple[_Pace, _Pace],
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
        _accept(check(mine.steps, mine.value, right))
        cost, turn = setting.clock() - start, turn + 1
        if _long_enough(mine, theirs):
            for side in sides:
                side.longs.append((side.steps, side.span))
        elif theirs.pace().step > 0:
            mine.steps, theirs.steps = _lengths(mine.pace(), theirs.pace())


def _long_enough(mine: _Side, theirs: _Side) -> bool:
    pace = mine.pace()
    needed = _needed(pace.short - _SHORT_STEPS * pace.step) / _MARGIN**2
    return min(mine.span, theirs.span) >= CHAIN_SECONDS and max(mine.span, theirs.span) >= needed


def _per_call(span: float, steps: int, short: float) -> float:
    """Return the seconds of a step, by a long chain's and a short chain's."""
    slope = (span - short) / (steps - _SHORT_STEPS)
    fixed = min(short - _SHORT_STEPS * slope, FIXED_SHARE * span)
    return (span - fixed) / steps


def _judged(
    found: list[Pair],
    sides: tuple[_Side, _Side],
    setting: Setting,
    clocks: tuple[int | None, int | None],
) -> Timing:
    """Return the measurement that the pairs make, or say why they make none."""
    kept = _sorted(found)[1:-1] if len(found) > LEAST_PAIRS else _sorted(found)
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


def _refuse_dear_requests(side: _Side) -> None:
    """Raise where a student pays for requests: more than `FIXED_SHARE` should be taken off."""
    short = statistics.median(side.shorts)
    span = statistics.median(span for _, span in side.longs)
    step = statistics.median(_per_call(span, steps, short) for steps, span in side.longs)
    fixed = short - _SHORT_STEPS * step
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


def projection_bound(
    norms: "torch.Tensor", *, steps: int, length: int, d: int, dtype: str
) -> "torch.Tensor":
    """Return how far a right chain's projections may lie from the reference's, for each head.

    norms: (heads,), of the reference's last values. Returns float64 of that shape:

        CONFIDENCE * 8/7 * norm * sqrt(2 steps (2 u^2 + w^2 (N + 8 + 4 d (d + 5) + steps)))

    with u of the dtype, w = 2^-24, N = length. Derivation, in Euclidean norms over the entries of
    one head, where the entries of V are independent standard normal, and rounding errors have
    their largest size, mean 0, and are independent of each other (the model of N. J. Higham and
    T. Mary, SIAM J. Sci. Comput. 41, 2019):
    storing O is off by u |O|. Rounding the weights P to the dtype changes entry i of O by
    u sqrt(sum_j P_ij^2 V_j^2), whose square has the expectation of u^2 O_i^2. What is kept in
    float32 is off as in `numerics.attention_truth`, with variances in the place of sums: by
    w^2 (N + 8) for sums over keys, and by (2 w)^2 (d + 5) A^2 for scores, where A, the scaled sum
    of |q| |k|, is below sqrt(d). Adding up the results in float32 gives w^2 steps.
    The next query is off by an eighth of all this, and attention does not enlarge it: hence
    1 + 1/8 + 1/64 + ... = 8/7. That a query so changed is rounded the other way now and then is
    far below u. The errors of the steps are independent, and so are the student's and the
    reference's: their squares add.

    A projection adds the error's entries up with random signs, on which no right solution depends:
    by Hoeffding's inequality it exceeds 7 times the error's norm with a probability below
    2 exp(-49 / 2) < 5e-11. Over 32 heads, 8 projections, 2 sizes and 8 chains a right solution is
    refused once in five million submissions. An error spread over a head whose norm is c times the
    bound stays unseen by all 8 projections with a probability below c^-8.
    """
    u, w = numerics.UNIT_ROUNDOFF[dtype], numerics.UNIT_ROUNDOFF["float32"]
    variance = 2 * u**2 + w**2 * (length + 8 + 4 * d * (d + 5) + steps)
    return norms.double() * (CONFIDENCE * 8 / 7 * math.sqrt(2 * steps * variance))


def projection_complaint(student: Sums, reference: Sums, *, bound: "torch.Tensor") -> str:
    """Say which head's projections are not within its bound, or return "".

    student, reference: what a chain returned. bound: `projection_bound`.
    """
    right = reference.projections
    limits = bound[:, None].expand_as(right)
    found = numerics.diagnose(student.projections, right, limits, factor=1.0)
    if found is None:
        return ""
    return numerics.explain_mismatch(found, "the sums of a chain's values, by head and projection")


def credit(ratio: float) -> float:
    """Return the share of the points that a ratio earns: 1 up to 1.25, 0 from 5, even between."""
    share = (NO_CREDIT_RATIO - ratio) / (NO_CREDIT_RATIO - FULL_RATIO)
    return min(max(share, 0.0), 1.0)


def limit(step: int, steps: int) -> float:
    """Return the largest ratio whose credit reaches step / steps: `credit`, as a staircase."""
    return NO_CREDIT_RATIO - (NO_CREDIT_RATIO - FULL_RATIO) * step / steps


def roofline(device_name: str, flops: float, moved_bytes: float) -> float:
    """Return the seconds that no kernel on the device can beat.

    A device that is not in the table is taken to be faster than any we know.
    """
    known = (peak for name, peak in _PEAKS.items() if name in device_name)
    per_second, bytes_per_second = next(known, _UNKNOWN_PEAK)
    return max(flops / per_second, moved_bytes / bytes_per_second)


def attention_work(
    heads: int, length: int, d: int, *, causal: bool, item: int = 2
) -> tuple[float, float]:
    """Return the least FLOP and bytes of attention over (heads, length, d), in one pass."""
    products = 4.0 * heads * length * length * d * (0.5 if causal else 1.0)
    return products, 4.0 * heads * length * d * item


def device_clock_mhz() -> int | None:
    """Return the GPU's present clock in MHz, or None where the driver does not tell."""
    return machine.gpu_clock_mhz()
