"""How the nodes and buffers of the other side come back as base types; every claim is checked.

Numbers, texts and arrays are done here; `containers` and `kinds` are the tables of all the rest.
Both sides run this file; in the child it is executed from source, so it may import only its
neighbours, the standard library, and numpy and torch where a value needs them.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from . import arrays, dtypes, packing
from .arrays import NUMPY, TORCH, Extent, Library, contiguous_strides, numpy_view
from .containers import FORMS, MAX_DIMENSIONS, Form
from .kinds import TABLE
from .nodes import (
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
from .shared import LEAVES, NOTHING_SHARED, Shared
from .values import MAX_BIG_INT_DIGITS, MAX_KEYS, Container, form_of

if TYPE_CHECKING:
    import numpy as np
    import torch

PLAIN_NODES = frozenset({float, int, str, bool, type(None)})
MAX_STEP = 2**48
WIDEST = 8
MANY_KEYS, MAX_EQUAL_HASHES = 1_000, 64


class DeviceRefusedError(Exception):
    """A device did not take a tensor, for want of memory or because it is broken."""


class Decoder:
    """Turn one message's nodes and buffers back into exact base types.

    `opaque` makes what stands for an object that stayed on the other side. `arguments` are the
    call's own arrays, for aliases; where one is None an alias of it comes by value. `shared` are
    the lists and so on that this side has as well, arrays among them where it is `with_arrays`, and
    `new` those that come first in this message, by the numbers from `first` on. Every claim of the
    other side is checked before memory is used.
    `graph` makes a tensor of a number one whose gradient goes to the other side.
    `total_bytes` bounds what the values of one message take together when each element is a number
    of its own. With `as_arguments` numbers go up, and a list can hold itself, as an Encoder of the
    same kind sends them. `on_built` is told of each value that is made of parts.
    """

    def __init__(
        self,
        buffers: list[memoryview],
        *,
        array_bytes: int,
        nesting: int,
        opaque: Callable[[Opaque | Named | Callback], Any],
        arguments: Iterable[Any] = (),
        shared: Shared | None = None,
        first: int | None = None,
        devices: frozenset[str] = frozenset({"cpu"}),
        total_bytes: int | None = None,
        as_arguments: bool = False,
        graph: Callable[[Any, int, list[int]], Any] | None = None,
        on_built: Callable[[Any], None] | None = None,
    ) -> None:
        self.graph = graph
        self.arrays: list[Any] = []
        self.new: dict[int, Container] = {}  # by their numbers, in their order
        self.aliased: set[int] = set()  # numbers of arguments whose memory a value shares
        self.repeated: set[int] = set()  # numbers of containers that come again
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
        self._on_built = on_built
        self._shared = NOTHING_SHARED if shared is None else shared
        free = self._shared.next_ours if as_arguments else self._shared.next_theirs
        self._first = free if first is None else first
        if not as_arguments and self._first > free:
            raise ProtocolViolationError("numbers that other containers have had")
        self._open: set[int] = set()  # numbers of those whose items have not all come
        self._arrays_of: dict[tuple[Any, ...], Any] = {}  # by what their nodes say
        self._copied: dict[int, tuple[Any, int]] = {}  # see `_copied_bytes`

    @property
    def most_items(self) -> int:
        """How many items lists within lists may hold in all."""
        return self._array_bytes // 8

    def decode(self, node: Node, depth: int = 0) -> Any:
        """Return a node's value; ProtocolViolationError where it contradicts itself."""
        if depth > self._nesting:
            raise ProtocolViolationError(f"a value nested deeper than {self._nesting} levels")
        read = _READERS.get(type(node))
        return node if read is None else read(self, node, depth)

    def contents(self, node: Node) -> Any:
        """Return another container that holds what one holds that both sides have."""
        if isinstance(node, Made):
            return self._built(node, 0)
        if isinstance(node, Array):
            return self.array(node)
        if not isinstance(node, Sequence | Mapping | Collection):
            raise ProtocolViolationError("the contents of what holds nothing")
        return self._filled(node, 0, is_new=False)

    def _number(self, made: Container) -> int:
        """Give a container of this message the next number."""
        number = self._first + (1 if self._as_arguments else -1) * len(self.new)
        if number in self._shared:
            raise ProtocolViolationError("a number that another container has")
        self.new[number] = made
        return number

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
        array = self._once(node) if isinstance(node, Array) else self._alias(node)
        if isinstance(node, Array) and node.graph and self._shared.with_arrays:
            array = self._in_graph(array, node)
        self.arrays.append(array)
        if isinstance(node, Array):
            self.written.add(node.buffer)
            if self._shared.with_arrays:
                self._number(array)
        return array

    def _in_graph(self, array: Any, node: Array) -> Any:
        """Return a tensor that is to have a gradient, or one that comes of the other side's."""
        if node.library != "torch" or not (array.is_floating_point() or array.is_complex()):
            raise ProtocolViolationError("a gradient of what can have none")
        if node.graph != 2:  # noqa: PLR2004 - see the node
            array.requires_grad_()
            if node.graph != 1:
                array._is_param = True  # noqa: SLF001 - as torch itself knows parameters by
            if self._as_arguments:
                self._shared.pinned.add(self._first + len(self.new))
            if node.gradient is not None:
                self.give_gradient(array, node.gradient)
            return array
        number = self._first + (1 if self._as_arguments else -1) * len(self.new)
        return array if self.graph is None else self.graph(array, number, node.sources)

    def give_gradient(self, array: Any, node: Array | None) -> None:
        """Give a tensor the gradient that it has on the other side."""
        found = None if node is None else self.array(node)
        if found is not None:
            if type(found) is not type(array.detach()) or found.shape != array.shape:
                raise ProtocolViolationError("a gradient of another form")
            found = found.clone()
        array.grad = found

    def _once(self, node: Array) -> Any:
        """Return an array; it is the same one where the same elements are said again."""
        where = node.library, node.dtype, node.offset, node.buffer, node.device, node.is_readonly
        said = (*where, tuple(node.shape), tuple(node.strides))
        if said not in self._arrays_of:
            self._arrays_of[said] = self.array(node)
        else:
            self._count(_copied_bytes(self._arrays_of[said], {}))
        return self._arrays_of[said]

    def _container(self, node: Sequence | Mapping | Collection, depth: int) -> Any:
        return self._filled(node, depth, is_new=not self._by_parts)

    def _filled(self, node: Sequence | Mapping | Collection, depth: int, *, is_new: bool) -> Any:
        about: list[Node] = []
        if isinstance(node, Sequence):
            form, nodes = FORMS["tuple" if node.is_tuple else "list"], node.items
        elif isinstance(node, Mapping):
            keys = [key for key, _ in node.pairs]
            form, nodes = FORMS["dict"], keys + [item for _, item in node.pairs]
        else:
            form, nodes, about = self._form(node.form), node.items, node.about
        count, kinds = len(nodes), set(map(type, nodes))
        if Packed in kinds:
            count = sum(self._number_of(one) for one in nodes)
        if form.has_keys and count % 2:
            raise ProtocolViolationError("a mapping in which a key has no value")
        made = form.make([self.decode(one, depth + 1) for one in about], count)
        number = self._number(made) if is_new and form.is_mutable else None
        if number is not None and not self._as_arguments:
            self._open.add(number)
        items = [*nodes] if kinds <= PLAIN_NODES else self._items(nodes, depth)
        if number is not None:
            self._open.discard(number)
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
        is_new = not self._by_parts
        made = self._built(node, depth)
        if is_new and TABLE.named(node.kind).is_mutable:
            self._number(made)
        return made

    def _built(self, node: Made, depth: int) -> Any:
        kind = TABLE.named(node.kind)
        self._count(kind.weight)
        before, self._by_parts = self._by_parts, True
        try:
            parts = [self.decode(part, depth + 1) for part in node.parts]
        finally:
            self._by_parts = before
        made = kind.made(parts)
        if self._on_built is not None:
            self._on_built(made)
        return made

    def _reference(self, node: Opaque | Repeat | Named | Callback, _depth: int) -> Any:
        if not isinstance(node, Repeat):
            return self._opaque(node)
        number = node.container
        is_known = number in self.new or number in self._shared
        if self._by_parts or not is_known or number in self._open:
            raise ProtocolViolationError("a list or dict that was not sent")
        self.repeated.add(number)
        found = self.new[number] if number in self.new else self._shared[number]
        if self._total_bytes is not None:
            self._count(_copied_bytes(found, self._copied))
        return found

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
        argument = self._argument(node.argument)
        if type(argument) is not type(value) or argument.dtype != value.dtype:
            return value
        shape, strides, offset = node.value.shape, node.strides, node.offset
        if len(shape) != len(strides):
            raise ProtocolViolationError("an alias whose shape and strides disagree")
        library = NUMPY if node.value.library == "numpy" else TORCH
        if not self._lies_in(library, node, argument):
            return value
        self.aliased.add(node.argument)
        own = zip(shape, strides, library.strides(argument), strict=False)
        is_whole = offset == 0 and shape == list(argument.shape)
        if is_whole and all(n == 1 or step == step_of_own for n, step, step_of_own in own):
            return argument
        return library.view_at(argument, shape, strides, offset)

    def _argument(self, number: int) -> Any:
        """Return the array that a view is of, by its number; None where there is none here."""
        if self._shared.with_arrays and (found := self._shared.array(number)) is not None:
            return found
        if self._shared.with_arrays or not 0 <= number < len(self._arguments):
            raise ProtocolViolationError("an alias of an argument that was not sent")
        return self._arguments[number]

    def _lies_in(self, library: Library, node: Alias, argument: Any) -> bool:
        """Say whether a view has only elements of its argument, and none that lies between."""
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


def _copied_bytes(value: Any, known: dict[int, tuple[Any, int]]) -> int:
    """Return what a value's arrays take where each is copied as often as it is met in there.

    known: values, with what they take, by their ids.
    """
    if id(value) in known:
        return known[id(value)][1]
    form = form_of(value)
    if form is None:
        return math.prod(getattr(value, "shape", (0,))) * WIDEST
    known[id(value)] = value, 0  # should it hold itself
    parts = form.items(value) if isinstance(form, Form) else form.parts(value)
    total = 0 if set(map(type, parts)) <= LEAVES else sum(_copied_bytes(p, known) for p in parts)
    known[id(value)] = value, total
    return total


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
