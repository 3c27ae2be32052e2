"""What a call hands over, what it changes of that in the judge, and how the change is undone.

What a student's code writes to an argument is written to the test's own object, as in a call
without a process between, so that a test of a function that works in place reads as usual. When
the case is over the object is as it was: the next student finds the values that the test had.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
import numpy as np

from grader.model import Status

from .failures import ChildEnded, student_error
from .wire import arrays
from .wire.containers import Form
from .wire.decoding import Decoder
from .wire.encoding import Encoder, SentArray
from .wire.kinds import TABLE
from .wire.nodes import Node, ProtocolViolationError
from .wire.protocol import Answer, Asked, Failure, Raised
from .wire.shared import Shared, TooMuchError, check_amount
from .wire.values import form_of, form_of_node

NO_SIZE = -1
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
            if form_of(item) is None:
                _write(item, before)
            else:
                _replace(item, before)


class Handover:
    """The arguments of one call, as they were sent, and the containers that both sides have."""

    def __init__(
        self, encoder: Encoder, function: str = "", *, shared: Shared | None = None
    ) -> None:
        self._encoder = encoder
        self._function = function
        self.shared = Shared() if shared is None else shared
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
            said = "assignment destination is read-only"
            raise student_error(Failure("ValueError", "ValueError", said, ""))
        if changes.take(Place(self._function, "array", number)):
            changes.keep(one.array)
            _write(one.array, after)
        else:
            self._withheld.add(number)

    def take_contents(
        self, reply: Answer | Raised | Asked, decoder: Decoder, changes: Changes
    ) -> None:
        """Give the test's containers and frames what student code has left in them."""
        passed = self._passed() if reply.contents else {}
        for number, node in reply.contents:
            if number not in self.shared:
                raise ProtocolViolationError("a changed container that was not sent")
            container = self.shared[number]
            if not _fits(container, node):
                raise ProtocolViolationError("a changed container of another kind")
            if changes.take(self._place(number, passed)):
                if number >= 0:
                    changes.keep(container)
            else:  # a result that holds it holds one of its own
                self.shared.replace(number, _copied(container))
        for number, node in reply.contents:
            _replace(self.shared[number], decoder.contents(node))
        self.shared.settle(number for number, _ in reply.contents)

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
            if form is None or id(value) in found:
                continue
            if form.is_mutable:
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
        if reply.first:
            for place, (number, container) in enumerate(decoder.new.items()):
                self.shared.add(number, container, Place(self._function, "result", place))
        self.shared.drop(reply.dropped)
        self.shared.drop_frames([*decoder.new, *self._encoder.new])

    def _keep_shared(self, decoder: Decoder, changes: Changes) -> None:
        """Keep what results share memory with: a test that writes to a result writes there."""
        numbers: Iterable[int] = decoder.aliased
        if any(number >= 0 for number in decoder.repeated):  # with all that it holds
            numbers = range(len(self._encoder.sent))
            for number in self.shared:
                if number >= 0:
                    changes.keep(self.shared[number])
        for number in numbers:
            if not self._encoder.sent[number].node.is_readonly:
                changes.keep(self._encoder.sent[number].array)


def _fits(container: Any, node: Node) -> bool:
    return form_of(container) is form_of_node(node)


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


def _replace(target: Any, other: Any) -> None:
    """Give a container or frame what another of its form holds."""
    form = form_of(target)
    if form is None or form.refill is None:
        raise ProtocolViolationError("a changed argument of a kind that does not change")
    form.refill(target, other)


def amount(item: Any) -> int:
    """Return how much there is to read in an object that can change in place, else NO_SIZE.

    That is its items, or its bytes in words of eight.
    """
    TABLE.look_for_libraries()
    form = form_of(item)
    is_array = (
        type(item) is np.ndarray or type(item).__module__ == "torch"
    )  # asking it may run code
    if not is_array and (form is None or form.refill is None):
        return NO_SIZE
    bytes_ = _size(item)
    return 1 + (bytes_ // 8 if bytes_ else len(item))


def is_followed(value: Any) -> bool:
    """Say whether what is changed of a value, on either side, is changed on the other by itself."""
    return isinstance(form_of(value), Form)


def become(held: Any, found: Any) -> bool:
    """Give an object what another of its kind holds, where it lies; False where it cannot be."""
    if type(held) is not type(found):
        return False
    if form_of(held) is not None:
        _replace(held, found)
    elif held.shape != found.shape or held.dtype != found.dtype:
        return False
    else:
        _write(held, found)
    return True


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


def _write(array: Any, value: Any) -> None:
    """Give an array other elements, where it lies."""
    if isinstance(array, np.ndarray):
        was_writeable = array.flags.writeable
        array.flags.writeable = True
        array[...] = value
        array.flags.writeable = was_writeable
        return
    import torch

    # Along a stride of 0, which `expand` makes, all elements are one, and are written once.
    once = tuple(slice(1) if step == 0 else slice(None) for step in array.stride())
    with torch.no_grad():
        array[once].copy_(value[once])
