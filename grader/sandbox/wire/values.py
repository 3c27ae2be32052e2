"""How Python, NumPy and torch values become nodes and buffers, and come back as base types.

Both sides run this file; in the child it is executed from source, beside `protocol`, so it may
import only that, the standard library, and numpy and torch where a value needs them.
"""

import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import arrays
from .arrays import (
    NUMPY,
    TORCH,
    Extent,
    Layout,
    Library,
    contiguous_strides,
    numpy_view,
)
from .protocol import (
    Alias,
    Array,
    BigInt,
    Bytes,
    Callback,
    Complex,
    Mapping,
    Named,
    Node,
    Opaque,
    ProtocolViolationError,
    Repeat,
    Scalar,
    Sequence,
    Text,
)

if TYPE_CHECKING:
    import numpy as np
    import torch


class ValueRefusedError(Exception):
    """A value cannot travel: it is too large, too deep, or of no kind that crosses."""


class DeviceRefusedError(Exception):
    """A device did not take a tensor, for want of memory or because it is broken."""


Container = list[Any] | dict[Any, Any]

MAX_BUFFERS = 4096

ITEM_BYTES = {
    "bool": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "float16": 2, "bfloat16": 2,
    "int32": 4, "uint32": 4, "float32": 4, "int64": 8, "uint64": 8, "float64": 8,
    "complex64": 8, "complex128": 16,
}  # fmt: skip
SHORT_TEXT = 65_536
SMALL_INT = 2**63
MAX_BIG_INT_DIGITS = 4_096
MAX_DIMENSIONS = 32
MAX_STEP = 2**48
WIDEST = 8
MAX_PAIRS, MAX_ODD_PAIRS = 100_000, 1_000
PLAIN_KEYS = frozenset({str, int, float, bool, type(None)})
EXACT_KINDS = frozenset(
    {bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, type(None)}
)
TORCH_DTYPES = frozenset(ITEM_BYTES)
NUMPY_DTYPES = TORCH_DTYPES - {"bfloat16"}


def _is_exactly_known(kind: type) -> bool:
    """Tell whether a class is one of Python's, NumPy's or torch's own that travel by value."""
    if kind in EXACT_KINDS:
        return True
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    known = [] if numpy is None else [numpy.ndarray, *numpy.sctypeDict.values()]
    known += [] if torch is None else [torch.Tensor, torch.nn.Parameter]
    return kind in known


@dataclass(frozen=True, slots=True)
class SentArray:
    """An array that was encoded; `is_itself` says that what was sent is its own memory."""

    array: Any
    node: Array
    is_itself: bool


