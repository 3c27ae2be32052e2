"""The table of values that are made of parts: what each kind is read as, and how it is built.

Encoder and decoder share it: a value travels as its kind's name and parts, and is built again from
parts whose types are checked. A class of a library is found when the library is loaded, and a
subclass is read as the nearest class in the table. Both sides run this file; in the child it is
executed from source.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from .nodes import ProtocolViolationError


class NotByValueError(Exception):
    """A value has parts that do not travel, so that it stays where it is."""


class MissingLibraryError(Exception):
    """A value needs a library that is not installed on the side that it came to."""

    def __init__(self, library: str) -> None:
        super().__init__(
            f"a value of {library} came to where {library} is not installed;"
            f" run `pip install {library}` in the grader's environment"
        )


# What a part may be: one type, several, or what a function says; `object` is anything.
Part = type | tuple[type, ...] | Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value.

    classes: which it is of, by their dotted names in `module`, or as classes. takes: what each
    part is. weight: how many bytes one takes beside its buffers, and time as if it were memory.
    A kind with `refill` can be given another's contents; `copy` makes what it can be given back.
    """

    name: str
    classes: tuple[Any, ...]
    parts: Callable[[Any], Sequence[Any]]
    build: Callable[..., Any]
    takes: tuple[Part, ...]
    module: str = ""
    weight: int = 0
    refill: Callable[[Any, Any], None] | None = None
    copy: Callable[[Any], Any] | None = None

    @property
    def is_mutable(self) -> bool:
        return self.refill is not None

    def made(self, parts: Sequence[Any]) -> Any:
        """Return the value of checked parts; ProtocolViolationError where there is none."""
        if len(parts) != len(self.takes):
            raise ProtocolViolationError(f"a {self.name} of {len(parts)} parts")
        if not all(map(fits, self.takes, parts)):
            raise ProtocolViolationError(f"a {self.name} with a part of another type")
        if self.module:
            library(self.module)
            TABLE.look_for_library_of(self)
        try:
            return self.build(*parts)
        except (ProtocolViolationError, MissingLibraryError, MemoryError):
            raise
        except ImportError as problem:
            raise MissingLibraryError(str(problem.name or self.module)) from None
        except Exception as problem:  # noqa: BLE001 - whatever a library says of such parts
            said = f"{type(problem).__name__}: {problem}"
            raise ProtocolViolationError(
                f"a {self.name} that cannot be built ({said:.200})"
            ) from None


def fits(wanted: Part, part: Any) -> bool:
    """Tell whether a part is what a kind takes there, by its exact type."""
    if wanted is object:
        return True
    if isinstance(wanted, type):
        return type(part) is wanted
    return type(part) in wanted if isinstance(wanted, tuple) else wanted(part)


def library(name: str) -> Any:
    """Import a library where a value needs it; MissingLibraryError where it is not installed.

    How arrays print stays as it was: datascience sets that for the whole process, and the next
    student's arrays are to print as theirs do.
    """
    if sys.modules.get(name) is not None:
        return sys.modules[name]
    try:
        if "numpy" not in sys.modules:
            return import_module(name)
        with sys.modules["numpy"].printoptions():
            return import_module(name)
    except ImportError:
        raise MissingLibraryError(name.partition(".")[0]) from None


class Table:
    """The kinds by name, and by class for those libraries that are loaded."""

    def __init__(self) -> None:
        self._by_name: dict[str, Kind] = {}
        self._by_class: dict[type, Kind] = {}
        self._waiting: list[Kind] = []  # for their library

    def add(self, *kinds: Kind) -> None:
        """Take kinds into the table."""
        for kind in kinds:
            self._by_name[kind.name] = kind
            if kind.module:
                self._waiting.append(kind)
            else:
                self._by_class |= dict.fromkeys(kind.classes, kind)

    def named(self, name: str) -> Kind:
        """Return the kind of a name; ProtocolViolationError where there is none."""
        kind = self._by_name.get(name)
        if kind is None:
            raise ProtocolViolationError(f"a value of the unknown kind {name!r:.40}")
        return kind

    def look_for_libraries(self) -> bool:
        """Take in the classes of libraries that are loaded by now, and say whether there are."""
        loaded = [kind for kind in self._waiting if _is_loaded(kind.module)]
        for kind in loaded:
            self._waiting.remove(kind)
            for name in kind.classes:
                found = _dotted(sys.modules[kind.module], name)
                if isinstance(found, type):  # not every version of a library has each
                    self._by_class[found] = kind
        return bool(loaded)

    def look_for_library_of(self, kind: Kind) -> None:
        """Take in the classes of a kind's library where that was loaded for a value of it."""
        if any(one is kind for one in self._waiting):
            self.look_for_libraries()

    def of_class(self, kind: type) -> Kind | None:
        """Return the kind that has exactly this class."""
        return self._by_class.get(kind)


def _is_loaded(module: str) -> bool:
    spec = getattr(sys.modules.get(module), "__spec__", None)
    return spec is not None and not getattr(spec, "_initializing", False)


def _dotted(module: Any, name: str) -> Any:
    found = module
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


TABLE = Table()
