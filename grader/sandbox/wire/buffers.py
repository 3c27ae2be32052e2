"""The buffers of one message: how much they may hold, and where its arrays lie in them."""

from dataclasses import dataclass

from . import arrays
from .arrays import Layout, Library, contiguous_strides
from .nodes import Array
from .values import ValueRefusedError

MAX_BUFFERS = 1 << 15
SPARE_BUFFERS = 1 << 12  # that packed items leave to what has no other way


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a message has come, to go back to where a part of it cannot travel."""

    buffers: int
    room: int


class Buffers:
    """The buffers of one message; `room` bounds their bytes, and what its values take beside."""

    def __init__(self, room: int) -> None:
        self.all: list[memoryview] = []
        self._room = room

    @property
    def is_nearly_full(self) -> bool:
        """Say whether what has another way leaves the rest to what has none."""
        return len(self.all) > MAX_BUFFERS - SPARE_BUFFERS

    def count(self, size: int) -> None:
        """Take what values need beside the message into account."""
        if size > self._room:
            raise ValueRefusedError("it is larger than an answer may be")
        self._room -= size

    def check_room(self, size: int) -> None:
        """Refuse memory that does not fit."""
        if size > self._room:
            raise ValueRefusedError("its arrays are larger than the limit together")

    def add(self, raw: memoryview) -> int:
        """Take memory into the message and return its number."""
        self.check_room(raw.nbytes)
        self._room -= raw.nbytes
        if len(self.all) >= MAX_BUFFERS:
            raise ValueRefusedError(f"it holds more than {MAX_BUFFERS:,} arrays")
        self.all.append(raw)
        return len(self.all) - 1

    def mark(self) -> Mark:
        """Return how far the message has come."""
        return Mark(len(self.all), self._room)

    def go_back(self, mark: Mark) -> None:
        """Forget what came after a mark."""
        del self.all[mark.buffers :]
        self._room = mark.room


def by_value(layout: Layout, library: Library, buffers: Buffers) -> Array:
    """Take an array's elements into the message, and return its node."""
    node = Array(library.name, layout.dtype, list(layout.shape), [], 0, -1, layout.device)
    _take(node, layout, buffers)
    return node


def _take(node: Array, layout: Layout, buffers: Buffers) -> None:
    raw, strides = None, contiguous_strides(layout.shape)
    if not layout.is_empty and min(layout.steps, default=0) >= 0:
        raw = arrays.dense_bytes(layout)
    if raw is not None:
        strides = [step // layout.item for step in layout.steps]
    node.buffer = buffers.add(arrays.compact_bytes(layout.host) if raw is None else raw)
    node.strides = strides


def place_compactly(unplaced: list[tuple[Array, Layout]], buffers: Buffers) -> None:
    """Give each array its place in a buffer: one that overlaps no other is as short as can be."""
    for group in arrays.overlapping([layout for _node, layout in unplaced]):
        if len(group) == 1:
            _take(*unplaced[group[0]], buffers)
        else:
            _place([unplaced[number] for number in group], buffers)


def place(unplaced: list[tuple[Array, Layout]], buffers: Buffers) -> None:
    """Give each array its place in a buffer: its own elements, and nothing else.

    Arrays that overlap get one buffer.
    """
    layouts = [layout for _node, layout in unplaced]
    for group in arrays.overlapping(layouts):
        _place([unplaced[number] for number in group], buffers)


def _place(group: list[tuple[Array, Layout]], buffers: Buffers) -> None:
    layouts = [layout for _node, layout in group]
    if len(group) == 1 and layouts[0].host.flags.c_contiguous:
        [(node, layout)] = group
        raw = arrays.dense_bytes(layout)
        if raw is not None:
            node.strides = [step // layout.item for step in layout.steps]
            node.buffer = buffers.add(raw)
            return
    start = arrays.start_of(layouts)
    if any((layout.address - start) % layout.item for layout in layouts):
        for one in group:  # arrays of several dtypes that no common memory can hold aligned
            _place([one], buffers)
        return
    raw = None
    if layouts[0].is_empty:
        raw = memoryview(b"")
    elif len(group) == 1:
        raw = arrays.dense_bytes(layouts[0])
    else:
        buffers.check_room(max(layout.high for layout in layouts) - start)
    if raw is None:
        buffers.check_room(layouts[0].high - start)
        raw = arrays.spread_bytes(layouts, start)
    number = buffers.add(raw)
    for node, layout in group:
        node.strides = [step // layout.item for step in layout.steps]
        node.offset = 0 if layout.is_empty else (layout.address - start) // layout.item
        node.buffer = number
