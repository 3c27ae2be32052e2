"""What a test has replaced of libraries and of the environment, while its calls run here.

Executed from source beside student code.
"""

import contextlib
import importlib
import os
from collections.abc import Iterator
from typing import Any

from .callbacks import GivenFunction

MISSING = object()


class Replacing:
    """What stands in for something else while student code runs for a test."""

    def __init__(self) -> None:
        self._places: list[tuple[str, str, Any]] = []
        self._before: dict[str, str | None] = {}  # of the environment, what a test has changed
        self._set: dict[str, str | None] = {}

    def start_case(self) -> None:
        """Have everything as it was."""
        self._places = []
        for name, value in self._before.items():
            if os.environ.get(name) == self._set.get(name):  # no code of the student's own set it
                _put(name, value)
        self._before, self._set = {}, {}

    def take(self, places: list[tuple[str, str, Any]], settings: dict[str, str | None]) -> None:
        """Have this from now on, and nothing that was there before."""
        self._places = places
        for name in [*self._before]:
            if name not in settings:
                _put(name, self._before.pop(name))
        for name, value in settings.items():
            self._before.setdefault(name, os.environ.get(name))
            _put(name, value)
        self._set = settings

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Have it all there for one call; what student code has put there itself stays."""
        found = [one for one in map(_found, self._places) if one is not None]
        held = [(*one, vars(one[0]).get(one[1], MISSING)) for one in found]
        for holder, name, one, _ in held:
            setattr(holder, name, one)
        try:
            yield
        finally:
            for holder, name, one, before in reversed(held):
                if vars(holder).get(name, MISSING) is not one:
                    continue
                if before is MISSING:
                    delattr(holder, name)
                else:
                    setattr(holder, name, before)


def _found(place: tuple[str, str, Any]) -> tuple[Any, str, Any] | None:
    """Return what has the attribute, its name and what is to be there; None for what is not."""
    module, path, one = place
    *way, name = path.split(".")
    try:
        holder: Any = importlib.import_module(module)
        for part in way:
            holder = getattr(holder, part)
        vars(holder)
    except Exception:  # noqa: BLE001 - nothing here can find it there either
        return None
    is_method = isinstance(holder, type) and type(one) is GivenFunction
    return holder, name, _method(one) if is_method else one


def _method(function: GivenFunction) -> Any:
    """Return a function of a test's as one that an object passes itself to."""

    def method(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return method


def _put(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
