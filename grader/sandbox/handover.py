"""What a call hands over, what it changes of that in the judge, and how the change is undone.

What a student's code writes to an argument is written to the test's own object, as in a call
without a process between, so that a test of a function that works in place reads as usual. When
the case is over the object is as it was: the next student finds the values that the test had.
"""

import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
import numpy as np

from grader.model import Status

from . import drawn, origins
from .failures import ChildEnded, student_error
from .wire import arrays
from .wire.containers import Form
from .wire.decoding import Decoder
from .wire.encoding import Encoder, SentArray
from .wire.memory import about, library_of, write
from .wire.nodes import ProtocolViolationError
from .wire.protocol import Answer, Asked, Failure, Raised
from .wire.shared import Shared, TooMuchError, check_amount
from .wire.values import fits, form_of, refill

CHANGED_BEHIND = (
    "The student's code has changed what an array that cannot be written to shows to the test; let "
    "the test ask for it again"
)
IN_TWO_PARTS = (
    "The test has handed over a part of an array before the whole, so that they are two arrays in "
    "the student's process, and one of them was changed there; hand over the whole first"
)
READ_ONLY = Failure("ValueError", "ValueError", "assignment destination is read-only", "")
KEPT = 2  # times the limit of one call's arrays that calls of one case may change


class Place(NamedTuple):
    """What a call changes: of which function, and which of its arrays, containers or frames.

    kind: "array" or "container" of the call's own arguments; "kept", a container that an earlier
    call was given, and "result", one that it gave.
    """

    function: str
    kind: str
    number: int


class Changes:
    """What the calls of one case change of the test's objects, until it is undone.

    refusals: what the case asked for and could not be asked of the child, one sentence each; such
    a case is neither passed nor lost. doubts: what a case that passes may owe it to, which does not
    pass then. claims: what the student's own code said of two of its
    objects, for staff. applied: the places whose changes are written to the test's
    objects; all of them where it is None. limit: the bytes that are kept to undo it; ChildEnded
    beyond them.
    """

    def __init__(self, limit: int, applied: frozenset[Place] | None = None) -> None:
        self.made: set[Place] = set()
        self.refusals: list[str] = []
        self.doubts: list[str] = []
        self.claims: set[str] = set()
        self.replaced: set[str] = set()  # by the test, while it called the student's code
        self._applied = applied
        self._room = limit
        self._before: dict[tuple[Any, ...], tuple[Any, Any]] = {}  # in the order of the changes

    def keeps_from_judging(self, *, passes: bool) -> bool:
        """Say whether a case is neither passed nor lost, as it has ended."""
        return bool(self.refusals) or (passes and bool(self.doubts))

    def take(self, place: Place) -> bool:
        """Note that a call changed an argument, and say whether the test is to see it."""
        self.made.add(place)
        return self._applied is None or place in self._applied

    def keep(self, item: Any) -> None:
        """Keep what an array, a container or a frame holds, if it was not kept before."""
        key = _identity(item)
        if key in self._before:
            return
        self._room -= _size(item)
        if self._room < 0:
            raise ChildEnded(Status.KILLED, "the calls of one test changed too much memory")
        self._before[key] = item, _copied(item)

    def undo(self) -> None:
        """Give each object back what it held before the case."""
        while self._before:
            _key, (item, before) = self._before.popitem()
            if form_of(item) is not None or about(item) == about(before):  # a test can reshape
                refill(item, before)
                origins.forget(item)


