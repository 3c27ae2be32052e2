"""What is remembered of an array that judge and child both have: its memory, and who holds it.

Both sides run this file; in the child it is executed from source.
"""

import hashlib
import sys
from types import SimpleNamespace
from typing import Any

from . import arrays
from .arrays import NUMPY, TORCH, Layout, Library

MOST_COPIED = 1 << 22  # bytes of an array that is remembered as a copy; of a larger one a digest
BYTES_OF_AN_ITEM = 64  # that are compared as fast as one item of a list is
DIGESTED = 4  # times as long as comparing takes a digest


def library_of(value: Any) -> Library | None:
    """Return what an array or tensor is of; None of all else."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    kind = type(value)  # which no object answers for itself
    if numpy is not None and issubclass(kind, numpy.ndarray):
        return NUMPY
    return TORCH if torch is not None and issubclass(kind, torch.Tensor) else None


def place_of(array: Any, layout: Layout, library: Library) -> tuple[Any, ...] | None:
    """Return what two arrays have in common that are one: the same elements of the same memory.

    None where the layout is a copy's, whose memory is another's before long.
    """
    if library.address(array) != layout.address:
        return None
    return library.name, layout.device, layout.address, layout.dtype, layout.shape, layout.steps


def _owner(array: Any) -> tuple[Any, bool]:
    """Return the array whose memory a view is of, and whether the view itself holds that one."""
    numpy = sys.modules["numpy"]
    base_of = numpy.ndarray.base.__get__  # a subclass can lie about its own
    owner, steps = array, 0
    while True:
        below = base_of(owner)
        if type(below) is SimpleNamespace or type(below).__name__ == "DummyArray":
            steps, below = steps + 1, getattr(below, "base", None)
        if not isinstance(below, numpy.ndarray):
            return owner, steps <= 1
        owner, steps = below, steps + 1


class Memory:
    """Whose memory an array is of. key: what all arrays have in common that are of it.

    owner: the array that the memory is of, where it is another one. is_direct: whether the
    array holds its owner, with nothing between that others could hold.
    """

    __slots__ = ("is_direct", "key", "owner")

    def __init__(self, array: Any, library: Library) -> None:
        self.owner, self.is_direct = None, True
        if library is NUMPY:
            owner, self.is_direct = _owner(array)
            self.owner = None if owner is array else owner
            self.key = library.name, id(owner)
        else:
            self.key = library.name, array.untyped_storage().data_ptr()


def users_of_storage(tensor: Any) -> int:
    """Return how many tensors are of a tensor's memory; -1 where torch does not tell."""
    count = getattr(sys.modules["torch"]._C, "_storage_Use_Count", None)  # noqa: SLF001
    if count is None:
        return -1
    storage = tensor.untyped_storage()
    return int(count(storage._cdata)) - 1  # noqa: SLF001 - without the one that was made here


class Held:
    """What an array holds, to see later whether that is still so."""

    __slots__ = ("_about", "_digest", "_raw", "weight")

    def __init__(self, array: Any, library: Library) -> None:
        self._about = about(array)
        raw = _raw(array, library)
        is_copied = raw.nbytes <= MOST_COPIED
        # A bytearray compares as fast as C can.
        self._raw = bytearray(raw) if is_copied else None
        self._digest = b"" if is_copied else _digest(raw)
        self.weight = raw.nbytes * (1 if is_copied else DIGESTED) // BYTES_OF_AN_ITEM

    def has_another_form(self, array: Any) -> bool:
        """Say whether an array is of another shape or dtype than it was."""
        return self._about != about(array)

    def is_of(self, array: Any, library: Library) -> bool:
        """Say whether an array holds what it did."""
        if self.has_another_form(array):
            return False
        raw = _raw(array, library)
        return self._digest == _digest(raw) if self._raw is None else self._raw == raw


def about(array: Any) -> tuple[Any, ...]:
    """Return the dtype and the shape of an array, whatever the order of its bytes."""
    dtype = array.dtype
    return str(dtype.newbyteorder("=") if library_of(array) is NUMPY else dtype), tuple(array.shape)


def _raw(array: Any, library: Library) -> memoryview:
    return arrays.compact_bytes(array) if library is NUMPY else arrays.tensor_bytes(array)


def _digest(raw: memoryview) -> bytes:
    return hashlib.blake2b(raw, digest_size=16).digest()


def write(array: Any, value: Any) -> None:
    """Give an array other elements, where it lies; ValueError where its memory is read-only."""
    if library_of(array) is NUMPY:
        if array.flags.writeable:
            array[...] = value
            return
        array.flags.writeable = True
        array[...] = value
        array.flags.writeable = False
        return
    import torch

    # Along a stride of 0, which `expand` makes, all elements are one, and are written once.
    once = tuple(slice(1) if step == 0 else slice(None) for step in array.stride())
    # What somebody has worked out from it stays as it is: only what it holds is another's.
    with torch.no_grad():
        array.data[once].copy_(value[once])
