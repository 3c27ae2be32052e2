"""How student code fails, as exceptions of the judge.

A student's exception arrives as `StudentError`, which is also of the builtin class it was. The
end of the child arrives as `ChildEnded`, which no `except Exception` in a test can swallow.
"""

import builtins

from grader.model import Status

from .wire.protocol import Failure


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


class CannotCrossError(Exception):
    """A test asked for what cannot be asked of a student's process; what, and the next step."""


class MissingNameError(Exception):
    """The notebook defines no such name."""


# Raised inside `next`, `all`, `zip` or a loop these would say that there is nothing more, and end a
# test before it has compared anything.
ENDS = (StopIteration, StopAsyncIteration)

_error_classes: dict[str, type[StudentError]] = {}


def _error_class(name: str) -> type[StudentError]:
    """Return the class for a builtin exception's name; what is none is a plain StudentError."""
    kind = getattr(builtins, name, None)
    if not isinstance(kind, type) or not issubclass(kind, Exception) or kind is Exception:
        return StudentError
    if issubclass(kind, ENDS):
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
