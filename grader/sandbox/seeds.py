"""Random numbers that a test and the notebook share, as they do in one process without a wall.

The judge's generators are put into a known state for a case and back after it. What a test makes of
them, by seeding or by drawing, the student's process has as well before it runs anything. The other
way nothing is taken: a student's process would choose the numbers that a test draws.
"""

import contextlib
import functools
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from .inside import randomness
from .wire.protocol import Seed

# By these a test starts a generator again, also in the state that it had.
SEEDING = {
    "random": ("seed", "setstate"),
    "numpy.random": ("seed", "set_state"),
    "torch": ("manual_seed", "seed", "set_rng_state"),
    "torch.random": ("manual_seed", "seed", "set_rng_state"),
}
NUMPY_SEEDS = 2**32


class Seeds:
    """The states of one case's generators, as both sides have them."""

    def __init__(self) -> None:
        self._shared = randomness.take()
        self._seeded = False

    def note(self) -> None:
        """Note that a generator was started again."""
        self._seeded = True

    def changed(self) -> Seed | None:
        """Return the states that the other side has to be given, None where it has them."""
        now = randomness.take()
        if now == self._shared and not self._seeded:
            return None
        self._shared, self._seeded = now, False
        return now


@contextmanager
def shared(seed: int) -> Iterator[Seeds]:
    """Start this process's generators from a seed, watch them, and put them back in the end."""
    before = randomness.take()
    random.seed(seed)
    for name, start in (("numpy.random", "seed"), ("torch", "manual_seed")):
        if name in sys.modules:
            getattr(sys.modules[name], start)(seed % NUMPY_SEEDS)
    seeds = Seeds()
    with contextlib.ExitStack() as stack:
        stack.callback(randomness.put, before)
        for module, name in _there():
            stack.enter_context(_watched(module, name, seeds.note))
        yield seeds


def _there() -> Iterator[tuple[ModuleType, str]]:
    for module, names in SEEDING.items():
        for name in names if module in sys.modules else ():
            yield sys.modules[module], name


@contextmanager
def _watched(module: ModuleType, name: str, note: Callable[[], None]) -> Iterator[None]:
    original = getattr(module, name)

    @functools.wraps(original)
    def start(*args: Any, **keywords: Any) -> Any:
        note()
        return original(*args, **keywords)

    setattr(module, name, start)
    try:
        yield
    finally:
        setattr(module, name, original)
