"""What the kernel of a launch compiles to, for a GPU that need not be there.

Under TRITON_INTERPRET, triton's own library is patched; it is taken back for a compilation.
"""

import contextlib
import importlib
import inspect
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from ..wire.findings import Finding
from .launches import Launch

_LAUNCH_OPTIONS = ("num_warps", "num_stages", "num_ctas", "maxnreg")
# The half accumulator is the first type in the name of a matrix instruction: D, A, B, C.
_HALF_ACCUMULATOR = re.compile(
    r"\bmma\.sync\.[\w.:]*\.row\.col\.f16\.|\bwgmma\.mma_async\.[\w.:]*?\.m\d+n\d+k\d+\.f16\."
)
_TF32 = re.compile(r"\.tf32\b|inputPrecision = tf32[^\n]*xf32")


def launch_key(launch: Launch) -> tuple[Any, ...]:
    """Return what makes the compiled form of a launch: its kernel, types and constants."""
    return (
        id(launch.kernel),
        tuple(_describe(item) for item in launch.arguments),
        tuple((key, _describe(item)) for key, item in sorted(launch.keywords.items())),
    )


def _describe(item: Any) -> str:
    return f"tensor of {item.dtype}" if hasattr(item, "data_ptr") else repr(item)


def compile_launch(launch: Launch, target: str) -> Finding:
    """Return the finding of one launch for one target.

    Up to LLVM's form, which names the matrix instructions, before LLVM optimises it; or, where a
    float32 tensor goes in, up to Triton's own GPU form: what follows takes seconds for float32
    products, and TF32 shows there already.
    """
    with contextlib.ExitStack() as undo:
        try:
            _restore_library()
            undo.enter_context(_compiler_mode(launch.kernel.fn.__globals__))
            source, options = _source(launch)
            compiler = importlib.import_module("triton.compiler")
            gpu = importlib.import_module("triton.backends.compiler").GPUTarget(
                "cuda", int(target.removeprefix("sm_")), 32
            )
            is_wide = "*fp32" in source.signature.values()
            undo.enter_context(_stopped_at("make_llir" if is_wide else "make_ptx"))
        except Exception as error:  # noqa: BLE001 - triton's parts differ between its versions
            return Finding(launch.name, target, _sentence(error), "tool")
        try:
            compiler.compile(source, target=gpu, options=options)
            return Finding(launch.name, target, "the compiler has other stages", "tool")
        except _EnoughError as enough:
            text, shared = enough.text, enough.shared
        except Exception as error:  # noqa: BLE001 - a kernel can fail to compile in any way
            return Finding(launch.name, target, _sentence(error), "kernel")
        return Finding(
            launch.name,
            target,
            shared_bytes=shared,
            tf32=bool(_TF32.search(text)),
            f16_accumulate=bool(_HALF_ACCUMULATOR.search(text)),
        )


class _EnoughError(Exception):
    """Carries what the compiler had made when there was no need to go on."""

    def __init__(self, text: str, shared: int) -> None:
        super().__init__("enough")
        self.text = text
        self.shared = shared


@contextlib.contextmanager
def _stopped_at(stage: str) -> Iterator[None]:
    """Have a stage of the compiler raise what it was given, and LLVM's code stay as it comes."""

    def stop(_backend: Any, module: Any, metadata: Any, *_args: Any, **_kwargs: Any) -> None:
        raise _EnoughError(str(module), int(metadata.get("shared", 0)))

    nvidia = importlib.import_module("triton.backends.nvidia.compiler")
    with (
        _replaced(nvidia.CUDABackend, stage, stop),
        _replaced(nvidia.llvm, "optimize_module", lambda *_args, **_kwargs: None),
    ):
        yield


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
        undo.enter_context(_replaced(nvidia, "hash", lambda self: f"ptx-{self.target.arch}"))
        cache = importlib.import_module("triton.runtime.cache")
        if hasattr(cache, "triton_key"):  # it reads all of triton, for a folder that is empty
            undo.enter_context(_replaced(cache, "triton_key", lambda: "this compilation"))
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


def remember_library() -> None:
    """Keep triton's library as it is now, before any kernel is interpreted."""
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
