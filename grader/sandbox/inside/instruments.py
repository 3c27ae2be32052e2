"""What the judge asks about a call, beside its value: torch operations, kernels, compiled code.

This file is executed in the process that runs student code, so it imports the standard library,
its own folder, and torch and triton where a call needs them. Nothing it returns is believed more
than a value is: it answers for honest code, and a lie here wins nothing that a wrong value would
not lose.

Two pseudo-operations join torch's own names in a log: `triton::<kernel>` for a launch, and
`python::<what>` for a way around torch's dispatcher (NumPy, threads) or for an answer that stays
the same when the kernels do nothing.
"""

import contextlib
import functools
import importlib
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .compilation import compile_launch, launch_key, remember_library
from .launches import Launch, noted_launches

SAME_WITHOUT_KERNELS = "python::same_answer_without_kernels"
_TENSOR_EXITS = ("numpy", "tolist", "__array__", "__dlpack__")


def preload(*, kernels: bool, interpret: bool = True) -> None:
    """Do what is slow or must come first, once, before any student code runs.

    kernels: also import triton, and remember its library as it is then. The interpreter leaves its
    patches in there, and `compile_kernels` has to take them back; without this it reports a fault
    of the tool. interpret: kernels of this process run on the CPU, which has to be said before
    triton is imported; not so in a process that runs them on a GPU.
    """
    if kernels and interpret:
        os.environ["TRITON_INTERPRET"] = "1"  # first: what torch's log imports may import triton
    import torch

    observe(torch.zeros, (1,), {})
    if kernels:
        for name in ("language", "compiler.code_generator", "backends.nvidia.compiler"):
            importlib.import_module(f"triton.{name}")
        with contextlib.suppress(ImportError):
            importlib.import_module("triton.experimental.gluon")
        with contextlib.suppress(ImportError, AttributeError):
            # It reads all of triton, for half a second, and remembers the answer.
            importlib.import_module("triton.runtime.cache").triton_key()
        remember_library()


