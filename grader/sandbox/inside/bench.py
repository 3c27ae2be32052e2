"""Runs tapes in a process that has run no student's cell: the kernels' own text, on fresh inputs.

What is in a tape comes from a student's process. So a kernel's text is looked at before it is
run: it may name its arguments, its own variables, what the tape gives it and what Triton's
language has, and nothing by which it would get at Python. The interpreter lets a kernel do more
than that; whether it is one for a GPU, too, is what `Compile` shows.
"""

import ast
import contextlib
import functools
import importlib
import linecache
import math
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..wire.findings import Finding, Sums
from ..wire.kernels import (
    Constexpr,
    Descriptor,
    Function,
    Given,
    Item,
    Items,
    KernelLaunch,
    Named,
    Operation,
    Ref,
    Tape,
)
from . import instruments
from .compilation import compile_launch, launch_key
from .launches import Launch
from .recording import PLAIN_MODULES, free_names, tensors_in

BUILTINS = frozenset(
    {
        "False", "None", "True", "AssertionError", "NotImplementedError", "ValueError", "abs",
        "all", "any", "bool", "divmod", "enumerate", "float", "int", "isinstance", "len", "list",
        "max", "min", "pow", "print", "range", "round", "slice", "str", "sum", "tuple", "zip",
    }
)  # fmt: skip
STATEMENTS = (
    ast.AsyncFor, ast.AsyncFunctionDef, ast.AsyncWith, ast.Await, ast.ClassDef, ast.Delete,
    ast.Global, ast.Import, ast.ImportFrom, ast.Lambda, ast.Nonlocal, ast.Raise, ast.Try,
    ast.TryStar, ast.Yield, ast.YieldFrom,
)  # fmt: skip
# Operations whose result holds what was there before.
UNWRITTEN = frozenset({
    "empty", "empty_like", "empty_permuted", "empty_strided", "new_empty", "new_empty_strided",
})  # fmt: skip
RESIZED = frozenset({"resize_", "resize_as_"})  # to more than there was, which is unwritten
HIDDEN = frozenset({"core", "data", "format", "format_map", "handle", "semantic", "standard"})


class KernelRefusedError(Exception):
    """A kernel's text cannot be run by itself; the sentence says why."""


class Program:
    """A tape that is ready to run: its kernels as functions, the tensors beside it."""

    def __init__(self, tape: Tape, space: dict[str, Any], given: Sequence[Any]) -> None:
        self._names = _Names(space)
        self._given = tuple(given)
        self._inputs = tape.inputs
        self._steps = [self._ready(step) for step in tape.steps]
        self._result = self._names.fixed(tape.result)

    def _ready(self, step: Given | Operation | KernelLaunch) -> "_Ready":
        """Return a step in which all is looked up that is the same each time."""
        what: Any = None
        match step:
            case Given():
                return _Ready(step, None, (), {})
            case KernelLaunch():
                what = self._names.space[step.kernel]
            case Operation():
                what = _operation(step.name)
        return _Ready(
            step,
            what,
            tuple(map(self._names.fixed, step.arguments)),
            {name: self._names.fixed(item) for name, item in step.keywords.items()},
        )

    def run(self, inputs: Sequence[Any], launch: Callable[[Launch], Any] | None = None) -> Any:
        """Run every step and return the result; `launch` takes what would be launched, if given."""
        import torch

        if len(inputs) != self._inputs:
            raise KernelRefusedError(
                f"it takes {self._inputs} tensors, and was given {len(inputs)}"
            )
        tensors = list(inputs)
        with torch.no_grad():
            for step in self._steps:
                if isinstance(step.step, Given):
                    tensors.append(self._given[step.step.number].clone())
                    continue
                arguments = [_in(item, tensors) for item in step.arguments]
                keywords = {name: _in(item, tensors) for name, item in step.keywords.items()}
                if isinstance(step.step, Operation):
                    tensors.extend(tensors_in(step.what(*arguments, **keywords)))
                elif launch is None:
                    step.what[tuple(step.step.grid)](*arguments, **keywords)
                else:
                    launch(Launch(step.what, tuple(arguments), keywords))
        return _in(self._result, tensors)


@dataclass(frozen=True, slots=True)
class _Ready:
    step: Given | Operation | KernelLaunch
    what: Any  # the operation or the kernel
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Later:
    """A value that has tensors in it, and so is another one each time."""

    make: Callable[[list[Any]], Any]


def _in(item: Any, tensors: list[Any]) -> Any:
    return item.make(tensors) if type(item) is _Later else item