class Encoder:
    """Turn one message's values into nodes and buffers.

    `array_bytes` bounds all buffers of the message together, `nesting` the depth of containers.
    `keep` gives an object that cannot travel its key (in the child), or refuses it (in the judge).
    `arguments` are the call's arrays, for a result that shares memory with one of them, and
    `containers` its lists and dicts, for a result that holds one of them. With
    `as_arguments` arrays keep their strides and share memory where they do, though nothing of the
    memory around them is sent, and a list that comes twice is the same list; `seal` ends it.
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
    ) -> None:
        self.buffers: list[memoryview] = []
        self.sent: list[SentArray] = []
        self.containers = list(containers)  # by their numbers
        self._numbers = {id(one): number for number, one in enumerate(self.containers)}
        self._unplaced: list[tuple[Array, Layout]] = []
        self._room = array_bytes
        self._nesting = nesting
        self._keep = keep
        self._arguments = list(arguments)
        self._as_arguments = as_arguments

    def encode(self, value: Any, depth: int = 0) -> Node:
        """Return the node of a value; ValueRefusedError where it cannot travel."""
        if depth > self._nesting:
            raise ValueRefusedError(f"it is nested deeper than {self._nesting} levels")
        if value is None or value is True or value is False:
            return value
        try:
            for kind, method in self._base_types:
                if isinstance(value, kind):
                    return method(self, value, depth)
            return self._encode_foreign(value)
        except (ValueRefusedError, MemoryError):
            raise
        except Exception:
            if _is_exactly_known(type(value)):
                raise  # what fails here is ours
            # A class of somebody's own answers for itself, and can raise where ours do not.
            raise ValueRefusedError("its class does not behave like the one it is of") from None

    def _float(self, value: Any, _depth: int) -> Node:
        if "numpy" in sys.modules and isinstance(value, sys.modules["numpy"].generic):
            return self._encode_foreign(value)  # np.float64 is a float, and must stay what it is
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
        if "numpy" in sys.modules and isinstance(value, sys.modules["numpy"].generic):
            return self._encode_foreign(value)
        return Complex(float(complex.__complex__(value).real), float(value.imag))

    def _sequence(self, value: Any, depth: int) -> Node:
        is_tuple = isinstance(value, tuple)
        if not is_tuple and (again := self._seen(value)) is not None:
            return again
        return self._items(value, depth)

    def _items(self, value: Any, depth: int) -> Sequence:
        is_tuple = isinstance(value, tuple)
        items = tuple.__iter__(value) if is_tuple else list.__iter__(value)
        return Sequence([self.encode(item, depth + 1) for item in items], is_tuple)

    def _seen(self, value: Any) -> Repeat | None:
        """Return a container that is known as its number; give one of the arguments the next."""
        number = self._numbers.get(id(value))
        if number is not None:
            return Repeat(number)
        if self._as_arguments:
            self._numbers[id(value)] = len(self.containers)
            self.containers.append(value)
        return None

    def _mapping(self, value: Any, depth: int) -> Node:
        again = self._seen(value)
        return self._pairs(value, depth) if again is None else again

    def _pairs(self, value: Any, depth: int) -> Mapping:
        return Mapping(
            [
                (self.encode(key, depth + 1), self.encode(item, depth + 1))
                for key, item in dict.items(value)
            ]
        )

    def contents(self, container: Container) -> Sequence | Mapping:
        """Return what one of the arguments' lists and dicts holds."""
        if isinstance(container, dict):
            return self._pairs(container, 0)
        return self._items(container, 0)

    # bool cannot be subclassed, so it is done before; float comes first because it is commonest.
    _base_types: tuple[tuple[Any, Callable[..., Node]], ...] = (
        (float, _float),
        (int, _int),
        (str, _str),
        ((list, tuple), _sequence),
        (dict, _mapping),
        ((bytes, bytearray), _bytes),
        (complex, _complex),
    )

    def _encode_foreign(self, value: Any) -> Node:
        numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
        if numpy is not None:
            if isinstance(value, numpy.generic) and value.dtype.name in NUMPY_DTYPES:
                return Scalar(value.dtype.name, numpy.asarray(value).tobytes())
            if isinstance(value, numpy.ndarray) and value.dtype.name in NUMPY_DTYPES:
                return self._array(value, numpy.asarray(value).view(numpy.ndarray), NUMPY)
        if torch is not None and isinstance(value, torch.Tensor):
            # Else a subclass would answer for its own dtype, device and values.
            with torch._C.DisableTorchFunctionSubclass(), torch.no_grad():  # noqa: SLF001
                return self._tensor(value, torch)
        return self._keep(value)

    def _tensor(self, value: Any, torch: Any) -> Node:
        if str(value.dtype).removeprefix("torch.") not in TORCH_DTYPES:
            raise ValueRefusedError(f"it is a tensor of dtype {value.dtype}")
        if value.layout != torch.strided or value.device.type not in {"cpu", "cuda"}:
            kind = f"layout {value.layout} on {value.device.type}"
            raise ValueRefusedError(f"it is a tensor of {kind}, which holds no plain numbers")
        plain = value.detach().resolve_conj().resolve_neg().as_subclass(torch.Tensor)
        return self._array(value, plain, TORCH)

    def _array(self, original: Any, plain: Any, library: "Library") -> Node:
        layout = library.layout(plain)
        if self._as_arguments:
            node = Array(library.name, layout.dtype, list(layout.shape), [], 0, -1, layout.device)
            if library is NUMPY:
                node.is_readonly = not original.flags.writeable
            self._unplaced.append((node, layout))
            is_itself = library.address(original) == layout.address
            self.sent.append(SentArray(original, node, is_itself))
            return node
        node = self._by_value(layout, library)
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
        self.has_repeated = False  # whether a value holds a list or dict of the arguments
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
        match node:
            case Sequence():
                return self._sequence(node, depth)
            case Mapping():
                return self._mapping(node, depth)
            case Array():
                return self._keep_array(self.array(node))
            case Alias():
                return self._keep_array(self._alias(node))
            case Opaque() | Repeat() | Named() | Callback():
                return self._reference(node)
            case _:
                return self._leaf(node)

    def _leaf(self, node: Node) -> Any:
        match node:
            case Complex():
                return complex(node.real, node.imag)
            case BigInt():
                return self._big_int(node)
            case Bytes():
                return bytes(self._counted(node.buffer))
            case Text():
                return bytes(self._counted(node.buffer)).decode("utf-8", "replace")
            case Scalar():
                return self._scalar(node)
            case _:
                return node

    def _sequence(self, node: Sequence, depth: int) -> Any:
        if node.is_tuple:
            return tuple(self.decode(item, depth + 1) for item in node.items)
        items: list[Any] = []
        self._number(items)
        items.extend(self.decode(item, depth + 1) for item in node.items)
        return items

    def _keep_array(self, array: Any) -> Any:
        self.arrays.append(array)
        return array

    def _mapping(self, node: Mapping, depth: int) -> dict[Any, Any]:
        # Hashes of numbers and tuples are known, and a dict of keys that share one is quadratic.
        plain = all(type(key) in PLAIN_KEYS for key, _item in node.pairs)
        if len(node.pairs) > (MAX_PAIRS if plain else MAX_ODD_PAIRS):
            raise ProtocolViolationError("a mapping with too many keys")
        found: dict[Any, Any] = {}
        self._number(found)
        for key_node, item in node.pairs:
            key = self.decode(key_node, depth + 1)
            try:
                hash(key)
            except TypeError:
                raise ProtocolViolationError("a mapping with a key that cannot be hashed") from None
            found[key] = self.decode(item, depth + 1)
        return found

    def _number(self, container: Container) -> None:
        if self._as_arguments:
            self.containers.append(container)

    def _reference(self, node: Opaque | Repeat | Named | Callback) -> Any:
        if not isinstance(node, Repeat):
            return self._opaque(node)
        if not 0 <= node.container < len(self.containers):
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

    @staticmethod
    def _big_int(node: BigInt) -> int:
        if len(node.hexadecimal) > MAX_BIG_INT_DIGITS + 3:
            raise ProtocolViolationError("an integer longer than its limit")
        try:
            return int(node.hexadecimal, 16)
        except ValueError:
            raise ProtocolViolationError("an integer that is not hexadecimal") from None

    @staticmethod
    def _scalar(node: Scalar) -> Any:
        import numpy as np

        if node.dtype not in NUMPY_DTYPES or len(node.raw) != ITEM_BYTES[node.dtype]:
            raise ProtocolViolationError(f"a NumPy scalar of dtype {node.dtype!r:.40}")
        return np.frombuffer(node.raw, dtype=node.dtype)[0]

    def _buffer(self, number: int) -> memoryview:
        if not 0 <= number < len(self._buffers):
            raise ProtocolViolationError(f"buffer number {number}, which was not sent")
        return self._buffers[number]

    def array(self, node: Array) -> Any:
        """Return a fresh array over a private copy of the buffer."""
        known = {"numpy": NUMPY_DTYPES, "torch": TORCH_DTYPES}.get(node.library, frozenset())
        if node.dtype not in known:
            raise ProtocolViolationError(f"an array of dtype {node.dtype!r:.40}")
        if node.device not in self._devices:
            raise ProtocolViolationError(f"an array on device {node.device!r:.40}")
        raw, item = self._buffer(node.buffer), ITEM_BYTES[node.dtype]
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
