"""Kernel launches from Python, as they happen: what was launched, and with what."""

import contextlib
import functools
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


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


@contextlib.contextmanager
def noted_launches(note: Callable[[Launch], Any]) -> Iterator[None]:
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