class _Names:
    """What the items of a tape stand for."""

    def __init__(self, space: dict[str, Any]) -> None:
        self.space = space

    def fixed(self, item: Item) -> Any:
        """Return an item's value, or a `_Later` where tensors are in it."""
        if isinstance(item, Ref):
            number = item.number
            return _Later(lambda tensors: tensors[number])
        if isinstance(item, Items):
            return self._several(item)
        match item:
            case Named():
                return self._named(item)
            case Constexpr():
                return _triton("language").constexpr(self.fixed(item.value))
            case Descriptor():
                make = _triton("tools.tensor_descriptor").TensorDescriptor
                base, rest = item.base.number, (item.shape, item.strides, item.block)
                return _Later(lambda tensors: make(tensors[base], *rest))
        return item

    def _several(self, item: Items) -> Any:
        kind = tuple if item.is_tuple else list
        parts = [self.fixed(one) for one in item.items]
        if any(type(part) is _Later for part in parts):
            return _Later(lambda tensors: kind(_in(part, tensors) for part in parts))
        return kind(parts)

    def _named(self, item: Named) -> Any:
        if item.kind == "kernel":
            return self.space[item.name]
        if item.kind == "tl":
            return _triton("language").dtype(item.name)
        if item.kind == "module":
            return _module(item.name)
        if item.kind == "member":
            module, _, name = item.name.rpartition(".")
            if name.startswith("_"):
                raise KernelRefusedError(f"a kernel uses {item.name}, which is not for kernels")
            return getattr(_module(module), name)
        return _of_torch(item)


def _of_torch(item: Named) -> Any:
    import torch

    if item.kind == "device":
        return torch.device(item.name)
    kind = {"dtype": torch.dtype, "layout": torch.layout, "memory_format": torch.memory_format}
    found = getattr(torch, item.name)
    if not isinstance(found, kind[item.kind]):
        raise TypeError(f"torch.{item.name} is no {item.kind}")
    return found


def _triton(name: str) -> Any:
    return importlib.import_module(f"triton.{name}")


def _module(name: str) -> Any:
    if name not in PLAIN_MODULES and name.split(".", maxsplit=1)[0] != "triton":
        raise KernelRefusedError(f"a kernel uses {name}, which is not Triton's")
    return importlib.import_module(name)


def _operation(name: str) -> Any:
    import torch

    space, _, rest = name.partition("::")
    base, _, overload = rest.partition(".")
    if space != "aten":
        raise KernelRefusedError(f"{name} is no operation of torch's own")
    found = getattr(getattr(torch.ops.aten, base), overload or "default")
    if base in RESIZED:
        return _filling_beyond(found)
    return _filling(found) if base in UNWRITTEN else found


def _filling(operation: Callable[..., Any]) -> Callable[..., Any]:
    """Have what nobody writes be NaN each time, as what lies behind an argument is.

    It would be what an earlier call has worked out, by chance the right answer. Not on a GPU, where
    it would take time that is measured.
    """
    import torch

    def made(*args: Any, **kwargs: Any) -> Any:
        found = operation(*args, **kwargs)
        if found.device.type == "cpu" and found.dtype is not torch.bool:
            found.untyped_storage().fill_(255)  # NaN in every float dtype
        return found

    return made


def _filling_beyond(operation: Callable[..., Any]) -> Callable[..., Any]:
    """Have the same of what a tensor gets beside its own elements."""
    import torch

    def made(tensor: Any, *args: Any, **kwargs: Any) -> Any:
        before = tensor.untyped_storage().nbytes()
        found = operation(tensor, *args, **kwargs)
        if found.device.type == "cpu" and found.untyped_storage().nbytes() > before:
            memory = torch.empty(0, dtype=torch.uint8).set_(found.untyped_storage())
            memory[before:].fill_(255)
        return found

    return made


class Bench:
    """The programs of one process, and what is asked about them."""

    def __init__(self) -> None:
        self._programs: list[Program] = []
        self._spaces: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def prepare(self, tape: Tape, given: Sequence[Any]) -> int:
        """Keep a tape and return its number; KernelRefusedError where a kernel cannot be run."""
        key = (tape.functions, tape.names)
        # Tapes of the same kernels share them, and with them what was compiled before.
        space = next((space for known, space in self._spaces if known == key), None)
        if space is None:
            space = _build(tape)
            self._spaces.append((key, space))
        self._programs.append(Program(tape, space, given))
        return len(self._programs) - 1

    def run(self, program: int, inputs: Sequence[Any]) -> Any:
        """Return what a program makes of inputs."""
        return self._programs[program].run(inputs)

    def compile(self, program: int, inputs: Sequence[Any], targets: Sequence[str]) -> list[Finding]:
        """Return a finding for each kernel and target of a program's launches; none of them runs.

        What comes after the last launch may fail on results that nobody has written.
        """
        seen: dict[Any, Launch] = {}
        try:
            self._programs[program].run(
                inputs, lambda launch: seen.setdefault(launch_key(launch), launch)
            )
        except Exception:
            if not seen:
                raise
        return [compile_launch(launch, target) for launch in seen.values() for target in targets]

    def chain(
        self, program: int, shape: Sequence[int], dtype: str, *, seed: int, steps: int, device: str
    ) -> Sums:
        """Run a program many times in a row: see `instruments.chain`."""
        run = self._programs[program].run
        return instruments.chain(
            lambda *inputs: run(inputs), (), {},
            shape=shape, dtype=dtype, seed=seed, steps=steps, device=device,
        )  # fmt: skip


