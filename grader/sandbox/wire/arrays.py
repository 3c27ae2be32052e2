"""How an array of NumPy or torch lies in memory: as bytes to send, and as a view of other bytes.

Both sides run this file; in the child it is executed from source.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import torch


@dataclass(frozen=True, slots=True)
class View:
    """How a library's array lies in its buffer; `raw` copies the bytes when they are needed."""

    dtype: str
    shape: Iterable[int]
    strides: Iterable[int]
    offset: int
    device: str
    raw: Callable[[], memoryview]


def lies_in_its_buffer(array: Any) -> bool:
    """Tell whether an array lives in the very bytes that it was made from, and a write shows there.

    So do NumPy's arrays, and torch's on the CPU; on another device they are copies.
    """
    return getattr(getattr(array, "device", None), "type", "cpu") == "cpu"


def on_device(flat: "torch.Tensor", device: str) -> "torch.Tensor":
    """Return a tensor as it is to be on a device: the same one on the CPU, else a copy."""
    return flat.to(device)


def on_host(tensor: "torch.Tensor") -> "torch.Tensor":
    """Return a tensor as it is on the CPU: the same one if it is there, else a copy."""
    return tensor.cpu()


class Library:
    """What the protocol needs to know of NumPy or of torch."""

    name: str

    def describe(self, array: Any, *, whole_storage: bool) -> View:
        raise NotImplementedError

    def place_in(self, argument: Any, array: Any) -> tuple[list[int], int] | None:
        """Return strides and offset, in elements, of an array that lies in an argument's memory."""
        raise NotImplementedError


def contiguous_strides(shape: Iterable[int]) -> list[int]:
    strides, step = [], 1
    for size in reversed(list(shape)):
        strides.append(step)
        step *= max(size, 1)
    return strides[::-1]


def _numpy_bytes(array: "np.ndarray") -> memoryview:
    """Return an array's bytes in C order, without a copy where they lie so."""
    import numpy as np

    if not array.size:
        return memoryview(b"")
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    return native.reshape(-1).view(np.uint8).data


class _NumpyLibrary(Library):
    name = "numpy"

    def describe(self, array: "np.ndarray", *, whole_storage: bool) -> View:
        dtype, shape = array.dtype.name, array.shape
        whole = self._whole(array) if whole_storage else None
        if whole is not None:
            return whole
        if array.flags.f_contiguous and not array.flags.c_contiguous:
            strides = contiguous_strides(shape[::-1])[::-1]
            return View(dtype, shape, strides, 0, "cpu", lambda: _numpy_bytes(array.T))
        strides = contiguous_strides(shape)
        return View(dtype, shape, strides, 0, "cpu", lambda: _numpy_bytes(array))

    @staticmethod
    def _whole(array: "np.ndarray") -> View | None:
        """Describe a view together with all the memory around it; None for anything else."""
        import numpy as np

        owner = array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        partial = owner is not array and owner.nbytes != array.nbytes
        if not partial and array.flags.c_contiguous:
            return None
        if not owner.flags.c_contiguous or owner.dtype != array.dtype:
            return None
        item = array.dtype.itemsize
        start = array.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
        strides = [step // item for step in array.strides]
        if min(strides, default=0) < 0:  # a reversed view travels as a copy
            return None
        return View(
            array.dtype.name, array.shape, strides, start // item, "cpu",
            lambda: _numpy_bytes(owner),
        )  # fmt: skip

    def place_in(self, argument: Any, array: Any) -> tuple[list[int], int] | None:
        import numpy as np

        if not isinstance(argument, np.ndarray) or not np.may_share_memory(argument, array):
            return None
        start = argument.__array_interface__["data"][0]
        distance = array.__array_interface__["data"][0] - start
        return _in_elements(array.strides, distance, array.dtype.itemsize)


def _in_elements(steps: Iterable[int], distance: int, item: int) -> tuple[list[int], int] | None:
    sizes = [*steps, distance]
    if min(sizes) < 0 or any(size % item for size in sizes):
        return None  # a reversed or reinterpreted view: its value says what it is
    return [size // item for size in sizes[:-1]], distance // item


class _TorchLibrary(Library):
    name = "torch"

    def describe(self, array: "torch.Tensor", *, whole_storage: bool) -> View:
        import torch

        dtype = str(array.dtype).removeprefix("torch.")
        on = array.device.type
        size, storage = array.numel() * array.itemsize, array.untyped_storage()
        dense = _is_dense(array)
        whole = whole_storage and size and not (dense and storage.nbytes() == size)
        if whole and storage.nbytes() % array.itemsize == 0:
            flat = torch.empty(0, dtype=torch.uint8, device=array.device).set_(storage)
            return View(dtype, array.shape, array.stride(), int(array.storage_offset()), on,
                         lambda: tensor_bytes(flat))  # fmt: skip
        if dense and not array.is_contiguous():
            flat = array.as_strided((array.numel(),), (1,))
            return View(dtype, array.shape, array.stride(), 0, on, lambda: tensor_bytes(flat))
        return View(dtype, array.shape, contiguous_strides(array.shape), 0, on,
                     lambda: tensor_bytes(array))  # fmt: skip

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


def _is_dense(tensor: "torch.Tensor") -> bool:
    """Tell whether a tensor's elements are all of a piece of memory, each of them once."""
    step = 1
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size != 1:
            if stride != step:
                return False
            step *= size
    return tensor.numel() > 0


def flat_bytes(tensor: "torch.Tensor") -> "torch.Tensor":
    """Return a tensor's elements in C order as bytes on the CPU; any device, dtype and layout."""
    import torch

    host = on_host(tensor.detach()).contiguous()
    # `reshape` would do but for one element, which is contiguous whatever its strides are.
    flat = host.as_strided((host.numel(),), (1,))
    return flat.view(torch.uint8)


def tensor_bytes(tensor: "torch.Tensor") -> memoryview:
    """Return what `flat_bytes` does as memory, without a copy where it lies so."""
    raw: memoryview = flat_bytes(tensor).numpy().data
    return raw if tensor.numel() else memoryview(b"")


NUMPY, TORCH = _NumpyLibrary(), _TorchLibrary()


def numpy_view(
    flat: "np.ndarray", shape: list[int], strides: list[int], offset: int
) -> "np.ndarray":
    import numpy as np

    steps = [step * flat.itemsize for step in strides]
    return np.lib.stride_tricks.as_strided(flat[offset:], shape, steps)