class Handover:
    """The arguments of one call, as they were sent, and the containers that both sides have.

    tells: whether the child is told what the test writes to the frames and arrays that come back.
    """

    def __init__(
        self,
        encoder: Encoder,
        function: str = "",
        *,
        shared: Shared | None = None,
        tells: bool = True,
    ) -> None:
        self._tells = tells
        self._encoder = encoder
        self._function = function
        # Where it ends with the call, only the child says what it has changed.
        self.shared = Shared(is_followed=False) if shared is None else shared
        self._withheld: set[int] = set()
        for place, (number, container) in enumerate(encoder.new.items()):
            self.shared.add(number, container, Place(function, "kept", place))

    def owners(self) -> list[Any]:
        """Return the test's array for each that was sent, and None where a result shares none."""
        return [
            one.array if one.is_itself and number not in self._withheld else None
            for number, one in enumerate(self._encoder.sent)
        ]

    def take_changes(
        self, pairs: Iterable[tuple[int, int]], buffers: list[memoryview], changes: Changes
    ) -> None:
        """Write what a call wrote to its arrays to the test's own."""
        for ours, theirs in pairs:
            if not (0 <= ours < len(self._encoder.buffers) and 0 <= theirs < len(buffers)):
                raise ProtocolViolationError("a changed argument that was not sent")
            before, after = self._encoder.buffers[ours], buffers[theirs]
            if before.nbytes != after.nbytes:
                raise ProtocolViolationError("a changed argument of another size")
            written = [
                (number, one, _rebuilt(one, after))
                for number, one in enumerate(self._encoder.sent)
                if one.node.buffer == ours and not _equal(one, before, after)
            ]
            for number, one, value in written:
                self._change_array(number, one, value, changes)

    def _change_array(self, number: int, one: SentArray, after: Any, changes: Changes) -> None:
        if one.node.is_readonly:
            raise student_error(READ_ONLY)
        if changes.take(Place(self._function, "array", number)):
            changes.keep(one.array)
            write(one.array, after)
        else:
            self._withheld.add(number)

    def take_contents(
        self, reply: Answer | Raised | Asked, decoder: Decoder, changes: Changes
    ) -> None:
        """Give the test's containers and frames what student code has left in them."""
        if not reply.contents:
            return
        passed = self._passed()
        for number, node in reply.contents:
            if number not in self.shared:
                raise ProtocolViolationError("a changed container that was not sent")
            container = self.shared[number]
            if not fits(container, node):
                raise ProtocolViolationError("a changed container of another kind")
            if number >= 0 and is_read_only(container):
                raise student_error(READ_ONLY)
            if changes.take(self._place(number, passed)):
                if number >= 0:
                    changes.keep(container)
            else:  # a result that holds it holds one of its own
                self.shared.replace(number, _copied(container))
        for number, node in reply.contents:
            _give(self.shared[number], decoder.contents(node), changes)
        numbers = [number for number, _ in reply.contents]
        self.shared.settle(numbers)
        if self.shared.shows_elsewhere(numbers):
            changes.refusals.append(IN_TWO_PARTS)

    def _place(self, number: int, passed: dict[int, int]) -> Place:
        """Return what a container is: an argument of this call, or of which other call."""
        position = passed.get(id(self.shared[number]))
        if position is not None:
            return Place(self._function, "container", position)
        origin: Place = self.shared.origin(number)
        return origin

    def _passed(self) -> dict[int, int]:
        """Return the containers among the arguments, by identity, in the order of the test's."""
        found: dict[int, int] = {}
        due = [*reversed(self._encoder.roots)]
        while due:
            value = due.pop()
            form = form_of(value)
            is_array = form is None and library_of(value) is not None
            if (form is None and not is_array) or id(value) in found:
                continue
            if form is None or form.is_mutable:
                found[id(value)] = len(found)
            if isinstance(form, Form):
                due += reversed(form.items(value))
        return found

    def take_values(
        self, reply: Answer | Raised | Asked, decoder: Decoder, values: list[Any], changes: Changes
    ) -> None:
        """End the reading of a message: what both sides have from now on.

        values: those of the message.
        """
        if reply.contents or decoder.repeated:
            known = (self.shared[number] for number, _ in reply.contents)
            try:
                check_amount([*known, *values], decoder.most_items)
            except TooMuchError as problem:
                raise ProtocolViolationError(f"changed containers {problem}") from None
        self._keep_shared(decoder, changes)
        for number, _ in reply.contents:
            origins.note(self.shared[number])
        if reply.first:
            for place, (number, container) in enumerate(decoder.new.items()):
                self.shared.add(number, container, Place(self._function, "result", place))
                if not self._tells and not _is_parameter(container):
                    self.shared.keep_to_itself(number)
        self.shared.drop(reply.dropped)

    def _keep_shared_arrays(self, decoder: Decoder, changes: Changes) -> None:
        for number in decoder.aliased | decoder.repeated:
            array = self.shared.array(number) if number >= 0 else None
            if array is not None and not is_read_only(array):
                changes.keep(array)

    def _keep_shared(self, decoder: Decoder, changes: Changes) -> None:
        """Keep what results share memory with: a test that writes to a result writes there."""
        if self.shared.with_arrays:
            self._keep_shared_arrays(decoder, changes)
        numbers: Iterable[int] = () if self.shared.with_arrays else decoder.aliased
        if any(number >= 0 for number in decoder.repeated):  # with all that it holds
            numbers = () if self.shared.with_arrays else range(len(self._encoder.sent))
            for number in self.shared:
                if number >= 0 and self.shared.array(number) is None:
                    changes.keep(self.shared[number])
        for number in numbers:
            if not self._encoder.sent[number].node.is_readonly:
                changes.keep(self._encoder.sent[number].array)


