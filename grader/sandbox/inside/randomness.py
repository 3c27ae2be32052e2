"""The generators of random numbers that a process has once: their states, taken and put back.

Run in the judge and in the student's process; imports no library that is not there already.
"""

import random
import sys
from typing import Any

from ..wire.protocol import Seed

VERSION = 3  # of the states of `random`, and the only one that Python has written since 3.2
TWISTER = "MT19937"


def take(request: int = 0) -> Seed:
    """Return the states of this process's generators; None for a library that is not there."""
    words, gauss = random.getstate()[1:]
    return Seed(request, _numpys(), (list(words), gauss), _torchs())


def _numpys() -> tuple[bytes, int, int, float] | None:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    state: Any = numpy.random.get_state(legacy=False)
    if state["bit_generator"] != TWISTER:  # set by hand, which nothing else shares
        return None
    inner = state["state"]
    return inner["key"].tobytes(), int(inner["pos"]), int(state["has_gauss"]), float(state["gauss"])


def _torchs() -> bytes | None:
    torch = sys.modules.get("torch")
    return None if torch is None else bytes(torch.get_rng_state().numpy().tobytes())


def put(states: Seed) -> None:
    """Put this process's generators into some states, of the libraries that are here."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if states.python is not None:
        words, gauss = states.python
        random.setstate((VERSION, tuple(words), gauss))
    if states.numpy is not None and numpy is not None:
        key, position, has_gauss, cached = states.numpy
        numpy.random.set_state(
            (TWISTER, numpy.frombuffer(key, numpy.uint32), position, has_gauss, cached)
        )
    if states.torch is not None and torch is not None:
        torch.set_rng_state(torch.frombuffer(bytearray(states.torch), dtype=torch.uint8))
