"""How values become nodes and buffers, and come back as base types.

Numbers, texts and arrays are done here; `containers` and `kinds` are the tables of all the rest,
which encoder and decoder share. Both sides run this file; in the child it is executed from source,
so it may import only its neighbours, the standard library, and numpy and
torch where a value needs them.
"""

import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Sequence as Items
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from . import arrays, dtypes, generators, numpy_kinds, packing, pandas_kinds, standard, tables
from .arrays import (
    NUMPY,
    TORCH,
    Extent,
    Layout,
    Library,
    contiguous_strides,
    numpy_view,
)
from .containers import CLASSES, FORMS, MAX_DIMENSIONS, OBJECTS, Form
from .kinds import TABLE, Kind, MissingLibraryError, NotByValueError
from .protocol import (
    Alias,
    Array,
    BigInt,
    Bytes,
    Callback,
    Collection,
    Complex,
    Made,
    Mapping,
    Named,
    Node,
    Opaque,
    Packed,
    ProtocolViolationError,
    Repeat,
    Scalar,
    Sequence,
    Text,
)

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = ["Decoder", "DeviceRefusedError", "Encoder", "MissingLibraryError", "ValueRefusedError"]


class ValueRefusedError(Exception):
    """A value cannot travel: it is too large, too deep, or of no kind that crosses."""


class DeviceRefusedError(Exception):
    """A device did not take a tensor, for want of memory or because it is broken."""


# What a call may change in place: lists, dicts and other containers, and frames.
Container = Any

MAX_BUFFERS = 1 << 15
SPARE_BUFFERS = 1 << 12  # that packed items leave to what has no other way

SHORT_TEXT = 65_536
SMALL_INT = 2**63
PLAIN_NODES = frozenset({float, int, str, bool, type(None)})
MAX_BIG_INT_DIGITS = 4_096
MAX_STEP = 2**48
WIDEST = 8
MAX_KEYS, MANY_KEYS, MAX_EQUAL_HASHES = 1_000_000, 1_000, 64
_KINDS_ARE_KNOWN = (
    generators,
    numpy_kinds,
    pandas_kinds,
    standard,
    tables,
)  # each has entered its own

_mro = type.__dict__["__mro__"].__get__  # a class can lie about its own


