"""How values become nodes and buffers.

Numbers, texts and arrays are done here; `containers` and `kinds` are the tables of all the rest.
Both sides run this file; in the child it is executed from source, so it may import only its
neighbours, the standard library, and numpy and torch where a value needs them.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Sequence as Items
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from . import dtypes, graphs, numpy_kinds, packing, standard
from .arrays import NUMPY, TORCH, Extent, Layout, Library
from .buffers import Buffers, by_value, place, place_compactly
from .containers import CLASSES, FORMS, OBJECTS, Form
from .kinds import TABLE, Kind, NotByValueError
from .memory import place_of
from .nodes import (
    Alias,
    Array,
    BigInt,
    Bytes,
    Callback,
    Collection,
    Complex,
    Contents,
    Made,
    Mapping,
    Named,
    Node,
    Opaque,
    Packed,
    Repeat,
    Scalar,
    Sequence,
    Text,
)
from .shared import NOTHING_SHARED, Shared
from .values import MAX_BIG_INT_DIGITS, MAX_KEYS, Container, ValueRefusedError, form_of, mro

SHORT_TEXT = 65_536
SMALL_INT = 2**63


@dataclass(frozen=True, slots=True)
class SentArray:
    """An array that was encoded; `is_itself` says that what was sent is its own memory."""

    array: Any
    node: Array
    is_itself: bool


class Encoder:
    """Turn one message's values into nodes and buffers.

    `array_bytes` bounds all buffers of the message together, and what its values take beside them;
    `nesting` bounds the depth of containers.
    `keep` gives an object that cannot travel its key (in the child), or refuses it (in the judge).
    `stays` says of a class that its objects stay, though they could travel as what they hold.
    `arguments` are the call's arrays, for a result that shares memory with one of them. `shared`
    are the lists, frames and so on that the other side has as well, arrays among them where it is
    `with_arrays`, and `new` are those that come first in this message, by the numbers from `first`
    on: up with `as_arguments`, and else down.
    A list that comes twice is the same list, and arrays share memory where they do; `seal` ends it.
    With `as_arguments` arrays keep their strides, though nothing of the memory around them is sent.
    What a value of several parts is made of travels by value, and shares nothing.
    """

    def __init__(
        self,
        *,
        array_bytes: int,
        nesting: int,
        keep: Callable[[Any], Opaque | Named | Callback],
        arguments: Iterable[Any] = (),
        shared: Shared | None = None,
        as_arguments: bool = False,
        stays: Callable[[type], bool] | None = None,
    ) -> None:
        self._memory = Buffers(array_bytes)
        self.buffers = self._memory.all
        self.sent: list[SentArray] = []
        self.roots: list[Any] = []  # the arguments
        self.new: dict[int, Container] = {}  # by their numbers, in their order
        self.has_repeated = False  # whether a container comes again
        shared = NOTHING_SHARED if shared is None else shared
        self._shared = shared
        self.first = shared.next_ours if as_arguments else shared.next_theirs
        self._step = 1 if as_arguments else -1
        self._numbers: dict[int, int] = {}  # of the new ones, by identity
        self._open: set[int] = set()  # containers whose items are not all known
        self._unplaced: list[tuple[Array, Layout]] = []
        self._nesting = nesting
        self._keep = keep
        self._stays = stays
        self._arguments = list(enumerate(arguments))
        self._places: dict[tuple[Any, ...], int] = {}  # of the new arrays, by their memory
        self._as_arguments = as_arguments
        self.tells_graphs = not as_arguments  # of tensors that come of others
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
        if self._memory.is_nearly_full:
            return None
        found = packing.pack(items)
        if found is None:
            return None
        self._memory.count(found.weight)
        parts = (found.data, found.lengths, found.missing)
        return Packed(
            found.kind, found.size, *(-1 if part is None else self.add(part) for part in parts)
        )

    def _seen(self, value: Any) -> Repeat | None:
        """Return a container that is known as its number; give another one the next."""
        number = self._numbers.get(id(value))
        if number is None:
            number = self._shared.number_of(value)
        if number is not None:
            if id(value) in self._open:
                raise ValueRefusedError("it holds itself")
            self.has_repeated = True
            return Repeat(number)
        number = self.first + self._step * len(self.new)
        self._numbers[id(value)] = number
        self.new[number] = value
        return None

    def contents(self, container: Container) -> Contents:
        """Return what a container or array holds that the other side has."""
        form = form_of(container)
        held: Contents | None = None
        with suppress(NotByValueError):
            if form is None:
                held = self._memory_of(container)
            elif isinstance(form, Kind):
                held = self._parts(form, container, 0)
            else:
                held = self._held(form, container, 0)
        if held is None:
            raise ValueRefusedError("an argument was changed to hold what cannot travel")
        return held

    # --- what is made of parts -------------------------------------------------------------------

    def _made(self, kind: Kind, value: Any, depth: int) -> Node:
        mark, known = self._memory.mark(), len(self.new)
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
        self._memory.go_back(mark)
        self._forget(known)
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
        self._memory.count(kind.weight)
        return Made(kind.name, nodes)

    def _forget(self, known: int) -> None:
        for number in list(self.new)[known:]:
            del self._numbers[id(self.new.pop(number))]

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
            node = self._tensor(value, torch)
            if isinstance(node, Array) and self._shared.with_arrays and not self._by_parts:
                self._note_graph(node, value, torch)
            return node

    def _note_graph(self, node: Array, value: Any, torch: Any) -> None:
        """Say of a tensor whether it is to have a gradient, or comes of one that is."""
        if not torch.Tensor.requires_grad.__get__(value):
            return
        is_leaf = torch.Tensor.is_leaf.__get__(value)
        node.graph = 1 if is_leaf or not self.tells_graphs else 2
        if node.graph == 2:  # noqa: PLR2004 - the other side says when it needs it no more
            self._shared.pinned.add(self.first + self._step * (len(self.new) - 1))
            node.sources = graphs.sources(value, self._shared, ours=not self._as_arguments)
        elif type(value) is torch.nn.Parameter:
            node.graph = 3
        if is_leaf and not self._as_arguments:
            node.gradient = self.gradient_of(value)

    def gradient_of(self, value: Any) -> Array | None:
        """Return the gradient that a tensor has, by value."""
        torch = sys.modules["torch"]
        found = torch.Tensor.grad.__get__(value)
        if found is None or found.layout != torch.strided or type(found) is not torch.Tensor:
            return None
        return by_value(TORCH.layout(found.detach()), TORCH, self._memory)

    def _tensor(self, value: Any, torch: Any) -> Node:
        if str(value.dtype).removeprefix("torch.") not in dtypes.TORCH_DTYPES:
            raise ValueRefusedError(f"it is a tensor of dtype {value.dtype}")
        if value.layout != torch.strided or value.device.type not in {"cpu", "cuda"}:
            kind = f"layout {value.layout} on {value.device.type}"
            raise ValueRefusedError(f"it is a tensor of {kind}, which holds no plain numbers")
        plain = value.detach().resolve_conj().resolve_neg().as_subclass(torch.Tensor)
        return self._array(value, plain, TORCH)

    def _array(self, original: Any, plain: Any, library: Library) -> Node:
        layout = library.layout(plain)
        if self._by_parts:
            return by_value(layout, library, self._memory)
        if self._shared.with_arrays:
            again = self._seen_array(_exactly(original, plain), plain, layout, library)
        else:
            again = self._view(self._arguments, plain, layout, library)
        if again is not None:
            return again
        node = Array(library.name, layout.dtype, list(layout.shape), [], 0, -1, layout.device)
        if library is NUMPY and (self._as_arguments or self._shared.with_arrays):
            node.is_readonly = not original.flags.writeable
        if self._as_arguments:
            is_itself = library.address(original) == layout.address
            self.sent.append(SentArray(original, node, is_itself))
        else:
            self._memory.check_room(0 if layout.is_empty else layout.host.nbytes)
        self._unplaced.append((node, layout))
        return node

    def _seen_array(
        self, array: Any, plain: Any, layout: Layout, library: Library
    ) -> Repeat | Alias | None:
        """Return an array that is known as its number, or as a view of one; number another one."""
        place = place_of(array, layout, library)
        number = None
        if place is not None:
            number = self._places.get(place, self._shared.number_at(place))
        if number is not None:
            return Repeat(number)
        view = self._view(self._shared.around(plain, library), plain, layout, library)
        if view is not None:
            return view
        if (again := self._seen(array)) is None and place is not None:
            self._places[place] = self.first + self._step * (len(self.new) - 1)
        return again

    def _view(
        self, known: Iterable[tuple[int, Any]], plain: Any, layout: Layout, library: Library
    ) -> Alias | None:
        """Return an array as a view of one that the other side has; None where it is of none."""
        for number, array in known:
            view = library.place_in(array, plain)
            if view is not None:
                extent = Extent.of(array.shape, library.strides(array))
                if extent.holds(layout.shape, *view):
                    return Alias(number, by_value(layout, library, self._memory), *view)
        return None

    def _memory_of(self, array: Any) -> Array:
        """Return what an array of plain numbers, texts or dates holds."""
        before, self._by_parts = self._by_parts, True
        try:
            node = self.encode(array)
        finally:
            self._by_parts = before
        if not isinstance(node, Array):
            raise NotByValueError("an array that does not travel")
        return node

    def seal(self) -> None:
        """Give each array its place in a buffer: its own elements, and nothing else."""
        if self._as_arguments:
            place(self._unplaced, self._memory)
        else:
            place_compactly(self._unplaced, self._memory)
        self._unplaced = []

    def add(self, raw: memoryview) -> int:
        """Take memory into the message and return its number."""
        return self._memory.add(raw)


def _exactly(original: Any, plain: Any) -> Any:
    """Return an array as one of the library's own class, which no student's answers for."""
    torch = sys.modules.get("torch")
    is_parameter = torch is not None and type(original) is torch.nn.Parameter
    return original if type(original) is type(plain) or is_parameter else plain


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
    for base in mro(kind):
        if base in _METHODS:
            return _METHODS[base]
        if (known := TABLE.of_class(base)) is not None:
            method = _METHODS[base] = partial(_made, known)
            return method
    return None


def _made(kind: Kind, encoder: Encoder, value: Any, depth: int) -> Node:
    return encoder._made(kind, value, depth)  # noqa: SLF001
