"""Generators of random numbers, at their state: what a test hands over goes on where it stands.

A state is checked before it is set: NumPy and Python take what they are given. One of a student's
own stays with the child, since what is drawn from it is drawn from all its uses. Both sides run
this file; in the child it is executed from source.
"""

import random
from typing import TYPE_CHECKING, Any

from .kinds import TABLE, Kind, NotByValueError

if TYPE_CHECKING:
    import numpy as np

PERMUTED = frozenset({"PCG64", "PCG64DXSM"})
TWISTER = "MT19937"
KEYS = 624  # of a Mersenne twister, 32 bits each
WORD, STATE = 2**32, 2**128
NUMBERS = {"PCG64": 4, "PCG64DXSM": 4, TWISTER: 1}


def _bits(generator: Any) -> list[Any]:
    """Return the name, the numbers and the keys of a bit generator's state."""
    held = generator.state
    name, state = held["bit_generator"], held["state"]
    if name in PERMUTED:
        found = [state["state"], state["inc"], held["has_uint32"], held["uinteger"]]
        return [name, list(map(int, found)), None]
    if name != TWISTER:
        raise NotByValueError
    return [name, [int(state["pos"])], state["key"].copy()]


def _made_bits(name: str, numbers: list[int], keys: "np.ndarray | None") -> Any:
    import numpy as np

    if NUMBERS.get(name) != len(numbers) or not all(type(one) is int for one in numbers):
        raise ValueError("no state of a generator")
    state: dict[str, Any] = {"bit_generator": name}
    if name == TWISTER:
        [position] = numbers
        if keys is None or keys.shape != (KEYS,) or keys.dtype != np.uint32:
            raise ValueError("no keys of a generator")
        if not 0 <= position <= KEYS:
            raise ValueError("a position beyond the keys")
        state["state"] = {"key": keys, "pos": position}
    else:
        value, step, has_half, half = numbers
        if not (0 <= value < STATE and 0 <= step < STATE and step % 2 and has_half in {0, 1}):
            raise ValueError("no state of a generator")
        if not 0 <= half < WORD:
            raise ValueError("no half of a number")
        state["state"] = {"state": value, "inc": step}
        state |= {"has_uint32": has_half, "uinteger": half}
    made = getattr(np.random, name)(0)
    made.state = state
    return made


def _generator(value: Any) -> list[Any]:
    return _bits(value.bit_generator)


def _made_generator(name: str, numbers: list[int], keys: "np.ndarray | None") -> Any:
    import numpy as np

    return np.random.Generator(_made_bits(name, numbers, keys))


def _refill_generator(target: Any, other: Any) -> None:
    target.bit_generator.state = other.bit_generator.state


def _legacy(value: Any) -> list[Any]:
    held = value.get_state(legacy=False)
    if held["bit_generator"] != TWISTER:
        raise NotByValueError
    kept = float(held["gauss"]) if held["has_gauss"] else None
    return [int(held["state"]["pos"]), held["state"]["key"].copy(), kept]


def _made_legacy(position: int, keys: "np.ndarray", kept: float | None) -> Any:
    import numpy as np

    made = np.random.RandomState(_made_bits(TWISTER, [position], keys))
    if kept is not None:
        made.set_state((TWISTER, keys, position, 1, kept))
    return made


def _refill_legacy(target: Any, other: Any) -> None:
    target.set_state(other.get_state(legacy=False))


def _python(value: Any) -> list[Any]:
    import numpy as np

    if type(value) is not random.Random:  # noqa: S311 - a subclass may draw from elsewhere
        raise NotByValueError
    _version, state, kept = random.Random.getstate(value)
    return [state[-1], np.array(state[:-1], np.uint32), kept]


def _made_python(position: int, keys: "np.ndarray", kept: float | None) -> Any:
    _made_bits(TWISTER, [position], keys)
    made = random.Random(0)  # noqa: S311 - what a test asks for
    made.setstate((3, (*keys.tolist(), position), kept))
    return made


def _refill_python(target: Any, other: Any) -> None:
    target.setstate(other.getstate())


def _is_keys(value: Any) -> bool:
    import numpy as np

    return type(value) is np.ndarray


def _is_keys_or_none(value: Any) -> bool:
    return value is None or _is_keys(value)


OPTIONAL_NUMBER = (float, type(None))


def _copied(parts: Any, build: Any) -> Any:
    return lambda value: build(*parts(value))


TABLE.add(
    Kind("Generator", ("Generator",), _generator, _made_generator, (str, list, _is_keys_or_none),
         module="numpy.random", weight=5_000, refill=_refill_generator,
         copy=_copied(_generator, _made_generator)),
    Kind("RandomState", ("RandomState",), _legacy, _made_legacy, (int, _is_keys, OPTIONAL_NUMBER),
         module="numpy.random", weight=5_000, refill=_refill_legacy,
         copy=_copied(_legacy, _made_legacy)),
    Kind("Random", (random.Random,), _python, _made_python,  # noqa: S311
         (int, _is_keys, OPTIONAL_NUMBER),
         weight=5_000, refill=_refill_python, copy=_copied(_python, _made_python)),
)  # fmt: skip
