"""What a test has put in the place of something of a library's or of Python's own.

A test of a function that asks for input puts its own `input` in the place of Python's. In one
process the function would find it. So what the test's text says that it replaces is looked at
before each call, and the student's process has the same there while its code runs.
"""

import contextlib
import importlib
import os
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any, NamedTuple

PLACES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("builtins", ("input", "open", "print")),
    ("os", ("environ", "getcwd", "listdir")),
    ("random", ("choice", "randint", "random", "randrange", "sample", "shuffle", "uniform")),
    ("sys", ("argv", "stdin")),
    ("time", ("sleep", "time")),
)
MISSING = object()


class StandingModule(ModuleType):
    """What stands for a module that is in a student's process, which is asked for each name."""


class Place(NamedTuple):
    """An attribute of a module, or of something in it: `path` leads there by its names."""

    module: str
    path: str

    def __str__(self) -> str:
        return f"{self.module}.{self.path}"

    @classmethod
    def of(cls, dotted: str) -> "Place | None":
        """Return the place of a dotted name; None where nothing that can be imported is there."""
        parts = dotted.split(".")
        for count in range(len(parts) - 1, 0, -1):
            name = ".".join(parts[:count])
            try:
                importlib.import_module(name)
            except Exception:  # noqa: BLE001, S112 - the test will meet it as well
                continue
            return cls(name, ".".join(parts[count:]))
        return None

    def value(self) -> Any:
        """Return what is there, as whoever uses it finds it; MISSING for nothing.

        In what stands for a module of a student's only what a test has put there is looked for.
        """
        found: Any = sys.modules.get(self.module)
        for part in self.path.split("."):
            if isinstance(found, StandingModule):
                found = vars(found).get(part, MISSING)
            else:
                found = getattr(found, part, MISSING)
        return found

    def own(self) -> "Own":
        """Return what has the attribute, and what it holds there itself; MISSING for nothing."""
        *way, name = self.path.split(".")
        holder: Any = sys.modules.get(self.module)
        for part in way:
            holder = None if isinstance(holder, StandingModule) else getattr(holder, part, None)
        return Own(holder, name, getattr(holder, "__dict__", {}).get(name, MISSING))


class Own(NamedTuple):
    """An attribute of something, by its name, and what that holds itself."""

    holder: Any
    name: str
    value: Any

    def put_back(self) -> None:
        """Have the attribute be again what it was."""
        if getattr(self.holder, "__dict__", {}).get(self.name, MISSING) is self.value:
            return
        with contextlib.suppress(AttributeError, TypeError):  # of what lets nobody set it
            if self.value is MISSING:
                delattr(self.holder, self.name)
            else:
                setattr(self.holder, self.name, self.value)


USUAL = tuple(Place(module, name) for module, names in PLACES for name in names)


class Due(NamedTuple):
    """What the other side is to have: values by their places, and texts of the environment."""

    places: list[tuple[Place, Any]]
    settings: dict[str, str | None]


class Replaced:
    """What one case has replaced since it began."""

    def __init__(self) -> None:
        self._before = {place: place.value() for place in USUAL}
        self._own = [place.own() for place in USUAL]
        self._settings: dict[str, str] | None = None
        self._environ = os.environ
        self._told = Due([], {})

    def watch(self, named: Iterable[Place]) -> None:
        """Look from now on at places that the case's text names as well."""
        self._before |= {place: place.value() for place in named}
        self._own += [place.own() for place in named]

    def put_back(self) -> None:
        """Have everything be what it was: this process judges further cases, of others as well."""
        for one in reversed(self._own):
            one.put_back()

    def watch_settings(self) -> None:
        """Look from now on at the environment."""
        self._environ, self._settings = os.environ, dict(os.environ)

    def due(self) -> Due | None:
        """Return what the other side is to have instead of what it was told; None for no change."""
        places = [
            (place, value)
            for place, before in self._before.items()
            if (value := place.value()) is not before
        ]
        now = Due(places, self._settings_now())
        are_told = len(places) == len(self._told.places) and all(
            place == known and value is held
            for (place, value), (known, held) in zip(places, self._told.places, strict=True)
        )
        if are_told and now.settings == self._told.settings:
            return None
        self._told = now
        return now

    def _settings_now(self) -> dict[str, str | None]:
        # A test that replaces the whole of it does not set any of it.
        if self._settings is None or os.environ is not self._environ:
            return {}
        before, now = self._settings, dict(os.environ)
        return {
            name: now.get(name) for name in {*now, *before} if now.get(name) != before.get(name)
        }
