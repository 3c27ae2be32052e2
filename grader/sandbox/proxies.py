"""What stands in the judge for what stayed with a student: exceptions, objects, functions.

A student's exception arrives as `StudentError`, which is also of the builtin class it was. The
end of the child arrives as `ChildEnded`, which no `except Exception` in a test can swallow.
"""

import builtins
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.model import Status

from .wire.protocol import Failure, Opaque

if TYPE_CHECKING:
    from .session import Session

ITEMS_AT_ONCE = 256


class StudentError(Exception):
    """An exception that student code raised; its text is the student's own."""

    failure: Failure

    def describe(self) -> str:
        """Return the sentence and the student's own lines that led to it."""
        said = f"{self.failure.type_name}: {self.failure.message}".rstrip(": ")
        return "\n".join(part for part in (self.failure.traceback, said) if part)


class ChildEnded(BaseException):
    """The child is gone: a limit, an exit, a crash, or a frame that broke the protocol."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class TransferError(Exception):
    """What a call needed or gave could not be handed over, by a fault that is no student's."""


class MissingNameError(Exception):
    """The notebook defines no such name."""


_error_classes: dict[str, type[StudentError]] = {}


def _error_class(name: str) -> type[StudentError]:
    """Return the class for a builtin exception's name; what is none is a plain StudentError."""
    kind = getattr(builtins, name, None)
    if not isinstance(kind, type) or not issubclass(kind, Exception) or kind is Exception:
        return StudentError
    if name not in _error_classes:
        try:
            made: type[StudentError] = type("StudentError", (StudentError, kind), {})
            made.__new__(made)
        except TypeError:  # two layouts that do not combine, or a class that wants arguments
            made = StudentError
        _error_classes[name] = made
    return _error_classes[name]


def student_error(failure: Failure) -> StudentError:
    """Return an exception that is a StudentError and of the builtin class that was raised."""
    kind = _error_class(failure.builtin)
    error = kind.__new__(kind)
    error.args = (failure.message,)
    error.failure = failure
    return error


class StudentObject:
    """Stands for an object that stayed with the child: call it, iterate it, or pass it back."""

    __slots__ = ("_key", "_session", "_type_name")

    def __init__(self, session: "Session", node: Opaque) -> None:
        self._session = session
        self._key = node.key
        self._type_name = node.type_name[:100]

    def __repr__(self) -> str:
        return f"<an object of type {self._type_name}>"

    def __iter__(self) -> Iterator[Any]:
        while True:
            items = self._session.take(self._key, ITEMS_AT_ONCE)
            yield from items
            if len(items) < ITEMS_AT_ONCE:
                return

    def __eq__(self, _other: object) -> bool:
        return False  # it equals nothing, whatever it says of itself

    def __hash__(self) -> int:
        return id(self)


@dataclass(frozen=True, slots=True)
class Observation:
    """What an instrumented call gave: its value, the torch operations in order, its seconds."""

    value: Any
    operations: tuple[str, ...]
    seconds: float


class StudentFunction(StudentObject):
    """A student's callable; a call copies its arguments over and its result back."""

    __slots__ = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._session.call(self._key, args, kwargs)

    def observe(self, *args: Any, **kwargs: Any) -> Observation:
        """Call with a log of the torch operations that the call dispatches."""
        seen = self._session.call(self._key, args, kwargs, mode="observe")
        try:
            operations = tuple(str(name) for name in seen["operations"])
            return Observation(seen["value"], operations, float(seen["seconds"]))
        except (TypeError, KeyError, ValueError):
            raise ChildEnded(Status.KILLED, "the call's log was not a log") from None

    def compile_kernels(
        self, *args: Any, targets: tuple[str, ...] = ("sm_80", "sm_90"), **kwargs: Any
    ) -> list[dict[str, Any]]:
        """Compile for each target the Triton kernels that the call launches; no GPU is needed."""
        found = self._session.call(
            self._key, args, kwargs, mode="compile_kernels", options={"targets": list(targets)}
        )
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise ChildEnded(Status.KILLED, "the list of kernels was not a list")
        return found

    def chain(
        self,
        *args: Any,
        shape: Sequence[int],
        dtype: str,
        seed: int,
        steps: int,
        device: str = "cpu",
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Call an attention function many times on inputs drawn there; see `instruments.chain`.

        Only numbers cross. Returns projections and norms, as the student's process told them.
        """
        options = {
            "shape": list(shape), "dtype": dtype, "seed": seed, "steps": steps, "device": device,
        }  # fmt: skip
        told = self._session.call(self._key, args, kwargs, mode="chain", options=options)
        if not isinstance(told, dict) or not {"projections", "norms"} <= told.keys():
            raise ChildEnded(Status.KILLED, "what a chain of calls told was not complete")
        return told
