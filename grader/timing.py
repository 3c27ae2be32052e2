"""How long a student's function takes next to the reference, by a clock that they cannot reach.

A child reports its own times, and whoever controls a process controls its clock. So the judge's
clock decides: it times whole chains of calls (`sandbox.instruments.chain`), in which each call's
input is made from the last one's result. A chain's value proves that every call was made; the
difference between a long and a short chain is free of what a call to another process costs.
Chains of student and reference are run in turn, in alternating order, on fresh inputs, and each
value is checked. The median of the paired ratios is the result.

Nothing here was measured on a GPU yet: the logic is proved with a simulated clock.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FULL_RATIO = 1.25
"""Up to this ratio to the reference a kernel earns full credit,"""

NO_CREDIT_RATIO = 5.0
"""from this one on none, and in between it falls evenly."""

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
"""Runs a chain: (seed of the inputs, steps) -> what `check` takes."""


class TimingFaultError(Exception):
    """A measurement that cannot be true, or cannot be trusted; the sentence says why."""


@dataclass(frozen=True)
class Pair:
    """Seconds of one call, student's and reference's, from one interleaved pair of chains."""

    student: float
    reference: float

    @property
    def ratio(self) -> float:
        """How many times the reference's time the student took."""
        return self.student / self.reference


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
        spread = ", ".join(f"{pair.ratio:.2f}" for pair in sorted(self.pairs, key=_by_ratio))
        clocks = "/".join("?" if mhz is None else str(mhz) for mhz in self.clocks)
        return (
            f"{self.student * 1e3:.3f} ms a call, {self.ratio:.2f} times the reference's "
            f"{self.reference * 1e3:.3f} ms (pairs: {spread}; clock before/after: {clocks} MHz)"
        )


def _by_ratio(pair: Pair) -> float:
    return pair.ratio


def compare(
    student: Chain,
    reference: Chain,
    check: Callable[[int, Any, Any], str],
    *,
    floor: float,
    pairs: int = 7,
    steps: tuple[int, int] = (2, 12),
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
    device_clock: Callable[[], int | None] = lambda: None,
) -> Timing:
    """Time two chains against each other in interleaved pairs.

    check: takes a seed and what both chains gave for it, answers "" or what is wrong.
    floor: seconds that no call can beat (`roofline`). steps: lengths of the short and the long
    chain. clock: seconds. device_clock: MHz.
    Raises AssertionError where a value is wrong; TimingFaultError for a time under the floor, a
    reference that takes no time, or student's times that do not grow with the chain.
    """
    short, long = steps
    for chain in (reference, student):
        chain(seed, short)  # compilation and first allocations are not what is timed
    before = device_clock()
    found = []
    for index in range(pairs):
        spans: dict[str, float] = {}
        order = (("student", student), ("reference", reference))
        for name, chain in order if index % 2 == 0 else order[::-1]:
            _, brief = _timed(chain, seed + index, short, clock)
            value, whole = _timed(chain, seed + index, long, clock)
            spans[name] = (whole - brief) / (long - short)
            spans[f"{name} value"] = value
        complaint = check(seed + index, spans["student value"], spans["reference value"])
        if complaint:
            raise AssertionError(f"A timed answer is wrong: {complaint}")
        if spans["reference"] <= 0:
            raise TimingFaultError("The reference's chain took no longer when it had more calls.")
        found.append(Pair(spans["student"], spans["reference"]))
    timing = Timing(
        pairs=tuple(found),
        ratio=statistics.median(pair.ratio for pair in found),
        student=statistics.median(pair.student for pair in found),
        reference=statistics.median(pair.reference for pair in found),
        floor=floor,
        clocks=(before, device_clock()),
    )
    if timing.student < floor:
        raise TimingFaultError(
            f"{timing.student * 1e3:.3f} ms a call is under the roofline of {floor * 1e3:.3f} ms: "
            "a fault of the measurement, or work that was not done."
        )
    return timing


def _timed(chain: Chain, seed: int, steps: int, clock: Callable[[], float]) -> tuple[Any, float]:
    start = clock()
    value = chain(seed, steps)
    return value, clock() - start


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
    import torch

    try:
        return int(torch.cuda.clock_rate())
    except (RuntimeError, ModuleNotFoundError, AttributeError, AssertionError):
        return None
