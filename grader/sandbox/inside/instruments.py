"""What the judge asks about a call, beside its value: torch operations, kernels, compiled code.

This file is executed in the process that runs student code, so it imports the standard library,
and torch and triton where a call needs them. Nothing it returns is believed more than a value is:
it answers for honest code, and a lie here wins nothing that a wrong value would not lose.

Two pseudo-operations join torch's own names in a log: `triton::<kernel>` for a launch, and
`python::<what>` for a way around torch's dispatcher (NumPy, threads) or for an answer that stays
the same when the kernels do nothing.
"""

import contextlib
import functools
import importlib
import inspect
import os
import random
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SAME_WITHOUT_KERNELS = "python::same_answer_without_kernels"
_LAUNCH_OPTIONS = ("num_warps", "num_stages", "num_ctas", "maxnreg")
_TENSOR_EXITS = ("numpy", "tolist", "__array__", "__dlpack__")
# The half accumulator is the first type in the name of a matrix instruction: D, A, B, C.
_HALF_ACCUMULATOR = re.compile(
    r"\bmma\.sync\.[\w.:]*\.row\.col\.f16\.|\bwgmma\.mma_async\.[\w.:]*?\.m\d+n\d+k\d+\.f16\."
)
_TF32 = re.compile(r"\.tf32\b|inputPrecision = tf32[^\n]*xf32")


@dataclass(frozen=True)
class Launch:
    """One kernel launch: triton's own function object, and what it was called with."""

    kernel: Any
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of the kernel's Python function."""
        return str(self.kernel.fn.__name__)


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
        _remember_library()


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

    with _torch_log(log), _launches(note):
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
        seen.setdefault(_launch_key(launch), launch)
        return False

    with _launches(note):
        try:
            function(*args, **kwargs)
        except Exception:
            # A call that fails on unwritten results has launched what there is to compile.
            if not seen:
                raise
    return [_compile(launch, target) for launch in seen.values() for target in targets]


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


# --- what a call does ------------------------------------------------------------------------


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


@contextlib.contextmanager
def _launches(note: Callable[[Launch], Any]) -> Iterator[None]:
    """Tell `note` of each launch from Python; the kernel runs only if it answers true."""
    with contextlib.ExitStack() as undo:
        for owner in _kernel_classes():
            undo.enter_context(_noted_run(owner, note))
        yield


@contextlib.contextmanager
def _noted_run(owner: Any, note: Callable[[Launch], Any]) -> Iterator[None]:
    original = owner.run

    @functools.wraps(original)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("warmup") or note(Launch(self, args, kwargs)):
            return original(self, *args, **kwargs)
        return None

    owner.run = run
    try:
        yield
    finally:
        owner.run = original


def _kernel_classes() -> list[Any]:
    """List the classes whose `run` is a launch, where triton is loaded at all."""
    if "triton" not in sys.modules:
        return []
    classes = [importlib.import_module("triton.runtime.jit").JITFunction]
    with contextlib.suppress(ImportError):
        classes.append(importlib.import_module("triton.runtime.interpreter").InterpretedFunction)
    return classes


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

    with _launches(spoil):
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


# --- what a kernel compiles to ---------------------------------------------------------------


def _launch_key(launch: Launch) -> tuple[Any, ...]:
    return (
        id(launch.kernel),
        tuple(_describe(item) for item in launch.arguments),
        tuple((key, _describe(item)) for key, item in sorted(launch.keywords.items())),
    )


def _describe(item: Any) -> str:
    return f"tensor of {item.dtype}" if hasattr(item, "data_ptr") else repr(item)


def _compile(launch: Launch, target: str) -> dict[str, Any]:
    finding: dict[str, Any] = {
        "kernel": launch.name,
        "target": target,
        "error": None,
        "fault": None,
        "shared_bytes": 0,
        "ptx_flags": {"tf32": False, "f16_accumulate": False},
    }
    with contextlib.ExitStack() as undo:
        try:
            _restore_library()
            undo.enter_context(_compiler_mode(launch.kernel.fn.__globals__))
            source, options = _source(launch)
            compiler = importlib.import_module("triton.compiler")
            gpu = importlib.import_module("triton.backends.compiler").GPUTarget(
                "cuda", int(target.removeprefix("sm_")), 32
            )
        except Exception as error:  # noqa: BLE001 - triton's parts differ between its versions
            return finding | {"error": _sentence(error), "fault": "tool"}
        if "*fp32" in source.signature.values():
            undo.enter_context(_stopped_early())
        try:
            compiled = compiler.compile(source, target=gpu, options=options)
            text, shared = compiled.asm["ptx"], int(compiled.metadata.shared)
        except _EnoughError as enough:
            text, shared = str(enough), 0
        except Exception as error:  # noqa: BLE001 - a kernel can fail to compile in any way
            return finding | {"error": _sentence(error), "fault": "kernel"}
        flags = {
            "tf32": bool(_TF32.search(text)),
            "f16_accumulate": bool(_HALF_ACCUMULATOR.search(text)),
        }
        return finding | {"shared_bytes": shared, "ptx_flags": flags}


class _EnoughError(Exception):
    """Carries what the compiler had made when there was no need to go on."""


def _stopped_early() -> contextlib.AbstractContextManager[None]:
    def stop(_backend: Any, module: Any, *_args: Any, **_kwargs: Any) -> None:
        raise _EnoughError(str(module))

    nvidia = importlib.import_module("triton.backends.nvidia.compiler").CUDABackend
    return _replaced(nvidia, "make_llir", stop)


