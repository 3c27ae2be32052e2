"""What may be asked about a call beside its value: torch operations, kernels, compiled code.

These are for functions that are trusted: the reference's, in the judge; and for tapes, in a
process that has run no student's cell (`bench`). The standard library, this folder and `wire`'s
plain records are imported; torch and triton where a call needs them.
"""

import contextlib
import importlib
import os
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..wire.findings import Finding, Observation, Sums
from . import addresses, interpreter
from .compilation import compile_launch, launch_key, remember_library
from .dispatch import noting
from .launches import Launch, noted_launches


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
        if not interpret:
            with contextlib.suppress(ImportError, AttributeError):
                # It reads all of triton, for half a second, and remembers the answer.
                importlib.import_module("triton.runtime.cache").triton_key()
        remember_library()
        if interpret:
            interpreter.hasten()
            addresses.watch()


def observe(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Observation:
    """Call a function here, and return its value with what it dispatches and launches."""
    log: list[str] = []

    def note(launch: Launch) -> bool:
        log.append(f"triton::{launch.name}")
        return True

    with _torch_log(log), noted_launches(note):
        value = function(*args, **kwargs)
    return Observation(value, tuple(log))


def compile_kernels(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    targets: Sequence[str] = ("sm_80", "sm_90"),
) -> list[Finding]:
    """Compile each kernel that a call launches here for each target; needs no GPU.

    Returns one finding a kernel and target, in order. The kernels do not run: the call may end in
    any exception once they were launched.
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
) -> Sums:
    """Call an attention function `steps` times on inputs drawn from a seed, and sum up its results.

    shape: (batch, heads, length, d) of query, key and value, which are standard normal; args and
    kwargs follow them. All three are drawn afresh for each call, and an eighth of the last call's
    result is added to the query, so that calls come in order and nothing serves twice. The sum of
    all results, each times -1 or 1 by chance, commits to every entry of every result.

    Returns two CPU tensors in float64: projections, (batch * heads, projections), the products of
    each head's sum with random vectors of -1 and 1, drawn from the same seed; and norms, (batch *
    heads,), the Euclidean norm of each head's last result. Raises TypeError where a result is not
    a tensor of the query's shape and dtype.

    No step is there only to clear the cache: its time is taken off a call's, and this process
    could leave it out unseen. Between two calls 14 bytes an entry (float16) are written or read.
    """
    import torch

    shape = tuple(shape)
    kind = {"dtype": getattr(torch, dtype), "device": device}
    draw = torch.Generator(device=device).manual_seed(seed)
    fresh, key, value = (torch.empty(shape, **kind) for _ in range(3))
    result = torch.zeros(shape, **kind)
    total = torch.zeros(shape, dtype=torch.float32, device=device)
    coin = random.Random(seed)  # noqa: S311 - what it decides is no secret here
    for _ in range(steps):
        for tensor in (key, value):
            tensor.normal_(generator=draw)
        query = torch.add(fresh.normal_(generator=draw), result, alpha=0.125)
        total.add_(result, alpha=coin.choice((-1, 1)))
        result = function(query, key, value, *args, **kwargs)
        _refuse_other_kind(result, query)
    total.add_(result, alpha=coin.choice((-1, 1)))
    heads = (shape[0] * shape[1], shape[2] * shape[3])
    signs = torch.randint(
        2, (heads[1], projections), generator=draw, device=device, dtype=torch.float64
    )
    return Sums(
        (total.double().reshape(heads) @ (2 * signs - 1)).cpu(),
        result.double().reshape(heads).norm(dim=1).cpu(),
    )


def _refuse_other_kind(result: Any, query: Any) -> None:
    if not _is_tensor(result):
        raise TypeError(f"the result must be a tensor, and is of type {type(result).__name__}")
    if result.shape != query.shape or result.dtype != query.dtype:
        raise TypeError(
            f"the result must have the query's shape and dtype, {tuple(query.shape)} and "
            f"{query.dtype}, and has {tuple(result.shape)} and {result.dtype}"
        )


def _torch_log(log: list[str]) -> Any:
    def run(operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        log.append(str(operation.name()))
        return operation(*args, **kwargs)

    return noting(run)


def _is_tensor(item: Any) -> bool:
    return hasattr(item, "data_ptr") and hasattr(item, "untyped_storage")
