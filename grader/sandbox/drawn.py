"""Whether a generator of a test's, which student code was given, has only been drawn from since.

Whoever sets its state chooses what the test draws next: nothing but zeros, for example.
"""

import random
from typing import Any

import numpy as np

from .wire.generators import KEYS, PERMUTED, STATE, TWISTER

CHOSEN = (
    "The student's code has set the state of a generator that the test has handed over, and so "
    "chosen what the test draws from it; have the test make another one for its inputs"
)
MULTIPLIERS = {
    "PCG64": 47026247687942121848144207491837523525, "PCG64DXSM": 0xDA942042E4DD58B5,
}  # fmt: skip
GENERATORS = (random.Random, np.random.Generator, np.random.RandomState)  # noqa: S311 - a test's
MOST_BLOCKS = 50_000  # of a Mersenne twister, some 31 million numbers
MOST_STEPS = 2**40


def is_only_drawn_from(before: Any, after: Any) -> bool:
    """Say whether a generator's later state is one that drawing leads to; True of all else."""
    if type(before) not in GENERATORS:
        return True
    earlier, later = _state(before), _state(after)
    if earlier["bit_generator"] != later["bit_generator"]:
        return False
    if earlier["bit_generator"] == TWISTER:
        return _is_twisted_to(earlier["state"]["key"], later["state"]["key"])
    if earlier["bit_generator"] not in PERMUTED:
        return True
    multiplier = MULTIPLIERS[earlier["bit_generator"]]
    return _steps(earlier["state"], later["state"], multiplier) <= MOST_STEPS


def _state(generator: Any) -> dict[str, Any]:
    if isinstance(generator, np.random.Generator):
        found: dict[str, Any] = generator.bit_generator.state  # type: ignore[assignment]
        return found
    if isinstance(generator, np.random.RandomState):
        return dict(generator.get_state(legacy=False))
    keys = random.Random.getstate(generator)[1][:KEYS]
    return {"bit_generator": TWISTER, "state": {"key": np.array(keys, np.uint32)}}


def _is_twisted_to(before: "np.ndarray", after: "np.ndarray") -> bool:
    bits = np.random.MT19937(0)
    keys = before
    bits.state = {"bit_generator": TWISTER, "state": {"key": before, "pos": KEYS}}
    for _ in range(MOST_BLOCKS):
        if np.array_equal(keys, after):
            return True
        bits.random_raw(KEYS, output=False)
        keys = bits.state["state"]["key"]
    return False


def _steps(before: dict[str, int], after: dict[str, int], multiplier: int) -> int:
    """Return how often a linear generator has gone on; STATE where it never comes there.

    Bit by bit, as in Brown, "Random number generation with arbitrary strides" (1994).
    """
    if before["inc"] != after["inc"]:
        return STATE
    now, there, increment = before["state"], after["state"], before["inc"]
    steps, bit = 0, 1
    while now != there and bit < STATE:
        if (now ^ there) & bit:
            now = (now * multiplier + increment) % STATE
            steps |= bit
        increment = (multiplier + 1) * increment % STATE
        multiplier = multiplier * multiplier % STATE
        bit <<= 1
    return steps if now == there else STATE