def _build(tape: Tape) -> dict[str, Any]:
    """Make a tape's functions; KernelRefusedError where one cannot be run by itself."""
    space = vars(types.ModuleType("kernels"))
    values = _Names(space)
    defined = {function.name for function in tape.functions}
    allowed = defined | tape.names.keys()
    attributes = _attributes(tape)
    for function in tape.functions:
        _check(function, allowed, attributes)
    later = {}
    for name, item in tape.names.items():
        if isinstance(item, Named) and item.kind == "kernel":
            later[name] = item
        else:
            space[name] = values.fixed(item)
    jit = importlib.import_module("triton").jit
    for number, function in enumerate(tape.functions):
        space[function.name] = jit(_defined(function, space, number))
    space |= {name: values.fixed(item) for name, item in later.items()}
    return space


def _defined(function: Function, space: dict[str, Any], number: int) -> Any:
    place = f"<kernel {function.name}>"
    if place in linecache.cache:
        place = f"<kernel {function.name} {number}-{len(linecache.cache)}>"
    lines = function.source.splitlines(keepends=True)
    # Triton reads a function's text where Python looks for it.
    linecache.cache[place] = (len(function.source), None, lines, place)
    exec(compile(function.source, place, "exec"), space)  # noqa: S102 - looked at, and locked in
    return space[function.name]


def _check(function: Function, names: set[str], attributes: frozenset[str]) -> None:
    """Raise KernelRefusedError where a function's text uses what a kernel has no use for."""
    where = f"the kernel {function.name}"
    try:
        tree = ast.parse(function.source).body
    except (SyntaxError, ValueError, RecursionError):
        raise KernelRefusedError(f"{where} is no text of Python's") from None
    if len(tree) != 1 or not isinstance(tree[0], ast.FunctionDef) or tree[0].decorator_list:
        raise KernelRefusedError(f"{where} is not one function")
    if tree[0].name != function.name:
        raise KernelRefusedError(f"{where} has another name in its text")
    for node in ast.walk(tree[0]):
        if isinstance(node, STATEMENTS):
            raise KernelRefusedError(f"{where} has a {type(node).__name__} in line {node.lineno}")
        if isinstance(node, ast.Attribute) and node.attr not in attributes:
            raise KernelRefusedError(f"{where} uses .{node.attr}, which is not Triton's")
        if isinstance(node, ast.Name) and not _may_be_read(node):
            raise KernelRefusedError(f"{where} uses {node.id}, which is not for kernels")
    if unknown := free_names(tree[0]) - names:
        raise KernelRefusedError(f"{where} uses {min(unknown)}, which stands for nothing there")


def _may_be_read(node: ast.Name) -> bool:
    import builtins

    if node.id.startswith("__"):
        return False
    return not hasattr(builtins, node.id) or node.id in BUILTINS


def _attributes(tape: Tape) -> frozenset[str]:
    """Return the names that may follow a dot in a kernel: those of Triton's language."""
    modules = [
        _module(item.name)
        for item in tape.names.values()
        if isinstance(item, Named) and item.kind == "module"
    ]
    return frozenset(_language() | _public(modules)) - HIDDEN


@functools.cache  # as it is before a kernel is interpreted, which changes the library
def _language() -> frozenset[str]:
    language = _triton("language")
    owners: list[Any] = [language, language.math]
    kinds = ("tensor", "dtype", "pointer_type", "block_type", "constexpr", "tuple", "range")
    owners += [getattr(language, kind) for kind in kinds if hasattr(language, kind)]
    owners += [
        kind
        for name, kind in vars(language.core).items()
        if isinstance(kind, type) and name.startswith(("tensor_descriptor", "slice"))
    ]
    with contextlib.suppress(ImportError):
        owners.append(importlib.import_module("triton.language.extra.libdevice"))
    # What an instance has of its own; and the way to the library's parts.
    own = {"T", "append", "block_shape", "dtype", "element_ty", "numel", "shape", "strides", "type"}
    ways = {"cuda", "e", "extra", "inf", "language", "libdevice", "math", "pi", "value"}
    return frozenset(_public(owners) | own | ways)


def _public(owners: list[Any]) -> set[str]:
    return {
        name
        for owner in owners
        for name in dir(owner)
        if not name.startswith("_") and not _leads_elsewhere(owner, name)
    }


def _leads_elsewhere(owner: Any, name: str) -> bool:
    """Tell whether an attribute of a module is neither Triton's nor mathematics."""
    found = getattr(owner, name, None)
    if isinstance(found, types.ModuleType):
        return not found.__name__.startswith("triton.language.")
    if not isinstance(owner, types.ModuleType) or owner is math:
        return False
    module = getattr(found, "__module__", None) or getattr(type(found), "__module__", "")
    return str(module).split(".")[0] not in {"triton", "builtins"}
