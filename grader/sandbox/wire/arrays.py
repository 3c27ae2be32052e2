"""How an array of NumPy or torch lies in memory: as bytes to send, and as a view of other bytes.

Both sides run this file; in the child it is executed from source.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from . import dtypes

if TYPE_CHECKING:
    import numpy as np
    import torch

# What stands where a view has no element: NaN in every float dtype, -1 or the largest integer.
GAP = 0xFF
GAP_OF_BOOL = 0x01
ALIGNMENT = 16
MOST = 2**62


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the elements of an array lie: its first one's address, and steps in bytes."""

    dtype: str
    item: int
    shape: tuple[int, ...]
    steps: tuple[int, ...]
    address: int
    device: str
    host: "np.ndarray"  # the elements on the CPU; bfloat16 as int16

    @property
    def is_empty(self) -> bool:
        return 0 in self.shape

    @property
    def low(self) -> int:
        """The address of the lowest byte of an element."""
        return self.address + reach(self.shape, self.steps)[0]

    @property
    def high(self) -> int:
        """The address behind the highest byte of an element."""
        return self.address + reach(self.shape, self.steps)[1] + self.item


def on_device(flat: "torch.Tensor", device: str) -> "torch.Tensor":
    """Return a tensor as it is to be on a device: the same one on the CPU, else a copy."""
    return flat.to(device)


def on_host(tensor: "torch.Tensor") -> "torch.Tensor":
    """Return a tensor as it is on the CPU: the same one if it is there, else a copy."""
    return tensor.cpu()


@dataclass(frozen=True, slots=True)
class Extent:
    """Which elements of its memory an array has, counted from its first one."""

    below: int
    above: int
    mask: "np.ndarray | None"  # from the lowest to the highest; None where it has them all

    @classmethod
    def of(cls, shape: Sequence[int], strides: Sequence[int]) -> "Extent":
        import numpy as np

        below, above = reach(shape, strides)
        if list(strides) == contiguous_strides(shape):
            return cls(below, above, None)
        mask = np.zeros(above - below + 1, np.bool_)
        numpy_view(mask, shape, strides, -below)[...] = True
        return cls(below, above, mask)

    def holds(self, shape: Sequence[int], strides: Sequence[int], offset: int) -> bool:
        """Say whether each element of a view is one of the array's, and none lies between."""
        below, above = reach(shape, strides)
        if not self.below <= offset + below <= offset + above <= self.above:
            return False
        if self.mask is None:
            return True
        return bool(numpy_view(self.mask, shape, strides, offset - self.below).all())


class Library:
    """What the protocol needs to know of NumPy or of torch."""

    name: str

    def layout(self, array: Any) -> Layout:
        raise NotImplementedError

    def place_in(self, argument: Any, array: Any) -> tuple[list[int], int] | None:
        """Return strides and offset, in elements, of an array that lies in an argument's memory."""
        raise NotImplementedError

    def address(self, array: Any) -> int:
        """Return where an array's first element lies."""
        raise NotImplementedError

    def strides(self, array: Any) -> list[int]:
        """Return an array's strides in elements."""
        raise NotImplementedError

    def view_at(self, array: Any, shape: list[int], strides: list[int], offset: int) -> Any:
        """Return a view of an array's memory that begins `offset` elements from its first one.

        Nothing is checked: the caller has seen that each element is one of the array's.
        """
        raise NotImplementedError


def contiguous_strides(shape: Iterable[int]) -> list[int]:
    strides, step = [], 1
    for size in reversed(list(shape)):
        strides.append(step)
        step *= max(size, 1)
    return strides[::-1]


