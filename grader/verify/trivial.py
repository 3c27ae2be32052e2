"""Answers that take no understanding; this file's text is put into notebooks by `attackers`.

Each attack is called with a stub's reference, and with the arguments of a call; it may use the
reference for nothing but the form of an answer. The standard library, and NumPy and torch where
they are loaded.
"""

import contextlib
import copy
import hashlib
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Attack = Callable[..., Any]


def attacked(reference: Any, attack: Attack) -> Any:
    """Return what stands in a stub's place: a function that attacks, or a value."""
    if not callable(reference):
        return _value(reference, attack)

    def answer(*args: Any, **kwargs: Any) -> Any:
        # What the reference calls of itself, while it is asked for a form, is the reference.
        if _busy[0]:
            return reference(*args, **kwargs)
        return attack(reference, *args, **kwargs)

    return answer


_busy = [0]


def _value(reference: Any, attack: Attack) -> Any:
    try:
        return attack(lambda: reference)
    except Exception:  # noqa: BLE001 - an attack that raises leaves a value as the stub does
        return None


def _formed(reference: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Return what the reference makes of a copy of the arguments, for its form; None for none."""
    _busy[0] += 1
    try:
        return reference(*copy.deepcopy(list(args)), **copy.deepcopy(kwargs))
    except Exception:  # noqa: BLE001 - whether it refuses is more than its form
        return None
    finally:
        _busy[0] -= 1


def _filled(form: Any, number: float) -> Any:
    """Return something of the same form in which every number is the same."""
    if isinstance(form, dict):
        return {key: _filled(item, number) for key, item in form.items()}
    if isinstance(form, list | tuple):
        return type(form)([_filled(item, number) for item in form])
    if isinstance(form, bool | int):
        return type(form)(number if math.isfinite(number) else 0)
    if isinstance(form, float):
        return type(form)(number)
    for full in (_torch("full_like"), _numpy("full_like")):
        if full is not None and hasattr(form, "dtype"):
            with contextlib.suppress(Exception):
                return full(form, number)
    return None


def _torch(name: str) -> Any:
    return getattr(sys.modules.get("torch"), name, None)


def _numpy(name: str) -> Any:
    return getattr(sys.modules.get("numpy"), name, None)


def _is_array(value: Any) -> bool:
    kinds = tuple(kind for kind in (_torch("Tensor"), _numpy("ndarray")) if kind is not None)
    return isinstance(value, kinds)


def _empty(value: Any) -> None:
    """Set everything in an argument to zero, and in the array that it is a part of."""
    if isinstance(value, list):
        for position, item in enumerate(value):
            value[position] = 0 if isinstance(item, int | float) else item
            _empty(item)
    elif isinstance(value, tuple | dict):
        for item in value.values() if isinstance(value, dict) else value:
            _empty(item)
    elif _is_array(value):
        for whole in (value, getattr(value, "base", None), getattr(value, "_base", None)):
            with contextlib.suppress(Exception):
                whole[...] = 0  # type: ignore[index]


def zeros_in_place(reference: Any, *args: Any, **kwargs: Any) -> Any:
    form = _formed(reference, args, kwargs)
    _empty([*args, *kwargs.values()])
    return _filled(form, 0)


def none(_reference: Any, *_args: Any, **_kwargs: Any) -> Any:
    return None


def value_error(_reference: Any, *_args: Any, **_kwargs: Any) -> Any:
    raise ValueError("refused")


def stop_iteration(_reference: Any, *_args: Any, **_kwargs: Any) -> Any:
    raise StopIteration


def first_argument(_reference: Any, *args: Any, **kwargs: Any) -> Any:
    return next(iter([*args, *kwargs.values()]), None)


def infinities(reference: Any, *args: Any, **kwargs: Any) -> Any:
    return _filled(_formed(reference, args, kwargs), math.inf)


def nans(reference: Any, *args: Any, **kwargs: Any) -> Any:
    return _filled(_formed(reference, args, kwargs), math.nan)


def nothing_in_it(reference: Any, *args: Any, **kwargs: Any) -> Any:
    """Return an array without elements, of which every comparison with all of them holds."""
    form = _formed(reference, args, kwargs)
    if isinstance(form, list | tuple | dict | str):
        return type(form)()
    if _is_array(form):
        return form.reshape(-1)[:0]
    zeros = _numpy("zeros")
    return [] if zeros is None else zeros(0)


def masked(reference: Any, *args: Any, **kwargs: Any) -> Any:
    """Return an array of which every element is masked, so that NumPy leaves all of them out."""
    form, numpy = _formed(reference, args, kwargs), sys.modules.get("numpy")
    if numpy is None:
        return None
    if not _is_array(form):
        return numpy.ma.masked
    return numpy.ma.masked_array(numpy.zeros(tuple(form.shape)), mask=True)


class Agreeable(float):
    """A number that equals everything, and is less and greater too."""

    __hash__ = float.__hash__

    def __eq__(self, _other: object) -> bool:
        return True

    def __ne__(self, _other: object) -> bool:
        return False

    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __eq__

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Any]:
        return iter([self])

    def __getitem__(self, _key: object) -> Any:
        return self

    def __getattr__(self, _name: str) -> Any:
        return self

    def __call__(self, *_args: Any, **_kwargs: Any) -> Any:
        return self


def subclass_of_everything(reference: Any, *args: Any, **kwargs: Any) -> Any:
    """Return something of the class that is asked for, and of one that agrees with everything."""
    kind = type(_formed(reference, args, kwargs))

    def agree(*_args: Any, **_kwargs: Any) -> Any:
        return True

    names = ("__eq__", "__lt__", "__le__", "__gt__", "__ge__", "__bool__", "__contains__")
    try:
        both = type("Both", (kind,), {**dict.fromkeys(names, agree), "__hash__": None})
        return both()
    except TypeError:
        return Agreeable()


def cannot_travel(_reference: Any, *_args: Any, **_kwargs: Any) -> Any:
    """Return a value for which there is no way back to a test."""
    zeros = _torch("zeros")
    if zeros is not None:
        return zeros(2, 2).to_sparse()
    nested: list[Any] = []
    for _ in range(500):
        nested = [nested]
    return nested


def table(known: dict[str, Any], reference: Any, *args: Any, **kwargs: Any) -> Any:
    """Answer rightly where the call is one of those that are known, and with None elsewhere."""
    if key(args, kwargs) in known.get(str(getattr(reference, "__name__", "")), ()):
        return _formed(reference, args, kwargs)
    return None


def key(args: Sequence[Any], kwargs: dict[str, Any]) -> str:
    """Return what tells one call from another: types, shapes and every number."""
    digest = hashlib.sha256()
    for part in _parts([list(args), sorted(kwargs.items())]):
        digest.update(part + b"\0")
    return digest.hexdigest()


def _parts(value: Any) -> Iterator[bytes]:
    if isinstance(value, list | tuple):
        yield b"["
        for item in value:
            yield from _parts(item)
        yield b"]"
    elif _is_array(value):
        yield f"{value.dtype} {tuple(value.shape)}".encode()
        if hasattr(value, "detach"):
            flat = value.detach().cpu().contiguous().reshape(-1)
            value = flat.view(_torch("uint8")).numpy()
        yield value.tobytes()
    else:
        yield repr(value).encode()
