"""A call in a student's process, written down as a tape that runs elsewhere.

Nothing here is believed: what a tape gives is found out by running it (`bench`).
"""

import ast
import builtins
import importlib
import inspect
import textwrap
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

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
from .dispatch import noting
from .launches import Launch, is_kernel, noted_launches

MAX_GIVEN_BYTES = 64 << 20
MAX_STEPS = 20_000
MAX_LITERAL = 16
SMALL_INT = 2**63
PLAIN_MODULES = frozenset({"math"})  # beside Triton's


class UnrecordableError(Exception):
    """A call does what no tape can hold; the sentence says what."""


def record(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Tape, list[Any]]:
    """Call the function with its kernels left out; return a tape and the tensors beside it.

    Raises UnrecordableError where the call cannot be written down, and what the call raises.
    """
    import torch

    inputs = list(tensors_in([*args, *kwargs.values()]))
    recorder = _Recorder(inputs)
    log = recorder.log()
    with torch.no_grad(), log, noted_launches(recorder.launch, while_tuning=recorder.off):
        value = function(*args, **kwargs)
    result = recorder.item(value)
    if recorder.problem:
        raise UnrecordableError(recorder.problem)
    kernels = recorder.kernels
    tape = Tape(
        len(inputs), kernels.functions, kernels.names, recorder.steps, result, recorder.literals
    )
    return tape, recorder.given


def tensors_in(value: Any) -> Iterator[Any]:
    """Yield the tensors somewhere in lists, tuples and dicts, in order."""
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))


