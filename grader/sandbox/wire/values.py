"""How Python, NumPy and torch values become nodes and buffers, and come back as base types.

Both sides run this file; in the child it is executed from source, beside `protocol`, so it may
import only that, the standard library, and numpy and torch where a value needs them.
"""

import math
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from . import arrays
from .arrays import (
    NUMPY,
    TORCH,
    Library,
    contiguous_strides,
    numpy_view,
)
from .protocol import (
    Alias,
    Array,
    BigInt,
    Bytes,
    Complex,
    Mapping,
    Node,
    Opaque,
    ProtocolViolationError,
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


class Encoder:
    """Turn one message's values into nodes and buffers.

    `array_bytes` bounds all buffers of the message together, `nesting` the depth of containers.
    `keep` gives an object that cannot travel its key (in the child), or refuses it (in the judge).
    `arguments` are the call's arrays, for a result that shares memory with one of them.
    """

    def __init__(
        self,
        *,
        array_bytes: int,
        nesting: int,
        keep: Callable[[Any], Opaque],
        arguments: Iterable[Any] = (),
        whole_storage: bool = False,
    ) -> None:
        self.buffers: list[memoryview] = []
        self.arrays: list[Any] = []
        self._room = array_bytes
        self._nesting = nesting
        self._keep = keep
        self._arguments = list(arguments)
        self._whole_storage = whole_storage

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
        return Text(self._buffer(memoryview(exact.encode("utf-8", "replace"))))

    def _bytes(self, value: Any, _depth: int) -> Node:
        return Bytes(self._buffer(memoryview(value).cast("B") if len(value) else memoryview(b"")))

    def _complex(self, value: Any, _depth: int) -> Node:
        if "numpy" in sys.modules and isinstance(value, sys.modules["numpy"].generic):
            return self._encode_foreign(value)
        return Complex(float(complex.__complex__(value).real), float(value.imag))

    def _sequence(self, value: Any, depth: int) -> Node:
        is_tuple = isinstance(value, tuple)
        items = tuple.__iter__(value) if is_tuple else list.__iter__(value)
        return Sequence([self.encode(item, depth + 1) for item in items], is_tuple)

    def _mapping(self, value: Any, depth: int) -> Node:
        return Mapping(
            [
                (self.encode(key, depth + 1), self.encode(item, depth + 1))
                for key, item in dict.items(value)
            ]
        )

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
        node = self._by_value(plain, library)
        self.arrays.append(original)
        for number, argument in enumerate(self._arguments):
            view = library.place_in(argument, plain)
            if view is not None:
                return Alias(number, node, *view)
        return node

    def _by_value(self, plain: Any, library: "Library") -> Array:
        view = library.describe(plain, whole_storage=self._whole_storage)
        return Array(
            library.name,
            view.dtype,
            list(view.shape),
            list(view.strides),
            view.offset,
            self._buffer(view.raw()),
            view.device,
        )

    def _buffer(self, raw: memoryview) -> int:
        self._room -= raw.nbytes
        if self._room < 0:
            raise ValueRefusedError("its arrays are larger than the limit together")
        if len(self.buffers) >= MAX_BUFFERS:
            raise ValueRefusedError(f"it holds more than {MAX_BUFFERS:,} arrays")
        self.buffers.append(raw)
        return len(self.buffers) - 1


class Decoder:
    """Turn one message's nodes and buffers back into exact base types.

    `opaque` makes what stands for an object that stayed on the other side. `arguments` are the
    call's own arrays, for aliases. Every claim of the other side is checked before memory is used.
    """

    def __init__(
        self,
        buffers: list[memoryview],
        *,
        array_bytes: int,
        nesting: int,
        opaque: Callable[[Opaque], Any],
        arguments: Iterable[Any] = (),
        devices: frozenset[str] = frozenset({"cpu"}),
    ) -> None:
        self.arrays: list[Any] = []
        self._buffers = buffers
        self._array_bytes = self._room = array_bytes
        self._nesting = nesting
        self._opaque = opaque
        self._arguments = list(arguments)
        self._devices = devices

    def decode(self, node: Node, depth: int = 0) -> Any:
        """Return a node's value; ProtocolViolationError where it contradicts itself."""
        if depth > self._nesting:
            raise ProtocolViolationError(f"a value nested deeper than {self._nesting} levels")
        match node:
            case Sequence():
                items = [self.decode(item, depth + 1) for item in node.items]
                return tuple(items) if node.is_tuple else items
            case Mapping():
                return self._mapping(node, depth)
            case Array():
                return self._keep_array(self.array(node))
            case Alias():
                return self._keep_array(self._alias(node))
            case Opaque():
                return self._opaque(node)
            case _:
                return self._leaf(node)

    def _leaf(self, node: Node) -> Any:
        match node:
            case Complex():
                return complex(node.real, node.imag)
            case BigInt():
                return self._big_int(node)
            case Bytes():
                return bytes(self._charged(self._buffer(node.buffer)))
            case Text():
                raw = self._charged(self._buffer(node.buffer))
                return bytes(raw).decode("utf-8", "replace")
            case Scalar():
                return self._scalar(node)
            case _:
                return node

    def _keep_array(self, array: Any) -> Any:
        self.arrays.append(array)
        return array

    def _mapping(self, node: Mapping, depth: int) -> dict[Any, Any]:
        # Hashes of numbers and tuples are known, and a dict of keys that share one is quadratic.
        plain = all(type(key) in PLAIN_KEYS for key, _item in node.pairs)
        if len(node.pairs) > (MAX_PAIRS if plain else MAX_ODD_PAIRS):
            raise ProtocolViolationError("a mapping with too many keys")
        try:
            return {
                self.decode(key, depth + 1): self.decode(item, depth + 1)
                for key, item in node.pairs
            }
        except TypeError:
            raise ProtocolViolationError("a mapping with a key that cannot be hashed") from None

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

    def _charged(self, raw: memoryview) -> memoryview:
        self._charge(raw.nbytes)
        return raw

    def _charge(self, size: int) -> None:
        """Count what a value takes: a buffer may be named as often as somebody likes."""
        self._room -= size
        if self._room < 0:
            raise ProtocolViolationError("values that are larger than the limit together")

    def array(self, node: Array) -> Any:
        """Return a fresh array over a private copy of the buffer."""
        known = {"numpy": NUMPY_DTYPES, "torch": TORCH_DTYPES}.get(node.library, frozenset())
        if node.dtype not in known:
            raise ProtocolViolationError(f"an array of dtype {node.dtype!r:.40}")
        if node.device not in self._devices:
            raise ProtocolViolationError(f"an array on device {node.device!r:.40}")
        raw, item = self._buffer(node.buffer), ITEM_BYTES[node.dtype]
        self._check_view(node, len(raw), item)
        if node.library == "numpy":
            return self._numpy(node, raw)
        return self._torch(node, raw)

    def _check_view(self, node: Array, available: int, item: int) -> None:
        if len(node.shape) != len(node.strides) or len(node.shape) > MAX_DIMENSIONS:
            raise ProtocolViolationError("an array whose shape and strides disagree")
        if min([*node.shape, *node.strides, node.offset], default=0) < 0:
            raise ProtocolViolationError("an array with a negative size, stride or offset")
        if max([*node.shape, *node.strides, node.offset], default=0) > MAX_STEP:
            raise ProtocolViolationError("an array with an impossible size, stride or offset")
        # As NumPy does, an empty array is measured by its other dimensions.
        if math.prod(max(size, 1) for size in node.shape) * item > MAX_STEP:
            raise ProtocolViolationError("an empty array with impossible dimensions")
        count = math.prod(node.shape)
        if count * item > self._array_bytes:
            raise ProtocolViolationError("an array larger than the limit")
        self._charge(count * item)
        last = node.offset + sum((n - 1) * s for n, s in zip(node.shape, node.strides, strict=True))
        if count and (last + 1) * item > available:
            raise ProtocolViolationError("an array that reaches past the end of its buffer")
        if available % item:
            raise ProtocolViolationError("a buffer that holds no whole number of elements")

    @staticmethod
    def _numpy(node: Array, raw: memoryview) -> "np.ndarray":
        import numpy as np

        if not math.prod(node.shape):
            return np.empty(node.shape, node.dtype)
        flat = np.frombuffer(raw, dtype=node.dtype)
        if node.strides == contiguous_strides(node.shape):
            return flat[node.offset : node.offset + math.prod(node.shape)].reshape(node.shape)
        return numpy_view(flat, node.shape, node.strides, node.offset)

    @staticmethod
    def _torch(node: Array, raw: memoryview) -> "torch.Tensor":
        import torch

        dtype = getattr(torch, node.dtype)
        if not math.prod(node.shape):
            return torch.empty(node.shape, dtype=dtype, device=node.device)
        flat = torch.frombuffer(raw, dtype=dtype)
        try:
            flat = arrays.on_device(flat, node.device)
        except RuntimeError as problem:
            raise DeviceRefusedError(str(problem)) from problem
        return flat.as_strided(node.shape, node.strides, node.offset)

    def _alias(self, node: Alias) -> Any:
        """Return a view of the judge's own array where there is one, else the value as it came."""
        value = self.array(node.value)
        if not 0 <= node.argument < len(self._arguments):
            raise ProtocolViolationError("an alias of an argument that was not sent")
        argument = self._arguments[node.argument]
        if type(argument) is not type(value) or argument.dtype != value.dtype:
            return value
        is_numpy = isinstance(node.value, Array) and node.value.library == "numpy"
        contiguous = argument.flags.c_contiguous if is_numpy else argument.is_contiguous()
        shape, strides, offset = node.value.shape, node.strides, node.offset
        if len(shape) != len(strides) or min([*strides, offset], default=0) < 0:
            raise ProtocolViolationError("an alias whose shape and strides disagree")
        last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
        size = argument.size if is_numpy else argument.numel()
        if not contiguous or not math.prod(shape) or last >= size:
            return value
        if (shape, offset) == (list(argument.shape), 0) and strides == contiguous_strides(shape):
            return argument
        if is_numpy:
            return numpy_view(argument.reshape(-1), shape, strides, offset)
        return argument.as_strided(shape, strides, argument.storage_offset() + offset)