@dataclass(frozen=True, slots=True)
class SentArray:
    """An array that was encoded; `is_itself` says that what was sent is its own memory."""

    array: Any
    node: Array
    is_itself: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a message has come, to go back to where a part of it cannot travel."""

    buffers: int
    containers: int
    room: int


class Encoder:
    """Turn one message's values into nodes and buffers.

    `array_bytes` bounds all buffers of the message together, and what its values take beside them;
    `nesting` bounds the depth of containers.
    `keep` gives an object that cannot travel its key (in the child), or refuses it (in the judge).
    `stays` says of a class that its objects stay, though they could travel as what they hold.
    `arguments` are the call's arrays, for a result that shares memory with one of them, and
    `containers` its lists, frames and so on, for a result that holds one of them. With
    `as_arguments` arrays keep their strides and share memory where they do, though nothing of the
    memory around them is sent, and a list that comes twice is the same list; `seal` ends it.
    What a value of several parts is made of travels by value, and shares nothing.
    """

    def __init__(
        self,
        *,
        array_bytes: int,
        nesting: int,
        keep: Callable[[Any], Opaque | Named | Callback],
        arguments: Iterable[Any] = (),
        containers: Iterable[Container] = (),
        as_arguments: bool = False,
        stays: Callable[[type], bool] | None = None,
    ) -> None:
        self.buffers: list[memoryview] = []
        self.sent: list[SentArray] = []
        self.containers = list(containers)  # by their numbers
        self._numbers = {id(one): number for number, one in enumerate(self.containers)}
        self._open: set[int] = set()  # containers whose items are not all known
        self._unplaced: list[tuple[Array, Layout]] = []
        self._room = array_bytes
        self._nesting = nesting
        self._keep = keep
        self._stays = stays
        self._arguments = list(arguments)
        self._as_arguments = as_arguments
        self._by_parts = False  # within a value that is made of parts
        self._may_keep = True  # whether what stands here may stay where it is

    def encode(self, value: Any, depth: int = 0) -> Node:
        """Return the node of a value; ValueRefusedError where it cannot travel."""
        if depth > self._nesting:
            raise ValueRefusedError(f"it is nested deeper than {self._nesting} levels")
        if value is None or value is True or value is False:
            return value
        kind = type(value)
        if self._stays is not None and self._may_keep and self._stays(kind):
            return self._keep(value)
        method = _METHODS.get(kind) or _method_for(kind)
        if method is None:
            return self._unknown(value)
        try:
            return method(self, value, depth)
        except (ValueRefusedError, NotByValueError, MemoryError):
            raise
        except Exception:
            if kind in _METHODS:
                raise  # what fails here is ours
            # A class of somebody's own answers for itself, and can raise where ours do not.
            raise ValueRefusedError("its class does not behave like the one it is of") from None

    def _unknown(self, value: Any) -> Node:
        if standard.builtin_name(value) is not None:
            return Made(standard.BUILTIN.name, [standard.builtin_name(value)])
        if not self._may_keep:
            raise NotByValueError("a part that does not travel")
        return self._keep(value)

    def _float(self, value: Any, _depth: int) -> Node:
        return float.__float__(value)

    def _int(self, value: Any, _depth: int) -> Node:
        exact = int.__index__(value)
        if -SMALL_INT <= exact < SMALL_INT:
            return int.__add__(exact, 0)
        if exact.bit_length() > 4 * MAX_BIG_INT_DIGITS:
            raise ValueRefusedError("it is an integer of more than 4,000 digits")
        return BigInt(hex(exact))

    def _str(self, value: Any, _depth: int) -> Node:
        exact = str.__str__(value)
        if len(exact) <= SHORT_TEXT:
            return exact.encode("utf-8", "replace").decode("utf-8")
        return Text(self.add(memoryview(exact.encode("utf-8", "replace"))))

    def _bytes(self, value: Any, _depth: int) -> Node:
        return Bytes(self.add(memoryview(value).cast("B") if len(value) else memoryview(b"")))

    def _complex(self, value: Any, _depth: int) -> Node:
        return Complex(float(complex.__complex__(value).real), float(value.imag))

    # --- containers ------------------------------------------------------------------------------

    def _list(self, value: Any, depth: int) -> Node:
        return self._container(FORMS["list"], value, depth)

    def _dict(self, value: Any, depth: int) -> Node:
        return self._container(FORMS["dict"], value, depth)

    def _tuple(self, value: Any, depth: int) -> Node:
        if type(value) is not tuple and standard.is_named_tuple(type(value)):
            return self._made(standard.NAMED_TUPLE, value, depth)
        return Sequence(self._items(list(tuple.__iter__(value)), depth), is_tuple=True)

    def _container(self, form: Form, value: Any, depth: int) -> Node:
        if not form.is_mutable or self._by_parts:
            return self._held(form, value, depth)
        again = self._seen(value)
        return self._held(form, value, depth) if again is None else again

    def _held(self, form: Form, value: Any, depth: int) -> Sequence | Mapping | Collection:
        """Return what a container holds."""
        items = form.items(value)
        if form.is_hashed and len(items) > MAX_KEYS * (2 if form.has_keys else 1):
            raise ValueRefusedError(f"it has more than {MAX_KEYS:,} keys")
        if form.name == "list":
            return Sequence(self._items(items, depth))
        if form.name == "dict":
            return self._mapping(items, depth)
        with self._inside(value):
            about = [self.encode(part, depth + 1) for part in form.about(value)]
            return Collection(form.name, self._in_order(form, items, depth), about)

    @contextmanager
    def _inside(self, value: Any) -> Iterator[None]:
        """Let a container's items stay where they are, and none of them be the container."""
        if id(value) in self._open:
            raise ValueRefusedError("it holds itself")
        self._open.add(id(value))
        may_keep, self._may_keep = self._may_keep, True
        try:
            yield
        finally:
            self._may_keep = may_keep
            self._open.discard(id(value))

    def _in_order(self, form: Form, items: Items[Any], depth: int) -> list[Node]:
        if not form.has_keys:
            return self._items(items, depth)
        half = len(items) // 2
        return self._items(items[:half], depth) + self._items(items[half:], depth)

    def _mapping(self, items: Items[Any], depth: int) -> Mapping | Collection:
        half = len(items) // 2
        if half >= packing.FEWEST and (keys := self._packed(items[:half])) is not None:
            return Collection("dict", [keys, *self._items(items[half:], depth)], [])
        pairs = zip(items[:half], items[half:], strict=True)
        return Mapping(
            [(self.encode(key, depth + 1), self.encode(item, depth + 1)) for key, item in pairs]
        )

    def _items(self, items: Items[Any], depth: int) -> list[Node]:
        """Return the nodes of a container's items: one for all where they are of one kind."""
        if len(items) >= packing.FEWEST and (packed := self._packed(items)) is not None:
            return [packed]
        depth += 1
        return [item if type(item) is float else self.encode(item, depth) for item in items]

    def _packed(self, items: Items[Any]) -> Packed | None:
        if len(self.buffers) > MAX_BUFFERS - SPARE_BUFFERS:
            return None
        found = packing.pack(items)
        if found is None:
            return None
        self._count(found.weight)
        parts = (found.data, found.lengths, found.missing)
        return Packed(
            found.kind, found.size, *(-1 if part is None else self.add(part) for part in parts)
        )

    def _seen(self, value: Any) -> Repeat | None:
        """Return a container that is known as its number; give one of the arguments the next."""
        number = self._numbers.get(id(value))
        if number is not None:
            if id(value) in self._open:
                raise ValueRefusedError("it holds itself")
            return Repeat(number)
        if self._as_arguments:
            self._numbers[id(value)] = len(self.containers)
            self.containers.append(value)
        return None

    def contents(self, container: Container) -> Sequence | Mapping | Collection | Made:
        """Return what one of the arguments' containers holds."""
        form = form_of(container)
        held: Sequence | Mapping | Collection | Made | None = None
        with suppress(NotByValueError):
            if isinstance(form, Kind):
                held = self._parts(form, container, 0)
            elif form is not None:
                held = self._held(form, container, 0)
        if held is None:
            raise ValueRefusedError("an argument was changed to hold what cannot travel")
        return held

    # --- what is made of parts -------------------------------------------------------------------

    def _made(self, kind: Kind, value: Any, depth: int) -> Node:
        mark = Mark(len(self.buffers), len(self.containers), self._room)
        try:
            if kind.is_mutable and not self._by_parts and (again := self._seen(value)) is not None:
                return again
            return self._parts(kind, value, depth)
        except (ValueRefusedError, MemoryError):
            raise
        except NotByValueError:
            pass
        except Exception:
            if type(value) in _METHODS and not kind.module:
                raise  # what fails here is ours
        # A library's value can be made of more than is known here.
        self._go_back(mark)
        return self._unknown(value)

    def _parts(self, kind: Kind, value: Any, depth: int) -> Made:
        parts = kind.parts(value)
        before = self._by_parts, self._may_keep
        self._by_parts = True
        try:
            nodes = []
            for wanted, part in zip(kind.takes, parts, strict=True):
                self._may_keep = wanted is object or wanted is list or wanted is dict
                nodes.append(self.encode(part, depth + 1))
        finally:
            self._by_parts, self._may_keep = before
        self._count(kind.weight)
        return Made(kind.name, nodes)

    def _go_back(self, mark: Mark) -> None:
        del self.buffers[mark.buffers :]
        for container in self.containers[mark.containers :]:
            del self._numbers[id(container)]
        del self.containers[mark.containers :]
        self._room = mark.room

    # --- arrays ----------------------------------------------------------------------------------

    def _scalar(self, value: Any, depth: int) -> Node:
        name = dtypes.name_of(value.dtype)
        if name is None:
            return self._unknown(value)
        if value.dtype.kind in "US":
            return self._made(TABLE.named("np.str_" if value.dtype.kind == "U" else "np.bytes_"),
                              value, depth)  # fmt: skip
        numpy = sys.modules["numpy"]
        return Scalar(name, numpy.asarray(value, value.dtype.newbyteorder("=")).tobytes())

    def _numpy(self, value: Any, depth: int) -> Node:
        numpy = sys.modules["numpy"]
        plain = numpy.asarray(value).view(numpy.ndarray)
        if dtypes.name_of(plain.dtype) is not None:
            return self._array(value, dtypes.without_surrogates(plain), NUMPY)
        if plain.dtype == object:
            return self._container(OBJECTS, value, depth)
        return self._made(numpy_kinds.RECORDS, value, depth)

    def _torch(self, value: Any, _depth: int) -> Node:
        torch = sys.modules["torch"]
        # Else a subclass would answer for its own dtype, device and values.
        with torch._C.DisableTorchFunctionSubclass(), torch.no_grad():  # noqa: SLF001
            return self._tensor(value, torch)

    def _tensor(self, value: Any, torch: Any) -> Node:
        if str(value.dtype).removeprefix("torch.") not in dtypes.TORCH_DTYPES:
            raise ValueRefusedError(f"it is a tensor of dtype {value.dtype}")
        if value.layout != torch.strided or value.device.type not in {"cpu", "cuda"}:
            kind = f"layout {value.layout} on {value.device.type}"
            raise ValueRefusedError(f"it is a tensor of {kind}, which holds no plain numbers")
        plain = value.detach().resolve_conj().resolve_neg().as_subclass(torch.Tensor)
        return self._array(value, plain, TORCH)

    def _array(self, original: Any, plain: Any, library: "Library") -> Node:
        layout = library.layout(plain)
        if self._as_arguments and not self._by_parts:
            node = Array(library.name, layout.dtype, list(layout.shape), [], 0, -1, layout.device)
            if library is NUMPY:
                node.is_readonly = not original.flags.writeable
            self._unplaced.append((node, layout))
            is_itself = library.address(original) == layout.address
            self.sent.append(SentArray(original, node, is_itself))
            return node
        node = self._by_value(layout, library)
        if self._by_parts:
            return node
        for number, argument in enumerate(self._arguments):
            view = library.place_in(argument, plain)
            if view is None:
                continue
            extent = Extent.of(argument.shape, library.strides(argument))
            if extent.holds(layout.shape, *view):
                return Alias(number, node, *view)
        return node

    def _by_value(self, layout: Layout, library: "Library") -> Array:
        raw, strides = None, contiguous_strides(layout.shape)
        if not layout.is_empty and min(layout.steps, default=0) >= 0:
            raw = arrays.dense_bytes(layout)
        if raw is not None:
            strides = [step // layout.item for step in layout.steps]
        buffer = self.add(arrays.compact_bytes(layout.host) if raw is None else raw)
        shape = list(layout.shape)
        return Array(library.name, layout.dtype, shape, strides, 0, buffer, layout.device)

    def seal(self) -> None:
        """Give each argument's array its place in a buffer: its own elements, and nothing else."""
        layouts = [layout for _node, layout in self._unplaced]
        for group in arrays.overlapping(layouts):
            self._place([self._unplaced[number] for number in group])
        self._unplaced = []

    def _place(self, group: list[tuple[Array, Layout]]) -> None:
        layouts = [layout for _node, layout in group]
        if len(group) == 1 and layouts[0].host.flags.c_contiguous:
            [(node, layout)] = group
            raw = arrays.dense_bytes(layout)
            if raw is not None:
                node.strides = [step // layout.item for step in layout.steps]
                node.buffer = self.add(raw)
                return
        start = arrays.start_of(layouts)
        if any((layout.address - start) % layout.item for layout in layouts):
            for one in group:  # arrays of several dtypes that no common memory can hold aligned
                self._place([one])
            return
        raw = None
        if layouts[0].is_empty:
            raw = memoryview(b"")
        elif len(group) == 1:
            raw = arrays.dense_bytes(layouts[0])
        else:
            self._check_room(max(layout.high for layout in layouts) - start)
        if raw is None:
            self._check_room(layouts[0].high - start)
            raw = arrays.spread_bytes(layouts, start)
        number = self.add(raw)
        for node, layout in group:
            node.strides = [step // layout.item for step in layout.steps]
            node.offset = 0 if layout.is_empty else (layout.address - start) // layout.item
            node.buffer = number

    def _count(self, size: int) -> None:
        """Take what values need beside the message into account."""
        if size > self._room:
            raise ValueRefusedError("it is larger than an answer may be")
        self._room -= size

    def _check_room(self, size: int) -> None:
        if size > self._room:
            raise ValueRefusedError("its arrays are larger than the limit together")

    def add(self, raw: memoryview) -> int:
        """Take memory into the message and return its number."""
        self._check_room(raw.nbytes)
        self._room -= raw.nbytes
        if len(self.buffers) >= MAX_BUFFERS:
            raise ValueRefusedError(f"it holds more than {MAX_BUFFERS:,} arrays")
        self.buffers.append(raw)
        return len(self.buffers) - 1


def _contained(form: Form, encoder: Encoder, value: Any, depth: int) -> Node:
    return encoder._container(form, value, depth)  # noqa: SLF001


# Python's own classes, and those of libraries once they are loaded.
_METHODS: dict[type, Callable[[Encoder, Any, int], Node]] = {
    float: Encoder._float, int: Encoder._int, str: Encoder._str, bytes: Encoder._bytes,  # noqa: SLF001
    complex: Encoder._complex, tuple: Encoder._tuple, list: Encoder._list, dict: Encoder._dict,  # noqa: SLF001
}  # fmt: skip
_LATER = {
    ("numpy", "generic"): Encoder._scalar,  # noqa: SLF001
    ("numpy", "ndarray"): Encoder._numpy,  # noqa: SLF001
    ("torch", "Tensor"): Encoder._torch,  # noqa: SLF001
}  # fmt: skip
_METHODS |= {
    kind: partial(_contained, FORMS[name]) for kind, name in CLASSES.items() if kind not in _METHODS
}


def _method_for(kind: type) -> Callable[[Encoder, Any, int], Node] | None:
    """Return how values of a class travel: as those of its nearest base that does."""
    TABLE.look_for_libraries()
    for (module, name), method in list(_LATER.items()):
        found = getattr(sys.modules.get(module), name, None)
        if isinstance(found, type):
            _METHODS[found] = method
            del _LATER[module, name]
    for base in _mro(kind):
        if base in _METHODS:
            return _METHODS[base]
        if (known := TABLE.of_class(base)) is not None:
            method = _METHODS[base] = partial(_made, known)
            return method
    return None


def _made(kind: Kind, encoder: Encoder, value: Any, depth: int) -> Node:
    return encoder._made(kind, value, depth)  # noqa: SLF001


def form_of(value: Any) -> Form | Kind | None:
    """Return what a container or another value of parts is written down as; None of the rest."""
    for base in _mro(type(value)):
        if base in CLASSES:
            return FORMS[CLASSES[base]]
        if (kind := TABLE.of_class(base)) is not None:
            return kind
        if "numpy" in sys.modules and base is sys.modules["numpy"].ndarray:
            records = numpy_kinds.RECORDS if value.dtype.names is not None else None
            return OBJECTS if value.dtype == object else records
    return None


def form_of_node(node: Node) -> Form | Kind | None:
    """Return what a node writes a value down as; None where it is no container's."""
    match node:
        case Sequence():
            return FORMS["tuple" if node.is_tuple else "list"]
        case Mapping():
            return FORMS["dict"]
        case Collection():
            return FORMS.get(node.form)
        case Made():
            return TABLE.named(node.kind)
    return None


class Decoder:
    """Turn one message's nodes and buffers back into exact base types.

    `opaque` makes what stands for an object that stayed on the other side. `arguments` are the
    call's own arrays, for aliases; where one is None an alias of it comes by value. `containers`
    are its own lists and dicts. Every claim of the other side is checked before memory is used.
    `total_bytes` bounds what the values of one
    message take together when each element is a number of its own. With `as_arguments` lists can
    repeat, as an Encoder of the same kind sends them.
    """

    def __init__(
        self,
        buffers: list[memoryview],
        *,
        array_bytes: int,
        nesting: int,
        opaque: Callable[[Opaque | Named | Callback], Any],
        arguments: Iterable[Any] = (),
        containers: Iterable[Container] = (),
        devices: frozenset[str] = frozenset({"cpu"}),
        total_bytes: int | None = None,
        as_arguments: bool = False,
    ) -> None:
        self.arrays: list[Any] = []
        self.containers = list(containers)  # by their numbers
        self.aliased: set[int] = set()  # numbers of arguments whose memory a value shares
        self.has_repeated = False  # whether a value holds a container of the arguments
        self.written: set[int] = set()  # numbers of the buffers that hold the arrays
        self._by_parts = False  # within a value that is made of parts
        self._buffers = buffers
        self._memory: dict[int, torch.Tensor] = {}  # each buffer as bytes where its tensors lie
        self._array_bytes = array_bytes
        self._total_bytes = total_bytes
        self._nesting = nesting
        self._opaque = opaque
        self._arguments = list(arguments)
        self._extents: dict[int, Extent] = {}
        self._devices = devices
        self._as_arguments = as_arguments

    def decode(self, node: Node, depth: int = 0) -> Any:
        """Return a node's value; ProtocolViolationError where it contradicts itself."""
        if depth > self._nesting:
            raise ProtocolViolationError(f"a value nested deeper than {self._nesting} levels")
        read = _READERS.get(type(node))
        return node if read is None else read(self, node, depth)

    def _complex(self, node: Complex, _depth: int) -> complex:
        return complex(node.real, node.imag)

    def _bytes(self, node: Bytes, _depth: int) -> bytes:
        return bytes(self._counted(node.buffer))

    def _text(self, node: Text, _depth: int) -> str:
        return bytes(self._counted(node.buffer)).decode("utf-8", "replace")

    def _misplaced(self, _node: Packed, _depth: int) -> Any:
        raise ProtocolViolationError("packed items outside a container")

    def _array_or_view(self, node: Array | Alias, _depth: int) -> Any:
        if self._by_parts:
            if isinstance(node, Alias):
                raise ProtocolViolationError("a part that shares memory with an argument")
            return self.array(node)
        array = self.array(node) if isinstance(node, Array) else self._alias(node)
        self.arrays.append(array)
        if isinstance(node, Array):
            self.written.add(node.buffer)
        return array

    def _container(self, node: Sequence | Mapping | Collection, depth: int) -> Any:
        about: list[Node] = []
        if isinstance(node, Sequence):
            form, nodes = FORMS["tuple" if node.is_tuple else "list"], node.items
        elif isinstance(node, Mapping):
            keys = [key for key, _ in node.pairs]
            form, nodes = FORMS["dict"], keys + [item for _, item in node.pairs]
        else:
            form, nodes, about = self._form(node.form), node.items, node.about
        count = len(nodes)
        if any(type(one) is Packed for one in nodes):
            count = sum(self._number_of(one) for one in nodes)
        if form.has_keys and count % 2:
            raise ProtocolViolationError("a mapping in which a key has no value")
        made = form.make([self.decode(one, depth + 1) for one in about], count)
        if self._as_arguments and form.is_mutable and not self._by_parts:
            self.containers.append(made)
        items = self._items(nodes, depth)
        if form.is_hashed:
            _check_keys(items[: count // 2] if form.has_keys else items)
        return form.put(made, items)

    @staticmethod
    def _form(name: str) -> Form:
        if name not in FORMS:
            raise ProtocolViolationError(f"a container of the unknown form {name!r:.40}")
        return FORMS[name]

    def _number_of(self, node: Node) -> int:
        """Return how many items a node stands for, each of which takes a byte at least."""
        if not isinstance(node, Packed):
            return 1
        received = max(len(self._buffer(max(n, 0))) for n in (node.data, node.lengths))
        if not 0 <= node.count <= received:
            raise ProtocolViolationError("packed items of another number")
        return node.count

    def _items(self, nodes: list[Node], depth: int) -> list[Any]:
        items: list[Any] = []
        for node in nodes:
            kind = type(node)
            if kind in PLAIN_NODES:
                items.append(node)
            elif isinstance(node, Packed):
                items.extend(self._unpacked(node))
            else:
                items.append(self.decode(node, depth + 1))
        return items

    def _unpacked(self, node: Packed) -> list[Any]:
        if node.kind not in packing.WEIGHTS:
            raise ProtocolViolationError(f"packed items of the unknown kind {node.kind!r:.40}")
        parts = [
            None if number == -1 else self._buffer(number)
            for number in (node.lengths, node.missing)
        ]
        found = packing.Pack(node.kind, node.count, self._buffer(node.data), *parts)
        self._count(found.weight)
        return packing.unpack(found)

    def _made(self, node: Made, depth: int) -> Any:
        kind = TABLE.named(node.kind)
        is_numbered = self._as_arguments and kind.is_mutable and not self._by_parts
        self._count(kind.weight)
        before, self._by_parts = self._by_parts, True
        try:
            parts = [self.decode(part, depth + 1) for part in node.parts]
        finally:
            self._by_parts = before
        made = kind.made(parts)
        if is_numbered:
            self.containers.append(made)
        return made

    def _reference(self, node: Opaque | Repeat | Named | Callback, _depth: int) -> Any:
        if not isinstance(node, Repeat):
            return self._opaque(node)
        if self._by_parts or not 0 <= node.container < len(self.containers):
            raise ProtocolViolationError("a list or dict that was not sent")
        self.has_repeated = True
        return self.containers[node.container]

    def _counted(self, number: int) -> memoryview:
        """Return a buffer that a value copies."""
        raw = self._buffer(number)
        self._count(len(raw))
        return raw

    def _count(self, size: int) -> None:
        if self._total_bytes is not None:
            self._total_bytes -= size
            if self._total_bytes < 0:
                raise ProtocolViolationError("values larger than the limit together")

    def _big_int(self, node: BigInt, _depth: int) -> int:
        if len(node.hexadecimal) > MAX_BIG_INT_DIGITS + 3:
            raise ProtocolViolationError("an integer longer than its limit")
        try:
            return int(node.hexadecimal, 16)
        except ValueError:
            raise ProtocolViolationError("an integer that is not hexadecimal") from None

    def _scalar(self, node: Scalar, _depth: int) -> Any:
        import numpy as np

        if len(node.raw) != dtypes.item_bytes("numpy", node.dtype):
            raise ProtocolViolationError(f"a NumPy scalar of dtype {node.dtype!r:.40}")
        return np.frombuffer(node.raw, dtype=node.dtype)[0]

    def _buffer(self, number: int) -> memoryview:
        if not 0 <= number < len(self._buffers):
            raise ProtocolViolationError(f"buffer number {number}, which was not sent")
        return self._buffers[number]

    def array(self, node: Array) -> Any:
        """Return a fresh array over a private copy of the buffer."""
        item = dtypes.item_bytes(node.library, node.dtype)
        if item is None:
            raise ProtocolViolationError(f"an array of dtype {node.dtype!r:.40}")
        if node.device not in self._devices:
            raise ProtocolViolationError(f"an array on device {node.device!r:.40}")
        raw = self._buffer(node.buffer)
        self._check_view(node, len(raw), item)
        count = math.prod(node.shape)
        # A copy of a view in which elements repeat has them all, and often as float64.
        self._count(count * (item if count * item <= len(raw) else max(item, WIDEST)))
        if node.library == "numpy":
            return self._numpy(node, raw)
        return self._torch(node, raw)

    def _check_view(self, node: Array, available: int, item: int) -> None:
        if len(node.shape) != len(node.strides) or len(node.shape) > MAX_DIMENSIONS:
            raise ProtocolViolationError("an array whose shape and strides disagree")
        if min([*node.shape, node.offset], default=0) < 0:
            raise ProtocolViolationError("an array with a negative size or offset")
        if node.library != "numpy" and min(node.strides, default=0) < 0:
            raise ProtocolViolationError("a tensor with a negative stride")
        if max(map(abs, [*node.shape, *node.strides, node.offset]), default=0) > MAX_STEP:
            raise ProtocolViolationError("an array with an impossible size, stride or offset")
        # As NumPy does, an empty array is measured by its other dimensions.
        if math.prod(max(size, 1) for size in node.shape) * item > MAX_STEP:
            raise ProtocolViolationError("an empty array with impossible dimensions")
        count = math.prod(node.shape)
        if count * item > self._array_bytes:
            raise ProtocolViolationError("an array larger than the limit")
        below, above = arrays.reach(node.shape, node.strides)
        if count and (node.offset + below < 0 or (node.offset + above + 1) * item > available):
            raise ProtocolViolationError("an array that reaches past the end of its buffer")
        if available % item:
            raise ProtocolViolationError("a buffer that holds no whole number of elements")

    @staticmethod
    def _numpy(node: Array, raw: memoryview) -> "np.ndarray":
        import numpy as np

        if not math.prod(node.shape):
            array = np.empty(node.shape, node.dtype)
        elif node.strides == contiguous_strides(node.shape):
            flat = np.frombuffer(raw, dtype=node.dtype)
            array = flat[node.offset : node.offset + math.prod(node.shape)].reshape(node.shape)
        else:
            flat = np.frombuffer(raw, dtype=node.dtype)
            array = numpy_view(flat, node.shape, node.strides, node.offset)
        if array.dtype.kind == "U" and array.size and dtypes.holds_no_character(array).any():
            raise ProtocolViolationError("an array of text with what is no character")
        if node.is_readonly:
            array.flags.writeable = False
        return array

    def _torch(self, node: Array, raw: memoryview) -> "torch.Tensor":
        import torch

        dtype = getattr(torch, node.dtype)
        if not math.prod(node.shape):
            return torch.empty(node.shape, dtype=dtype, device=node.device)
        if node.buffer not in self._memory:
            try:
                flat = arrays.on_device(torch.frombuffer(raw, dtype=torch.uint8), node.device)
            except RuntimeError as problem:
                raise DeviceRefusedError(str(problem)) from problem
            self._memory[node.buffer] = flat
        flat = self._memory[node.buffer].view(dtype)
        return flat.as_strided(node.shape, node.strides, node.offset)

    def memory(self, number: int) -> memoryview:
        """Return what the arrays of a buffer hold by now."""
        flat = self._memory.get(number)
        return self._buffers[number] if flat is None else arrays.tensor_bytes(flat)

    def _alias(self, node: Alias) -> Any:
        """Return a view of the judge's own array where there is one, else the value as it came."""
        value = self.array(node.value)
        if not 0 <= node.argument < len(self._arguments):
            raise ProtocolViolationError("an alias of an argument that was not sent")
        argument = self._arguments[node.argument]
        if type(argument) is not type(value) or argument.dtype != value.dtype:
            return value
        shape, strides, offset = node.value.shape, node.strides, node.offset
        if len(shape) != len(strides):
            raise ProtocolViolationError("an alias whose shape and strides disagree")
        library = NUMPY if node.value.library == "numpy" else TORCH
        if not self._lies_in(library, node):
            return value
        self.aliased.add(node.argument)
        own = zip(shape, strides, library.strides(argument), strict=False)
        is_whole = offset == 0 and shape == list(argument.shape)
        if is_whole and all(n == 1 or step == step_of_own for n, step, step_of_own in own):
            return argument
        return library.view_at(argument, shape, strides, offset)

    def _lies_in(self, library: "Library", node: Alias) -> bool:
        """Say whether a view has only elements of its argument, and none that lies between."""
        argument = self._arguments[node.argument]
        if not math.prod(node.value.shape) or not math.prod(argument.shape):
            return False
        if library is TORCH and min(node.strides, default=0) < 0:
            return False
        if node.argument not in self._extents:
            own = Extent.of(argument.shape, library.strides(argument))
            self._extents[node.argument] = own
        return self._extents[node.argument].holds(node.value.shape, node.strides, node.offset)


_READERS: dict[type, Callable[[Decoder, Any, int], Any]] = {
    Sequence: Decoder._container, Mapping: Decoder._container, Collection: Decoder._container,  # noqa: SLF001
    Made: Decoder._made, Array: Decoder._array_or_view, Alias: Decoder._array_or_view,  # noqa: SLF001
    Opaque: Decoder._reference, Repeat: Decoder._reference, Named: Decoder._reference,  # noqa: SLF001
    Callback: Decoder._reference, Complex: Decoder._complex, BigInt: Decoder._big_int,  # noqa: SLF001
    Bytes: Decoder._bytes, Text: Decoder._text, Scalar: Decoder._scalar,  # noqa: SLF001
    Packed: Decoder._misplaced,  # noqa: SLF001
}  # fmt: skip


def _check_keys(keys: list[Any]) -> None:
    if len(keys) > MAX_KEYS:
        raise ProtocolViolationError("a mapping or set with too many keys")
    try:
        hashes = list(map(hash, keys))
    except TypeError:
        raise ProtocolViolationError("a mapping or set with a key that cannot be hashed") from None
    # Hashes of all but texts are known, and a dict of keys that share one is quadratic.
    if len(keys) > MANY_KEYS and set(map(type, keys)) != {str}:
        [(_, most)] = Counter(hashes).most_common(1)
        if most > MAX_EQUAL_HASHES:
            raise ProtocolViolationError("a mapping or set with too many keys of one hash")
