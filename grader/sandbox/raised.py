"""A student's exceptions as the judge's: classes to catch them by, and what they hold.

A class of the student's becomes one that is made here, for one session, with the same bases. A
known library's is the judge's own, where it has it. All of them derive from `StudentError`, and
none says that there is nothing more.
"""

import builtins
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import libraries
from .asking import is_asked_by_ours
from .failures import ENDS, StudentError, error_class, student_error
from .wire.nodes import Kind, Opaque, ProtocolViolationError
from .wire.protocol import Failure

if TYPE_CHECKING:
    from .live import LiveCase

MOST_KINDS = 64
MAX_NAME = 200
BEFORE = frozenset({"__cause__", "__context__", "__suppress_context__"})
LOCAL = frozenset({"failure", "describe", "reference", "with_traceback", "add_note"})


class LiveStudentError(StudentError):
    """An exception whose attributes are asked of the child, while the case lasts."""

    reference: "tuple[LiveCase, int] | None" = None

    def __getattribute__(self, name: str) -> Any:
        own = super().__getattribute__
        if name in BEFORE and not own(name) and _is_asked_by_a_test():
            return _before(own("reference"), name)
        if name.startswith("__") or name in LOCAL:
            return own(name)
        held = own("reference")
        if held is None or held[0].is_over or is_asked_by_ours(1):
            return own(name)
        return held[0].operate_on(held[1], "getattr", (name,))


def _before(held: "tuple[LiveCase, int] | None", name: str) -> Any:
    """Return the exception from which one of the student's was raised, or whether it is hidden."""
    of_which = bool if name == "__suppress_context__" else BaseException
    if held is None or held[0].is_over:
        return False if of_which is bool else None
    found = held[0].operate_on(held[1], "getattr", (name,))
    if isinstance(found, of_which):
        return found
    return False if of_which is bool else None


def _is_asked_by_a_test() -> bool:
    """Say whether a test looks at an attribute, two frames up, and not what shows a traceback."""
    names = sys._getframe(2).f_globals  # noqa: SLF001
    return dict.__contains__(names, "OK_FORMAT") or dict.get(names, "__name__") == "__main__"


class _ErrorType(type):
    """The class of an exception class that a notebook defines."""

    live: "LiveCase | None"
    key: int

    @property
    def __bases__(cls) -> tuple[type, ...]:  # type: ignore[override]
        """The classes that it derives from, each Python's own where it stands for one."""
        bases: tuple[type, ...] = type.__dict__["__bases__"].__get__(cls)
        return bases if is_asked_by_ours(1) else _as_python_has_them(bases)

    @property
    def __mro__(cls) -> tuple[type, ...]:
        """Itself and what it derives from, without what only stands for Python's own."""
        kinds: tuple[type, ...] = type.__dict__["__mro__"].__get__(cls)
        return kinds if is_asked_by_ours(1) else _as_python_has_them(kinds)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls.live is None or cls.live.is_over:
            return super().__call__(*args, **kwargs)
        return cls.live.operate_on(cls.key, "call", args, kwargs)

    def __getattr__(cls, name: str) -> Any:
        live = type.__getattribute__(cls, "__dict__").get("live")
        if name.startswith("__") or live is None or live.is_over or is_asked_by_ours(1):
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        return live.operate_on(cls.key, "getattr", (name,))


def is_made(kind: type) -> bool:
    """Say whether a class was made here for one of the student's."""
    return isinstance(kind, _ErrorType)


def class_of_error(kind: type) -> type:
    """Return Python's own class where an exception's class stands for one."""
    if issubclass(kind, LiveStudentError) and kind.__module__ == "builtins":
        own = getattr(builtins, kind.__name__, None)
        return own if isinstance(own, type) else kind
    return kind


def _as_python_has_them(kinds: tuple[type, ...]) -> tuple[type, ...]:
    shown = [class_of_error(kind) for kind in kinds if kind not in {LiveStudentError, StudentError}]
    return tuple(dict.fromkeys(shown))


def held(value: Any) -> int | None:
    """Return the number of an exception, or of an exception class, that the child has."""
    if isinstance(value, LiveStudentError):
        reference = StudentError.__getattribute__(value, "reference")
        return None if reference is None or reference[0].is_over else reference[1]
    return value.key if isinstance(value, _ErrorType) else None


_PLAIN = type("Exception", (LiveStudentError,), {"__module__": "builtins"})


def _builtin(name: str) -> type[LiveStudentError]:
    found = error_class(name, LiveStudentError)
    return _PLAIN if found is LiveStudentError and name == "Exception" else found


class ErrorClasses:
    """The exception classes of one session, by their numbers."""

    def __init__(self) -> None:
        self._made: dict[int, type[LiveStudentError]] = {}

    def caught_by(self, live: "LiveCase", lineage: Sequence[Kind]) -> type[BaseException]:
        """Return what a test catches a class by: Python's own, or one that was made here."""
        first = lineage[0]
        if first.key < 0:
            found = getattr(builtins, first.name, None)
            if isinstance(found, type) and issubclass(found, Exception):
                return found
        return self.made(live, lineage)

    def made(self, live: "LiveCase", lineage: Sequence[Kind]) -> type[LiveStudentError]:
        """Return the class of the first of a lineage; the others are what it derives from."""
        if len(lineage) > MOST_KINDS:
            raise ProtocolViolationError("an exception class with too many bases")
        classes: list[type[LiveStudentError]] = []
        for number in reversed(range(len(lineage))):
            # The bases of a class come after it, so that none is its own.
            places = [len(lineage) - 1 - base for base in lineage[number].bases if base > number]
            bases = [classes[place] for place in places if 0 <= place < len(classes)]
            classes.append(self._one(live, lineage[number], bases))
        return classes[-1]

    def _one(
        self, live: "LiveCase", kind: Kind, bases: list[type[LiveStudentError]]
    ) -> type[LiveStudentError]:
        if kind.key < 0:
            return _builtin(kind.name)
        found = self._made.get(kind.key)
        if found is None:
            found = self._made[kind.key] = _make(kind, bases or [LiveStudentError])
        found.live = live  # type: ignore[attr-defined]
        return found


def _make(kind: Kind, bases: list[type[LiveStudentError]]) -> type[LiveStudentError]:
    native = libraries.known_class(kind.module, kind.name)
    if native is not None and (not issubclass(native, Exception) or issubclass(native, ENDS)):
        native = None
    name = kind.name.rpartition(".")[2][:MAX_NAME] or "Exception"
    module = "__main__" if native is None else kind.module[:MAX_NAME]
    choices: list[list[Any]] = [[LiveStudentError, native] if native else bases, bases, bases[:1]]
    for chosen in choices:
        space = {"__module__": module, "__qualname__": name, "live": None, "key": kind.key}
        try:
            made: Any = _ErrorType(name, tuple(chosen), space)
            made.__new__(made)
        except TypeError:  # layouts that do not combine, or one that wants arguments
            continue
        found: type[LiveStudentError] = made
        return found
    return LiveStudentError


def raised(
    live: "LiveCase", classes: ErrorClasses, node: Opaque, failure: Failure | None = None
) -> StudentError:
    """Return an exception of the child's, to be raised here or looked at."""
    kind = classes.made(live, node.lineage)
    failure = failure or Failure(node.type_name, "Exception", node.said, "")
    error = student_error(failure, kind)
    if isinstance(error, LiveStudentError):
        error.reference = live, node.key
    return error