def observe(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Call the function once for its value, and once more with its kernels taken away.

    Returns value, operations (a tuple of names, in order) and seconds (wall time of the first
    call). If the second call, in which a launch fills what it could have written with NaN, gives
    the first one's value, something else did the work: `SAME_WITHOUT_KERNELS` ends the log.
    """
    log: list[str] = []

    def note(launch: Launch) -> bool:
        log.append(f"triton::{launch.name}")
        return True

    with _torch_log(log), noted_launches(note):
        start = time.perf_counter()
        value = function(*args, **kwargs)
        seconds = time.perf_counter() - start
    if any(name.startswith("triton::") for name in log) and _same_without(
        value, function, args, kwargs
    ):
        log.append(SAME_WITHOUT_KERNELS)
    return {"value": value, "operations": tuple(log), "seconds": seconds}


def compile_kernels(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    targets: Sequence[str] = ("sm_80", "sm_90"),
) -> list[dict[str, Any]]:
    """Compile each kernel that a call launches for each target; needs no GPU.

    Up to PTX, or, where a float32 tensor goes in, up to Triton's own GPU form: what follows takes
    seconds for float32 products, and TF32 shows there already. shared_bytes is 0 then.

    Returns one finding a kernel and target, in order: kernel, target, error (one sentence or
    None), fault ("kernel", or "tool" where triton's own parts did not fit; None without an
    error), shared_bytes, and ptx_flags with tf32 and f16_accumulate.
    The kernels do not run: the call may end in any exception once they were launched.
    """
    seen: dict[Any, Launch] = {}

    def note(launch: Launch) -> bool:
        seen.setdefault(launch_key(launch), launch)
        return False

    with noted_launches(note):
        try:
            function(*args, **kwargs)
        except Exception:
            # A call that fails on unwritten results has launched what there is to compile.
            if not seen:
                raise
    return [compile_launch(launch, target) for launch in seen.values() for target in targets]


def chain(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    shape: Sequence[int],
    dtype: str,
    seed: int,
    steps: int,
    device: str = "cpu",
    projections: int = 8,
) -> dict[str, Any]:
    """Call an attention function `steps` times on inputs drawn from a seed, and sum up its results.

    shape: (batch, heads, length, d) of query, key and value, which are standard normal; args and
    kwargs follow them. Key and value stay; the query of a call is drawn afresh, plus an eighth of
    the last call's result, so that calls come in order and no result serves twice. The sum of all
    results, each times -1 or 1 by chance, commits to every entry of every result.

    Returns two CPU tensors in float64: projections, (batch * heads, projections), the products of
    each head's sum with random vectors of -1 and 1, drawn from the same seed; and norms, (batch *
    heads,), the Euclidean norm of each head's last result. Raises TypeError where a result is not
    a tensor of the query's shape and dtype.

    No step is there only to clear the cache: its time is taken off a call's, and this process
    could leave it out unseen. Between two calls 10 bytes an entry (float16) are written or read.
    """
    import torch

    shape = tuple(shape)
    kind = {"dtype": getattr(torch, dtype), "device": device}
    draw = torch.Generator(device=device).manual_seed(seed)
    key, value = (torch.empty(shape, **kind).normal_(generator=draw) for _ in range(2))
    fresh, result = torch.empty(shape, **kind), torch.zeros(shape, **kind)
    total = torch.zeros(shape, dtype=torch.float32, device=device)
    coin = random.Random(seed)  # noqa: S311 - what it decides is no secret here
    for _ in range(steps):
        query = torch.add(fresh.normal_(generator=draw), result, alpha=0.125)
        total.add_(result, alpha=coin.choice((-1, 1)))
        result = function(query, key, value, *args, **kwargs)
        _refuse_other_kind(result, query)
    total.add_(result, alpha=coin.choice((-1, 1)))
    heads = (shape[0] * shape[1], shape[2] * shape[3])
    signs = torch.randint(
        2, (heads[1], projections), generator=draw, device=device, dtype=torch.float64
    )
    return {
        "projections": (total.double().reshape(heads) @ (2 * signs - 1)).cpu(),
        "norms": result.double().reshape(heads).norm(dim=1).cpu(),
    }


def _refuse_other_kind(result: Any, query: Any) -> None:
    if not _is_tensor(result):
        raise TypeError(f"the result must be a tensor, and is of type {type(result).__name__}")
    if result.shape != query.shape or result.dtype != query.dtype:
        raise TypeError(
            f"the result must have the query's shape and dtype, {tuple(query.shape)} and "
            f"{query.dtype}, and has {tuple(result.shape)} and {result.dtype}"
        )


@contextlib.contextmanager
def _torch_log(log: list[str]) -> Iterator[None]:
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class Log(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            del types
            log.append(str(func.name()))
            return func(*args, **(kwargs or {}))

    with contextlib.ExitStack() as undo:
        for name in _TENSOR_EXITS:
            undo.enter_context(_logged(torch.Tensor, name, f"python::Tensor.{name}", log))
        undo.enter_context(_logged(torch, "from_numpy", "python::torch.from_numpy", log))
        undo.enter_context(_logged(threading.Thread, "start", "python::Thread.start", log))
        undo.enter_context(Log())  # type: ignore[no-untyped-call]
        yield


@contextlib.contextmanager
def _logged(owner: Any, name: str, entry: str, log: list[str]) -> Iterator[None]:
    original = getattr(owner, name)

    @functools.wraps(original)
    def noting(*args: Any, **kwargs: Any) -> Any:
        log.append(entry)
        return original(*args, **kwargs)

    setattr(owner, name, noting)
    try:
        yield
    finally:
        setattr(owner, name, original)


def _same_without(
    value: Any, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> bool:
    import torch

    if not isinstance(value, torch.Tensor) or not value.numel() or not value.is_floating_point():
        return False
    inputs = {_storage(item) for item in (*args, *kwargs.values()) if _is_tensor(item)}
    if _storage(value) in inputs:  # another mistake: what is left in an input says nothing
        return False

    def spoil(launch: Launch) -> bool:
        # A fresh result may reuse memory that still holds the right answer: overwrite it.
        for item in (*launch.arguments, *launch.keywords.values()):
            if _is_tensor(item) and item.is_floating_point() and _storage(item) not in inputs:
                item.fill_(float("nan"))
        return False

    with noted_launches(spoil):
        try:
            other = function(*args, **kwargs)
        except Exception:  # noqa: BLE001 - student code may raise anything; then it is not the same
            return False
    return (
        isinstance(other, torch.Tensor)
        and not bool(value.isnan().all())
        and other.dtype == value.dtype
        and other.shape == value.shape
        and bool(torch.equal(other.nan_to_num(), value.nan_to_num()))
    )


def _is_tensor(item: Any) -> bool:
    return hasattr(item, "data_ptr") and hasattr(item, "untyped_storage")


def _storage(item: Any) -> int:
    return int(item.untyped_storage().data_ptr())
