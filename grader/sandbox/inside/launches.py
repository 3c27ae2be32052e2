"""Kernel launches from Python, as they happen: what was launched, and with what."""

import contextlib
import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Context = Callable[[], contextlib.AbstractContextManager[Any]]


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

    def grid(self) -> list[int]:
        """Return how many programs are launched along each axis."""
        grid = self.keywords["grid"]
        if callable(grid):
            signature = inspect.signature(self.kernel.fn)
            known = {k: v for k, v in self.keywords.items() if k in signature.parameters}
            bound = signature.bind_partial(*self.arguments, **known)
            bound.apply_defaults()
            grid = grid({**self.keywords, **bound.arguments})
        return [int(size) for size in (grid if isinstance(grid, tuple | list) else (grid,))]


def is_kernel(value: Any) -> bool:
    """Tell whether something is a function under `triton.jit`."""
    return isinstance(value, tuple(_kernel_classes()))


@contextlib.contextmanager
def noted_launches(
    note: Callable[[Launch], Any], *, while_tuning: Context = contextlib.nullcontext
) -> Iterator[None]:
    """Tell `note` of each launch from Python; the kernel runs only if it answers true.

    Where Triton still has to choose among a kernel's configurations it does so first, within
    `while_tuning`: those launches run, and nobody is told of them.
    """
    tuning = [False]

    def note_unless_tuning(launch: Launch) -> Any:
        return tuning[0] or note(launch)

    with contextlib.ExitStack() as undo:
        for owner in _kernel_classes():
            undo.enter_context(_replaced_run(owner, _noted(owner.run, note_unless_tuning)))
        for owner in _tuner_classes():
            run = _tuned_first(owner.run, tuning, while_tuning)
            undo.enter_context(_replaced_run(owner, run))
        yield


def _noted(original: Callable[..., Any], note: Callable[[Launch], Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("warmup") or note(Launch(self, args, kwargs)):
            return original(self, *args, **kwargs)
        return None

    return run


def _tuned_first(
    original: Callable[..., Any], tuning: list[bool], while_tuning: Context
) -> Callable[..., Any]:
    @functools.wraps(original)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        if len(self.configs) > 1:
            tuning[0] = True
            try:
                with while_tuning():
                    original(self, *args, **kwargs)
            finally:
                tuning[0] = False
        return original(self, *args, **kwargs)

    return run


@contextlib.contextmanager
def _replaced_run(owner: Any, run: Callable[..., Any]) -> Iterator[None]:
    original = owner.run
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


def _tuner_classes() -> list[Any]:
    if "triton" not in sys.modules:
        return []
    with contextlib.suppress(ImportError, AttributeError):
        return [importlib.import_module("triton.runtime.autotuner").Autotuner]
    return []
