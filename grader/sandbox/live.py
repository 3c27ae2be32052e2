"""One case in which a test may do more with a student's objects than call them.

Holds what stands here for objects of the child's, the functions that the test has passed, and how
much of either there may be.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import libraries, objects_of_tests
from .asking import (
    described,
    is_reference,
    key_of,
    label_of,
    relabel,
    session_of,
    type_name_of,
)
from .comparing_methods import method_of
from .failures import CannotCrossError, StudentError
from .inside.references import OPERATIONS
from .raised import ErrorClasses, class_of_error, held, is_made, raised
from .references import CallableReference, Reference
from .wire.nodes import Callback, Named, Opaque, ProtocolViolationError
from .wire.protocol import GIVEN_OPERATIONS, Asked, Failure, Raised, Threw
from .wire.values import ValueRefusedError

if TYPE_CHECKING:
    from .handover import Changes
    from .session import Session

MAX_OPERATIONS = 1_000_000  # of one case
MAX_REFERENCES = 200_000
MAX_CALLBACKS = 200_000
MAX_DEPTH = 16  # of functions of the test's within functions of the student's within …
MAX_MESSAGE = 1_000
MAX_NAME = 100
FORGOTTEN = (
    "The student's `__exit__` forgets a {kind} that the test has met in its `with`, so that what "
    "follows there is not checked; let the student's own code raise it"
)
OVER = "the test that gave this function is over"


class LiveCase:
    """What one case knows of the child's objects."""

    def __init__(
        self, session: "Session", changes: "Changes", errors: ErrorClasses, first: int
    ) -> None:
        self.session = session
        self._first = first  # number of a function that this case passes
        self.highest = -1  # number of an object that was seen
        self.is_over = False
        self._changes = changes
        self._errors = errors
        self._references: dict[int, Reference] = {}
        self._functions: list[Any] = []  # that the test passed, by their numbers
        self._thrown: list[BaseException] = []  # by them, by their numbers
        self._classes: set[int] = set()  # that the test has called, by their numbers
        self._operations = self._calls = self._depth = 0

    # What a test asks.

    def operate(
        self, target: Any, operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Have an operation done with a reference."""
        return self.operate_on(key_of(target), operation, args, kwargs, label=label_of(target))

    def operate_on(
        self,
        key: int,
        operation: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any] | None = None,
        *,
        label: str = "",
    ) -> Any:
        self._count()
        return self.session.call(key, args, kwargs or {}, operation=operation, label=label)

    def _count(self) -> None:
        self._operations += 1
        if self._operations > MAX_OPERATIONS:
            self.session.break_off(
                f"a test asked more than {MAX_OPERATIONS:,} times of the student's objects"
            )

    def attribute(self, reference: Any, name: str) -> Any:
        """Return an attribute; what is called of it changes arguments under its own name."""
        found = self.operate(reference, "getattr", (name,), {})
        if is_reference(found) and not label_of(found):
            relabel(found, f"{type_name_of(reference)}.{name}")
        return method_of(reference, name, found)

    def take(self, reference: Any, count: int) -> list[Any]:
        """Return the next items of an iterator."""
        self._count()
        return self.session.take(key_of(reference), count)

    def leave(self, reference: Any, error: BaseException | None) -> bool:
        """Leave a context, and say whether its exception is forgotten.

        Of one of the test's its class is told, which Python has: what it says may hold what the
        test expects. To forget it may leave out what the test was about to check, so that a case
        which passes then is in doubt; a failed check is never forgotten.
        """
        if isinstance(error, StudentError) and held(error) is not None:
            return self.operate(reference, "exit", (error,), {}) is True
        kind = "" if error is None else _builtin_of(error)
        answer = self.operate(reference, "exit", (kind,), {})
        forgets = answer is True and kind not in {"", "AssertionError"}
        if forgets:
            self._changes.doubts.append(FORGOTTEN.format(kind=kind))
        return forgets

    def note_called(self, kind: Any) -> None:
        """Note a class of which the test itself makes an object."""
        self._classes.add(key_of(kind))

    def has_called(self, kind: Any) -> bool:
        """Say whether the test itself makes objects of a class."""
        return key_of(kind) in self._classes

    def note_claim(self, what: str) -> None:
        """Note for staff that the student's own code has answered about its objects."""
        self._changes.claims.add(what)

    # What arrives.

    def stand_in(self, node: Opaque | Named | Callback) -> Any:
        """Return what stands in a test for an object that stayed with the child."""
        if isinstance(node, Callback):
            return self._function(node.number)
        if isinstance(node, Named):
            raise ProtocolViolationError("a name of a library's, which only the judge may send")
        self.highest = max(self.highest, node.key)
        module = libraries.judging_module(node.module) if node.module else None
        if module is not None:
            return module
        if node.comparing and (ours := libraries.comparing(node.comparing)) is not None:
            return ours
        if node.lineage:
            if node.is_callable:
                return self._errors.caught_by(self, node.lineage)
            return raised(self, self._errors, node)
        return self._reference(node)

    def _reference(self, node: Opaque) -> Reference:
        found = self._references.get(node.key)
        if found is None:
            if len(self._references) >= MAX_REFERENCES:
                raise ProtocolViolationError("more objects than a case may have")
            found = self._references[node.key] = _made(self.session, node)
        return found

    def warning(self, node: Opaque) -> Warning | None:
        """Return a warning of the child's, of Python's own class where it is of one."""
        found = self.stand_in(node)
        if not isinstance(found, Warning):
            return None
        kind = class_of_error(type(found))
        return kind(str(found)) if node.lineage[0].key < 0 else found

    def called(self, found: Any, name: str) -> Any:
        """Return what a name of the notebook's stands for, told by this name from now on."""
        if not is_reference(found):
            return found
        is_callable = isinstance(found, CallableReference)
        module = libraries.meant_by(name, is_callable=is_callable)
        if module is not None:
            return module
        if label_of(found) in {"", name}:
            relabel(found, name)
            return found
        node = Opaque(key_of(found), type_name_of(found), is_callable)
        node.base = object.__getattribute__(found, "_base")
        return _made(self.session, node, name) if is_callable else found

    def error(self, reply: Raised) -> BaseException | None:
        """Return what an exception of the child's is here; None where nothing is known of it."""
        if 0 <= reply.thrown < len(self._thrown):
            return self._thrown[reply.thrown]
        if reply.error is None or not reply.error.lineage:
            return None
        self.highest = max(self.highest, reply.error.key)
        return raised(self, self._errors, reply.error, reply.failure)

    # What is sent.

    def node_of(self, value: Any) -> Opaque | Named | Callback:
        """Return what stands in the child for a value that cannot travel; else it is refused."""
        if is_reference(value):
            if session_of(value) is not self.session:
                raise ValueRefusedError(f"{described(value)} is not there any more")
            is_callable = isinstance(value, CallableReference)
            return Opaque(key_of(value), type_name_of(value), is_callable)
        key = held(value)
        if key is not None:
            return Opaque(key, type(value).__name__[:100], is_made(value))
        known = libraries.public_name(value)
        if known is not None:
            return Named(*known)
        if libraries.is_of_a_test(value):
            return Callback(self._number_of(value), type(value).__name__[:MAX_NAME], is_object=True)
        if isinstance(value, Iterator):
            return Callback(self._number_of(value), "", is_iterator=True)
        if callable(value) and not isinstance(value, type) and not libraries.is_a_model(value):
            name, doc = (getattr(value, which, None) for which in ("__name__", "__doc__"))
            return Callback(
                self._number_of(value),
                name[:MAX_NAME] if isinstance(name, str) else "function",
                doc=doc[:MAX_MESSAGE] if isinstance(doc, str) else None,
            )
        raise ValueRefusedError(
            f"it is of class {type(value).__name__}; pass plain values, arrays, frames or functions"
        )

    def _number_of(self, function: Any) -> int:
        for number, known in enumerate(self._functions):
            if known is function:
                return self._first + number
        self._functions.append(function)
        return self.next_function - 1

    @property
    def next_function(self) -> int:
        """The number that no function of this case or of an earlier one has."""
        return self._first + len(self._functions)

    def _is_passed(self, number: int) -> bool:
        return self._first <= number < self.next_function

    def _function(self, number: int) -> Any:
        if not self._is_passed(number):
            return self.session.refuse("A function of an earlier test cannot be handed to this one")
        return self._functions[number - self._first]

    # What the child asks.

    def run(self, asked: Asked, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call a function of the test's for the child; `Threw` where that raises."""
        self._calls += 1
        if self._calls > MAX_CALLBACKS:
            self.session.break_off(f"a function of the test was called {MAX_CALLBACKS:,} times")
        if self._depth >= MAX_DEPTH:
            return Threw(asked.request, -1, "RecursionError", "maximum recursion depth exceeded")
        if not self._is_passed(asked.number):
            return too_late(asked)
        function = self._function(asked.number)
        if asked.operation != "call" and not (
            asked.operation in GIVEN_OPERATIONS and libraries.is_of_a_test(function)
        ):
            raise ProtocolViolationError("an operation that is none for an object of the test's")
        self._depth += 1
        try:
            if asked.operation == "call":
                return self._called(function, args, kwargs)
            return self._done_with(function, asked.operation, args)
        except Exception as error:  # noqa: BLE001 - it goes on in the student's code
            return self.threw(asked, error)
        finally:
            self._depth -= 1

    def _done_with(self, value: Any, operation: str, args: list[Any]) -> Any:
        """Do something for student code with an object that the test has passed."""
        if operation in {"getattr", "setattr"} and not _is_public(args):
            raise AttributeError(f"{type(value).__name__!r} object has no such attribute")
        if operation in {"getattr", "setattr"}:
            name = args[0]
            if objects_of_tests.changes_what_it_tells(value, operation, name):
                self.session.refuse(objects_of_tests.SAID.format(name=name[:MAX_NAME]))
        return OPERATIONS[operation](value, *args)

    def _called(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if isinstance(function, Iterator) and not libraries.is_of_a_test(function):
            return list(_next_item(function))
        return function(*args, **kwargs)

    def threw(self, asked: Asked, error: Exception) -> Threw:
        """Return what an exception of the test's is in the child."""
        self._thrown.append(error)
        number, key = len(self._thrown) - 1, held(error)
        builtin = _builtin_of(error)
        # What a test says of a comparison holds what it expects.
        tells = not isinstance(error, AssertionError | CannotCrossError)
        message = str(error)[:MAX_MESSAGE] if tells else ""
        return Threw(asked.request, number, builtin, message, -1 if key is None else key)


def _made(session: "Session", node: Opaque, label: str = "") -> Reference:
    kind = CallableReference if node.is_callable else Reference
    return kind(session, node, label)


def _is_public(args: list[Any]) -> bool:
    """Say whether an attribute's name is one that says nothing of how a test is written."""
    return bool(args) and type(args[0]) is str and not args[0].startswith("__")


def _builtin_of(error: BaseException) -> str:
    """Return the name of the class of Python's own that an exception is of."""
    kinds = type(error).__mro__
    return next((kind.__name__ for kind in kinds if kind.__module__ == "builtins"), "")


def _next_item(items: Iterator[Any]) -> Iterator[Any]:
    for item in items:
        yield item
        return


def too_late(asked: Asked) -> Threw:
    """Return the answer to a call of a function whose test is over."""
    return Threw(asked.request, -1, "RuntimeError", OVER)


def refused(failure: Failure) -> bool:
    """Say whether an answer could not travel, by what the child says."""
    return failure.type_name == "ValueRefusedError"
