"""How student code fails, as exceptions of the judge.

A student's exception arrives as `StudentError`, which is also of the builtin class it was. The
end of the child arrives as `ChildEnded`, which no `except Exception` in a test can swallow.
"""

import builtins

from grader.model import Status

from .endings import EndedBy
from .wire.protocol import Failure

MAX_FAULT = 500  # characters of a sentence that says why something could not cross


class StudentError(Exception):
    """An exception that student code raised; its text is the student's own."""

    failure: Failure

    def __str__(self) -> str:
        return self.failure.message

    def describe(self) -> str:
        """Return the sentence and the student's own lines that led to it."""
        said = f"{self.failure.type_name}: {self.failure.message}".rstrip(": ")
        return "\n".join(part for part in (self.failure.traceback, said) if part)


class ChildEnded(BaseException):
    """The child is gone: a limit, an exit, a crash, or a frame that broke the protocol."""

    def __init__(self, status: Status, reason: str, by: EndedBy = EndedBy.ITSELF) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.by = by


class TransferError(Exception):
    """What a call needed or gave could not be handed over, by a fault that is no student's."""


def not_handed_over(what: str, problem: Exception) -> TransferError:
    """Return what says that values could not be handed over, and why."""
    reason = f"{type(problem).__name__}: {problem}"
    return TransferError(f"{what} could not be handed over ({reason[:MAX_FAULT]}).")


class CannotCrossError(Exception):
    """A test asked for what cannot be asked of a student's process; what, and the next step."""


class MissingNameError(Exception):
    """The notebook defines no such name."""


# Raised inside `next`, `all`, `zip` or a loop these would say that there is nothing more, and end a
# test before it has compared anything.
ENDS = (StopIteration, StopAsyncIteration)

_error_classes: dict[tuple[str, type[StudentError]], type[StudentError]] = {}


def error_class(name: str, root: type[StudentError] = StudentError) -> type[StudentError]:
    """Return the class for a builtin exception's name, below `root`; what is none is `root`."""
    kind = getattr(builtins, name, None)
    # A test that was written for otter may wait for a student's `sys.exit()`.
    may_be = Exception if root is StudentError else Exception | SystemExit
    if not isinstance(kind, type) or not issubclass(kind, may_be) or kind is Exception:
        return root
    if issubclass(kind, ENDS):
        return root
    if (name, root) not in _error_classes:
        try:
            made: type[StudentError] = type(name, (root, kind), {"__module__": "builtins"})
            made.__new__(made)
        except TypeError:  # two layouts that do not combine, or a class that wants arguments
            made = root
        _error_classes[name, root] = made
    return _error_classes[name, root]


def student_error(failure: Failure, kind: type[StudentError] | None = None) -> StudentError:
    """Return an exception that is a StudentError and of the class that was raised.

    kind: what the judge has for that class; by default the nearest builtin one.
    """
    kind = kind or error_class(failure.builtin)
    error = kind.__new__(kind)
    error.args = (failure.message,)
    error.failure = failure
    return error