class _Recorder:
    """Notes each operation and launch of one call, and numbers the tensors as they come."""

    def __init__(self, inputs: list[Any]) -> None:
        self.steps: list[Given | Operation | KernelLaunch] = []
        self.given: list[Any] = []
        self.literals = 0
        self.problem = ""
        self.kernels = _Kernels(self)
        self._kept: list[Any] = []  # what is alive keeps its id
        self._numbers: dict[int, int] = {}
        self._room = MAX_GIVEN_BYTES
        for tensor in inputs:
            self._number(tensor)

    def refuse(self, problem: str) -> None:
        """Remember the first thing that no tape can hold; the call goes on."""
        self.problem = self.problem or problem

    def _number(self, tensor: Any) -> None:
        self._numbers[id(tensor)] = len(self._kept)
        self._kept.append(tensor)

    def log(self) -> Any:
        """Return the context in which torch's operations are noted."""
        return noting(self.operation)

    @staticmethod
    def off() -> Any:
        """Return a context in which nothing is noted."""
        from torch.utils import _python_dispatch

        return _python_dispatch._disable_current_modes()  # noqa: SLF001 - there is no public one

    def operation(self, func: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
        """Run one of torch's operations and note it."""
        name = str(func.name())
        before = len(self.given)
        arguments = [self.item(item) for item in args]
        keywords = {key: self.item(item) for key, item in kwargs.items()}
        if name.startswith("aten::lift_fresh"):
            # So come tensors from numbers in the call's text, and NumPy's arrays.
            new = self.given[before:]
            self.literals += sum(tensor.numel() <= MAX_LITERAL for tensor in new)
        result = func(*args, **kwargs)
        self._step(Operation(name, arguments, keywords))
        for tensor in tensors_in(result):
            self._number(tensor)
        return result

    def launch(self, launch: Launch) -> bool:
        """Note a launch; the kernel is not to run."""
        name = self.kernels.add(launch.kernel)
        keywords = {
            key: self.item(item)
            for key, item in launch.keywords.items()
            if key not in {"grid", "warmup"}
        }
        arguments = [self.item(item) for item in launch.arguments]
        self._step(KernelLaunch(name, launch.grid(), arguments, keywords))
        return False

    def _step(self, step: Given | Operation | KernelLaunch) -> None:
        if len(self.steps) >= MAX_STEPS:
            self.refuse(f"it makes more than {MAX_STEPS:,} operations")
            return
        self.steps.append(step)

    def item(self, value: Any) -> Item:
        """Return how an argument or a result stands on the tape."""
        import torch

        value = _plain(value)
        match value:
            case torch.Tensor():
                return self._ref(value)
            case list() | tuple():
                return Items([self.item(item) for item in value], isinstance(value, tuple))
            case torch.dtype() | torch.layout() | torch.memory_format() | torch.device():
                return Named(type(value).__name__, str(value).removeprefix("torch."))
        if value is None or isinstance(value, bool | str | float):
            return value
        if isinstance(value, int) and -SMALL_INT <= value < SMALL_INT:
            return value
        return self._of_triton(value)

    def _of_triton(self, value: Any) -> Item:
        kind = type(value).__name__
        if is_kernel(value):
            return Named("kernel", self.kernels.add(value))
        if _is_tritons(value):
            if kind == "constexpr":
                return Constexpr(self.item(value.value))
            if kind == "dtype":
                return Named("tl", str(value.name))
            if kind == "TensorDescriptor":
                numbers = ([int(n) for n in part] for part in (value.shape, value.strides,
                                                               value.block_shape))  # fmt: skip
                base = self.item(value.base)
                if isinstance(base, Ref):
                    return Descriptor(base, *numbers)
        self.refuse(f"a {kind} takes part, which cannot be handed over")
        return None

    def _ref(self, tensor: Any) -> Ref:
        if id(tensor) not in self._numbers:
            self._give(tensor)
        return Ref(self._numbers[id(tensor)])

    def _give(self, tensor: Any) -> None:
        """Take a tensor that nothing on the tape has made: its value now travels with it."""
        with self.off():
            try:
                size = tensor.untyped_storage().nbytes()
                self._room -= size
                copy = tensor.detach().clone() if self._room >= 0 else None
            except Exception:  # noqa: BLE001 - a subclass of a student's may raise anything
                copy = None
        if copy is None:
            self.refuse("it uses a tensor from elsewhere that is too large or cannot be copied")
        else:
            self._step(Given(len(self.given)))
            self.given.append(copy)
        self._number(tensor)


class _Kernels:
    """The functions that launches need, as text, and what their names stand for."""

    def __init__(self, recorder: _Recorder) -> None:
        self.functions: list[Function] = []
        self.names: dict[str, Item] = {}
        self._recorder = recorder
        self._known: dict[str, Any] = {}

    def add(self, kernel: Any) -> str:
        """Take a kernel and all that it uses; return its name."""
        function = kernel.fn
        name = str(function.__name__)
        if name in self._known:
            if self._known[name] is not function:
                self._recorder.refuse(f"two kernels are called {name}")
            return name
        self._known[name] = function
        try:
            source, tree = _definition(function)
        except (OSError, TypeError, SyntaxError, ValueError):
            self._recorder.refuse(f"the text of the kernel {name} cannot be read")
            return name
        self.functions.append(Function(name, source))
        for used, value in _used(tree, function):
            self._use(name, used, value)
        return name

    def _use(self, kernel: str, name: str, value: Any) -> None:
        if is_kernel(value) and not _is_tritons(value.fn):
            stands_for = self.add(value)
            if stands_for == name:
                return
            found: Item = Named("kernel", stands_for)
        else:
            found = self._named(kernel, name, value)
        if name in self._known or self.names.get(name, found) != found:
            self._recorder.refuse(f"two things in the kernels are called {name}")
        self.names[name] = found

    def _named(self, kernel: str, name: str, value: Any) -> Item:
        if isinstance(value, types.ModuleType):
            if value.__name__.split(".")[0] == "triton" or value.__name__ in PLAIN_MODULES:
                return Named("module", value.__name__)
        elif isinstance(value, bool | int | float | str | tuple | None) or _is_a_constant(value):
            return self._recorder.item(value)
        elif place := _place_in_triton(value):
            return Named("member", place)
        kind = getattr(value, "__name__", None) or type(value).__name__
        self._recorder.refuse(f"the kernel {kernel} uses {name} ({kind}), which is not Triton's")
        return None


def _plain(value: Any) -> Any:
    """Return a number of NumPy's or torch's, or a subclass's instance, as one of Python's."""
    if type(value).__module__.split(".")[0] == "numpy" and hasattr(value, "item"):
        return value.item() if getattr(value, "ndim", 1) == 0 else value
    for kind in (int, float, str):
        if isinstance(value, kind) and type(value) not in {kind, bool}:
            return kind(value)
    return value


def _is_tritons(value: Any) -> bool:
    module = getattr(type(value), "__module__", "")
    if isinstance(value, types.FunctionType):
        module = value.__module__ or ""
    return module.split(".")[0] == "triton"


def _is_a_constant(value: Any) -> bool:
    return _is_tritons(value) and type(value).__name__ in {"constexpr", "dtype"}


def _place_in_triton(value: Any) -> str | None:
    """Return the full name of something that a module of Triton's has, or None."""
    inner = value.fn if is_kernel(value) else value
    module, name = getattr(inner, "__module__", None), getattr(inner, "__name__", None)
    if not isinstance(module, str) or not isinstance(name, str):
        return None
    if module.split(".")[0] != "triton":
        return None
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        return None
    return f"{module}.{name}" if found is value else None


def _definition(function: Any) -> tuple[str, ast.FunctionDef]:
    """Return a function's text without its decorators, and what it parses to."""
    lines = textwrap.dedent(inspect.getsource(function)).splitlines()
    node = ast.parse("\n".join(lines)).body[0]
    if not isinstance(node, ast.FunctionDef) or node.name != function.__name__:
        raise ValueError(function.__name__)
    text = "\n".join(lines[node.lineno - 1 : node.end_lineno]) + "\n"
    return text, node


def _used(tree: ast.FunctionDef, function: Any) -> Iterator[tuple[str, Any]]:
    """Yield the names that a function reads and does not bind, with what they stand for."""
    space = {**function.__globals__, **inspect.getclosurevars(function).nonlocals}
    for name in sorted(free_names(tree)):
        if name in space:
            yield name, space[name]
        # A name that stands for nothing raises where the kernel runs, as it would have here.


def free_names(tree: ast.FunctionDef) -> set[str]:
    """Return the names that a function reads and neither binds nor has from Python itself."""
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    bound = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    read = {node.id for node in names if isinstance(node.ctx, ast.Load)}
    return {name for name in read - bound if not hasattr(builtins, name)}
