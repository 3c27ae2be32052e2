"""What a kernel stores lies in the memory it was given, in Triton's interpreter: else a sentence.

The interpreter writes wherever an address points to. A store that lacks a mask so ends the process,
or changes what somebody else keeps there, or does no harm by chance. Here it raises before it
writes, and says which element of which argument it was to be. Loads may go a little past the end,
where each argument that arrives has a margin of NaN (`channel`): from further away they raise too.
"""

import contextlib
import functools
import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MARGIN = 1 << 16  # bytes on both sides of an argument's memory that a load may read
LARGEST_SIZE = 1 << 40  # a number above it may be an address
FAR = 1 << 30  # bytes: from so far away, the nearest argument need not be the one that was meant
# Builder methods, with the places of their pointers and of their mask.
STORES = {
    "create_masked_store": (0, 2),
    "create_atomic_rmw": (1, 3),
    "create_atomic_cas": (0, None),
}
LOADS = {"create_masked_load": (0, 1)}

_in_this_launch: list["list[_Memory] | None"] = []


@dataclass(frozen=True)
class _Memory:
    """An argument's memory, by addresses: where it starts and ends, and element 0 lies."""

    name: str
    start: int
    end: int
    element_0: int
    element_bytes: int

    def distance(self, address: int) -> int:
        return max(self.start - address, address - self.end + 1, 0)

    def element(self, address: int) -> int:
        return (address - self.element_0) // self.element_bytes


def watch() -> None:
    """Have stores be looked at, and loads, in each launch from now on.

    Nothing is changed where the interpreter of this version of Triton is made in another way.
    """
    with contextlib.suppress(ImportError, AttributeError):
        interpreter: Any = importlib.import_module("triton.runtime.interpreter")
        executor, builder = interpreter.GridExecutor, interpreter.InterpreterBuilder
        if hasattr(executor._init_args_hst, "__wrapped__"):  # noqa: SLF001 - it has no hook
            return
        noted = _noting(executor._init_args_hst)  # noqa: SLF001
        watched = {name: getattr(builder, name) for name in (*STORES, *LOADS)}
        executor.__call__ = _one_launch(executor.__call__)
        executor._init_args_hst = noted  # noqa: SLF001
        for name, places in STORES.items():
            setattr(builder, name, _checked(watched[name], *places, check=_check_store))
        for name, places in LOADS.items():
            setattr(builder, name, _checked(watched[name], *places, check=_check_load))


def _one_launch(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def launch(*args: Any, **kwargs: Any) -> Any:
        _in_this_launch.append(None)
        try:
            return original(*args, **kwargs)
        finally:
            _in_this_launch.pop()

    return launch


def _noting(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def prepare(self: Any, args: Any, kwargs: Any) -> Any:
        on_cpu = original(self, args, kwargs)
        if _in_this_launch:
            _in_this_launch[-1] = _memories(self.arg_names, *on_cpu)
        return on_cpu

    return prepare


def _memories(
    names: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[_Memory] | None:
    """Return the memory of each argument; None where an address may come from elsewhere."""
    import torch

    found: list[_Memory] = []
    for name, value in _flat([*zip(names, args, strict=False), *kwargs.items()]):
        if isinstance(value, int) and abs(value) > LARGEST_SIZE:
            return None
        if not hasattr(value, "data_ptr"):
            continue
        tensor = value if isinstance(value, torch.Tensor) else getattr(value, "base", None)
        if not isinstance(tensor, torch.Tensor) or tensor.dtype in {torch.int64, torch.uint64}:
            return None  # a table of integers may hold addresses
        storage = tensor.untyped_storage()
        start = storage.data_ptr()
        found.append(
            _Memory(name, start, start + storage.nbytes(), tensor.data_ptr(), tensor.itemsize)
        )
    return found


def _flat(named: list[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    for name, value in named:
        if isinstance(value, tuple):
            yield from _flat([(name, item) for item in value])
        elif hasattr(value, "block_shape"):  # a TensorDescriptor
            yield name, value.base
        else:
            yield name, value


def _checked(
    original: Callable[..., Any],
    pointers: int,
    mask: int | None,
    *,
    check: Callable[[list[_Memory], Any], None],
) -> Callable[..., Any]:
    @functools.wraps(original)
    def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
        memories = _in_this_launch[-1] if _in_this_launch else None
        if memories is not None:
            addresses = args[pointers].data
            if mask is not None:
                addresses = addresses[_as_shaped(args[mask].data, addresses)]
            if addresses.size:
                check(memories, addresses)
        return original(self, *args, **kwargs)

    return checked


def _as_shaped(mask: Any, addresses: Any) -> Any:
    import numpy as np

    return np.broadcast_to(mask, addresses.shape).astype(bool, copy=False)


def _check_store(memories: list[_Memory], addresses: Any) -> None:
    outside = _first_outside(memories, addresses, 0)
    if outside is not None:
        raise IndexError(
            f"a store would write {_place(memories, outside)}: is it masked in rows and in "
            "columns, does the grid start too many programs, and does each find its own part?"
        )


def _check_load(memories: list[_Memory], addresses: Any) -> None:
    outside = _first_outside(memories, addresses, MARGIN)
    if outside is not None:
        raise IndexError(
            f"a load would read {_place(memories, outside)}: is it masked, does each index meet "
            "its own stride, and does the grid start too many programs?"
        )


def _first_outside(memories: list[_Memory], addresses: Any, margin: int) -> int | None:
    """Return the first of some addresses that lies in no argument's memory."""
    import numpy as np

    lowest, highest = int(addresses.min()), int(addresses.max())
    spans = [(max(one.start - margin, 0), one.end + margin) for one in memories]
    if any(start <= lowest and highest < end for start, end in spans):
        return None
    outside = np.ones(addresses.shape, bool)
    for start, end in spans:
        outside &= (addresses < np.uint64(start)) | (addresses >= np.uint64(end))
    return int(addresses[outside][0]) if outside.any() else None


def _place(memories: list[_Memory], address: int) -> str:
    if not memories:
        return "where no argument has its memory"
    near = min(memories, key=lambda one: one.distance(address))
    if near.distance(address) > FAR and len(memories) > 1:
        return "far outside of each argument's memory"
    element = f"element {near.element(address):,} of `{near.name}`"
    if near.start == near.end:
        return f"{element}, which is empty"
    first, last = near.element(near.start), near.element(near.end - 1)
    return f"{element}, whose memory holds the elements {first:,} to {last:,}"