def _source(launch: Launch) -> tuple[Any, dict[str, Any]]:
    """Describe the launch as the just-in-time compiler would: types, constants, divisibility."""
    jit = importlib.import_module("triton.runtime.jit")
    kernel = _compiled_form(launch.kernel)
    parameters = {param.name: param for param in kernel.params}
    given = {name: item for name, item in launch.keywords.items() if name in parameters}
    bound = inspect.signature(kernel.fn).bind(*launch.arguments, **given)
    bound.apply_defaults()
    signature: dict[str, str] = {}
    constants: dict[tuple[int, ...], Any] = {}
    attributes: dict[tuple[int, ...], Any] = {}
    for index, (name, item) in enumerate(bound.arguments.items()):
        plain_int = isinstance(item, int) and not isinstance(item, bool)
        if parameters[name].is_constexpr or item is None or (plain_int and item == 1):
            signature[name] = "constexpr"
            constants[(index,)] = item
            continue
        signature[name] = jit.mangle_type(item)
        address = item.data_ptr() if hasattr(item, "data_ptr") else item if plain_int else 1
        if address % 16 == 0:
            attributes[(index,)] = [["tt.divisibility", 16]]
    options = {name: launch.keywords[name] for name in _LAUNCH_OPTIONS if name in launch.keywords}
    source = importlib.import_module("triton.compiler").ASTSource(
        kernel, signature, constants, attributes
    )
    # A fixed version spares asking the assembler, which is another program.
    return source, {**options, "ptx_version": 80}


@contextlib.contextmanager
def _compiler_mode(student_globals: dict[str, Any]) -> Iterator[None]:
    """Undo what TRITON_INTERPRET did to triton's library and the student's functions, for a while.

    Under the interpreter each decorated function is an InterpretedFunction, in triton.language
    too, and the compiler knows only JITFunction.
    """
    nvidia = importlib.import_module("triton.backends.nvidia.compiler").CUDABackend
    with contextlib.ExitStack() as undo:
        folder = undo.enter_context(tempfile.TemporaryDirectory())
        undo.enter_context(_environment(TRITON_INTERPRET=None, TRITON_CACHE_DIR=folder))
        # PTX is the last thing looked at; assembling it would need another program.
        undo.enter_context(_replaced(nvidia, "make_cubin", lambda *_args, **_kwargs: b""))
        undo.enter_context(_replaced(nvidia, "hash", lambda self: f"ptx-{self.target.arch}"))
        spaces = [
            vars(module)
            for name, module in list(sys.modules.items())
            if name.startswith("triton.language")
        ]
        for space in [*spaces, student_globals]:
            for name, item in list(space.items()):
                if type(item).__name__ == "InterpretedFunction":
                    space[name] = _compiled_form(item)
                    undo.callback(space.__setitem__, name, item)
        tensor = importlib.import_module("triton.language").tensor
        for name, item in vars(importlib.import_module("triton.language.standard")).items():
            member = getattr(tensor, name, None)
            if type(item).__name__ == "JITFunction" and inspect.isfunction(member):
                undo.enter_context(_replaced(tensor, name, item))
        yield


_LIBRARY: list[tuple[Any, dict[str, Any]]] = []
_FORMS: dict[int, tuple[Any, Any]] = {}


def _remember_library() -> None:
    if _LIBRARY:
        return
    for name, module in list(sys.modules.items()):
        if name.startswith("triton.language"):
            classes = [item for item in vars(module).values() if inspect.isclass(item)]
            owners = [module, *(item for item in classes if item.__module__ == name)]
            _LIBRARY.extend((owner, dict(vars(owner))) for owner in owners)


def _restore_library() -> None:
    interpreted = "triton.runtime.interpreter" in sys.modules
    if interpreted and not _LIBRARY:
        raise RuntimeError("call preload(kernels=True) before any kernel is interpreted")
    for owner, before in _LIBRARY:
        for name, item in before.items():
            if vars(owner).get(name) is not item:
                setattr(owner, name, item)
        if inspect.isclass(owner):  # a module's new names serve the rewritten functions
            for name in set(vars(owner)) - set(before):
                delattr(owner, name)


def _compiled_form(kernel: Any) -> Any:
    """Give the JITFunction of an InterpretedFunction, the same one each time."""
    if type(kernel).__name__ != "InterpretedFunction":
        return kernel
    if id(kernel) not in _FORMS:
        given = {name: item for name, item in kernel.kwargs.items() if item is not None}
        form = importlib.import_module("triton.runtime.jit").JITFunction(kernel.fn, **given)
        _FORMS[id(kernel)] = (kernel, form)
    return _FORMS[id(kernel)][1]


@contextlib.contextmanager
def _replaced(owner: Any, name: str, item: Any) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, item)
    try:
        yield
    finally:
        setattr(owner, name, original)


@contextlib.contextmanager
def _environment(**values: str | None) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    _set_environment(values)
    try:
        yield
    finally:
        _set_environment(before)


def _set_environment(values: Mapping[str, str | None]) -> None:
    for name, item in values.items():
        if item is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = item


def _sentence(error: BaseException) -> str:
    """Say the innermost cause in one line: triton wraps it in the kernel's whole source."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = str(getattr(error, "error_message", None) or error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    place = getattr(getattr(error, "node", None), "lineno", None)
    where = f" (line {place} of the kernel)" if place else ""
    return f"{type(error).__name__}: {lines[-1] if lines else 'no message'}{where}"[:400]