class _NumpyLibrary(Library):
    name = "numpy"

    def layout(self, array: "np.ndarray") -> Layout:
        import numpy as np

        item = array.itemsize
        is_regular = array.flags.c_contiguous or not any(step % item for step in array.strides)
        is_plain = array.dtype.isnative and is_regular
        host = array if is_plain else np.array(array, dtype=array.dtype.newbyteorder("="))
        steps, address = host.strides, self.address(host)
        name = dtypes.name_of(host.dtype) or host.dtype.name
        return Layout(name, item, array.shape, steps, address, "cpu", host)

    def place_in(self, argument: Any, array: Any) -> tuple[list[int], int] | None:
        import numpy as np

        if not isinstance(argument, np.ndarray) or argument.dtype != array.dtype:
            return None
        if not np.may_share_memory(argument, array):
            return None
        distance = self.address(array) - self.address(argument)
        return _in_elements(array.strides, distance, array.itemsize)

    def address(self, array: "np.ndarray") -> int:
        return int(array.__array_interface__["data"][0])

    def strides(self, array: "np.ndarray") -> list[int]:
        return [step // array.itemsize for step in array.strides]

    def view_at(
        self, array: "np.ndarray", shape: list[int], strides: list[int], offset: int
    ) -> Any:
        import numpy as np

        item, memory = array.itemsize, array.__array_interface__
        address, is_readonly = memory["data"]
        placed = {
            **memory, "data": (address + offset * item, is_readonly), "shape": tuple(shape),
            "strides": tuple(step * item for step in strides),
        }  # fmt: skip
        # The array itself is kept alive by its view.
        return np.asarray(SimpleNamespace(__array_interface__=placed, base=array))


def _in_elements(steps: Iterable[int], distance: int, item: int) -> tuple[list[int], int] | None:
    sizes = [*steps, distance]
    if any(size % item for size in sizes):
        return None  # a reinterpreted view: its value says what it is
    return [size // item for size in sizes[:-1]], distance // item


def reach(shape: Iterable[int], strides: Iterable[int]) -> tuple[int, int]:
    """Return how far an array's lowest and its highest element lie from its first one."""
    below = above = 0
    for size, stride in zip(shape, strides, strict=True):
        step = (size - 1) * stride
        if step < 0:
            below += step
        else:
            above += step
    return below, above


class _TorchLibrary(Library):
    name = "torch"

    def layout(self, array: "torch.Tensor") -> Layout:
        dtype, item = str(array.dtype).removeprefix("torch."), array.itemsize
        steps = tuple(step * item for step in array.stride())
        device = array.device.type
        address = array.data_ptr()
        return Layout(dtype, item, tuple(array.shape), steps, address, device, _on_numpy(array))

    def place_in(self, argument: Any, array: Any) -> tuple[list[int], int] | None:
        import torch

        if not isinstance(argument, torch.Tensor) or not argument.numel() or not array.numel():
            return None
        start = argument.untyped_storage().data_ptr()
        if not start <= array.data_ptr() < start + argument.untyped_storage().nbytes():
            return None
        if array.dtype != argument.dtype:
            return None
        item, distance = array.itemsize, array.data_ptr() - argument.data_ptr()
        return _in_elements([step * item for step in array.stride()], distance, item)

    def address(self, array: "torch.Tensor") -> int:
        return array.data_ptr()

    def strides(self, array: "torch.Tensor") -> list[int]:
        return list(array.stride())

    def view_at(
        self, array: "torch.Tensor", shape: list[int], strides: list[int], offset: int
    ) -> Any:
        return array.as_strided(shape, strides, int(array.storage_offset()) + offset)


NUMPY, TORCH = _NumpyLibrary(), _TorchLibrary()


def _on_numpy(tensor: "torch.Tensor") -> "np.ndarray":
    """Return a tensor's elements on the CPU as NumPy's, which has no bfloat16."""
    import torch

    host = on_host(tensor.detach())
    array: np.ndarray = (host.view(torch.int16) if host.dtype == torch.bfloat16 else host).numpy()
    return array


def tensor_bytes(tensor: "torch.Tensor") -> memoryview:
    """Return a tensor's elements in C order as bytes on the CPU, uncopied where they lie so."""
    return compact_bytes(_on_numpy(tensor))


def compact_bytes(host: "np.ndarray") -> memoryview:
    """Return an array's elements in C order as bytes, without a copy where they lie so."""
    import numpy as np

    if not host.size:
        return memoryview(b"")
    host = np.ascontiguousarray(np.ndarray.view(host, np.ndarray))  # a masked one views no bytes
    return host.reshape(-1).view(np.uint8).data


def dense_bytes(layout: Layout) -> memoryview | None:
    """Return an array's memory where its elements fill it, each of them once, else None."""
    host = layout.host
    if layout.steps != host.strides:
        sizes = zip(layout.shape, layout.steps, host.strides, strict=True)
        if any(n > 1 and step != copied for n, step, copied in sizes):
            return None  # a copy from another device that lies otherwise
    if host.flags.c_contiguous:
        return compact_bytes(host)
    flips = tuple(slice(None, None, -1 if step < 0 else 1) for step in host.strides)
    order = sorted(range(host.ndim), key=lambda axis: -abs(host.strides[axis]))
    rising = host[flips].transpose(order)
    return compact_bytes(rising) if rising.flags.c_contiguous else None


def overlapping(layouts: Sequence[Layout]) -> list[list[int]]:
    """Return the numbers of layouts in groups, each of which lies in a stretch of memory alone."""
    if len(layouts) == 1:
        return [[0]]
    groups = [[number] for number, layout in enumerate(layouts) if layout.is_empty]
    full = [number for number, layout in enumerate(layouts) if not layout.is_empty]
    device, end = "", 0
    for number in sorted(full, key=lambda n: (layouts[n].device, layouts[n].low)):
        layout = layouts[number]
        if layout.device == device and layout.low < end:
            groups[-1].append(number)
            end = max(end, layout.high)
        else:
            groups.append([number])
            device, end = layout.device, layout.high
    return groups


def start_of(layouts: Sequence[Layout]) -> int:
    """Return the address at which the common memory of some layouts begins when it is sent."""
    low = min(layout.low for layout in layouts)
    one_size = len({layout.item for layout in layouts}) == 1
    return low if one_size else low - low % ALIGNMENT


def spread_bytes(layouts: Sequence[Layout], start: int) -> memoryview:
    """Return the memory from `start` that some layouts share; what no element reaches is a gap."""
    import numpy as np

    size = max(layout.high for layout in layouts) - start
    item = max(layout.item for layout in layouts)
    gap = GAP_OF_BOOL if all(layout.dtype == "bool" for layout in layouts) else GAP
    memory = np.full(size + -size % item, gap, np.uint8)
    for layout in layouts:
        host, offset = layout.host, layout.address - start
        np.ndarray(layout.shape, host.dtype, memory, offset, layout.steps)[...] = host
    return memory.data


def numpy_view(
    flat: "np.ndarray", shape: Sequence[int], strides: Sequence[int], offset: int
) -> "np.ndarray":
    import numpy as np

    item = flat.itemsize
    return np.ndarray(shape, flat.dtype, flat, offset * item, [step * item for step in strides])
