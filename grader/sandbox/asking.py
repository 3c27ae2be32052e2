"""How a test asks something of an object that stayed with the child, and how it is refused."""

import sys
from typing import TYPE_CHECKING, Any, NoReturn

from .proxies import StudentObject

if TYPE_CHECKING:
    from .live import LiveCase
    from .session import Session

WITH_PLAIN = (
    "compare its attributes or what its methods return, or let the test make both objects with the "
    "student's class"
)

# Our own modules see what stands for an object: it is no question to a student's process.
OURS = ("grader.sandbox.", "grader.grading.", "grader.course.", "grader.batch.")

own = object.__getattribute__


class AskedObject(StudentObject):
    """What stands for an object that can be asked for more than a call; see `references`."""

    __slots__ = ()


def is_reference(value: Any) -> bool:
    """Say whether a value is a reference, without asking it."""
    return issubclass(type(value), AskedObject)


def key_of(value: Any) -> int:
    """Return the number of an object that stayed with the child."""
    key: int = own(value, "_key")
    return key


def session_of(value: Any) -> "Session":
    session: Session = own(value, "_session")
    return session


def type_name_of(value: Any) -> str:
    name: str = own(value, "_type_name")
    return name


def live_case(reference: Any) -> "LiveCase | None":
    found: LiveCase | None = session_of(reference).current.live
    return found


def ask(reference: Any, operation: str, *args: Any, **kwargs: Any) -> Any:
    """Have something done with an object in the child; CannotCrossError where no case can ask."""
    return here(reference).operate(reference, operation, args, kwargs)


def here(reference: Any) -> "LiveCase":
    live = live_case(reference)
    if live is not None:
        return live
    sentence = f"{described(reference)} is not there any more; let each test make its own"
    return session_of(reference).refuse(sentence)


def label_of(value: Any) -> str:
    label: str = own(value, "_label")
    return label


def relabel(value: Any, label: str) -> None:
    """Have a reference named by what a test calls it."""
    object.__setattr__(value, "_label", label)


def refuse(reference: Any, what: str, instead: str = WITH_PLAIN) -> NoReturn:
    """Note that a case has asked for what is not asked of a student's process."""
    session_of(reference).refuse(f"{what} cannot be asked of {described(reference)}; {instead}")


def described(reference: Any) -> str:
    return f"an object of class {type_name_of(reference)} in the student's process"


def is_asked_by_ours(depth: int) -> bool:
    """Say whether it is one of our own modules that looks for an attribute, so many frames up."""
    caller = sys._getframe(depth + 1).f_globals.get("__name__", "")  # noqa: SLF001
    return str(caller).startswith(OURS)