def _give(container: Any, held: Any, changes: Changes) -> None:
    if not drawn.is_only_drawn_from(container, held):
        changes.doubts.append(drawn.CHOSEN)
    try:
        refill(container, held)
    except ValueError:  # a view of memory that is no test's to write to
        if not is_read_only(container):
            raise
        changes.refusals.append(CHANGED_BEHIND)


def _is_parameter(item: Any) -> bool:
    """Say whether a tensor is one that learns, which a test may write to, and no answer."""
    torch = sys.modules.get("torch")
    is_tensor = torch is not None and isinstance(item, torch.Tensor)
    return is_tensor and bool(item.requires_grad and item.is_leaf)


def is_read_only(item: Any) -> bool:
    return isinstance(item, np.ndarray) and not item.flags.writeable


def _identity(item: Any) -> tuple[Any, ...]:
    """Return what two views of the same elements have in common, while one of them is kept."""
    if form_of(item) is not None:
        return (id(item),)
    library = arrays.NUMPY if isinstance(item, np.ndarray) else arrays.TORCH
    strides = item.strides if isinstance(item, np.ndarray) else item.stride()
    return library.address(item), str(item.dtype), tuple(item.shape), tuple(strides)


def _size(item: Any) -> int:
    """Return how many bytes a copy of an argument takes, where they can be many."""
    if hasattr(item, "memory_usage"):
        return int(np.sum(item.memory_usage()))
    return int(getattr(item, "nbytes", 0))


def _copied(item: Any) -> Any:
    form = form_of(item)
    if form is not None and form.copy is not None:
        return form.copy(item)
    return item.detach().clone() if hasattr(item, "detach") else item.copy()


def _rebuilt(one: SentArray, raw: memoryview) -> Any:
    node = msgspec.structs.replace(one.node, buffer=0, device="cpu", is_readonly=False)
    decoder = Decoder([raw], array_bytes=arrays.MOST, nesting=0, opaque=lambda found: found)
    return decoder.array(node)


def _equal(one: SentArray, before: memoryview, after: memoryview) -> bool:
    """Compare an array's elements, bit by bit, in two states of its memory."""
    left, right = (_bytes(_rebuilt(one, raw)) for raw in (before, after))
    return np.array_equal(left, right)


def _bytes(array: Any) -> "np.ndarray":
    is_numpy = isinstance(array, np.ndarray)
    raw = arrays.compact_bytes(array) if is_numpy else arrays.tensor_bytes(array)
    return np.frombuffer(raw, np.uint8)
