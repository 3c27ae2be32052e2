"""Triton's interpreter, without what it does over and over within one launch.

At each call of a device function (`tl.sum` is one, and `tl.zeros`) it walks through all of Triton's
language to put its own functions into it, where they have been since the launch began: a third of
the time that a kernel takes there.
"""

import contextlib
import functools
import importlib
from collections.abc import Callable
from typing import Any

_in_this_launch: list[set[int]] = []  # for which globals the language is replaced, by launch


def replace_language_once() -> None:
    """Have the language replaced once a launch for the functions of each module.

    Nothing is changed where the interpreter of this version of Triton is made in another way.
    """
    with contextlib.suppress(ImportError, AttributeError):
        interpreter: Any = importlib.import_module("triton.runtime.interpreter")
        executor = interpreter.GridExecutor
        if not hasattr(interpreter._patch_lang, "__wrapped__"):  # noqa: SLF001 - it has no option
            launch = _one_launch(executor.__call__)
            interpreter._patch_lang = _once(interpreter._patch_lang)  # noqa: SLF001
            executor.__call__ = launch


def _one_launch(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def launch(*args: Any, **kwargs: Any) -> Any:
        _in_this_launch.append(set())
        try:
            return original(*args, **kwargs)
        finally:
            _in_this_launch.pop()

    return launch


def _once(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def replace(function: Any) -> Any:
        if not _in_this_launch:  # called from no launch: nobody undoes it, and nothing is known
            return original(function)
        done, key = _in_this_launch[-1], id(function.__globals__)
        if key in done:
            return _Nothing()
        scope = original(function)
        done.add(key)
        return scope

    return replace


class _Nothing:
    """What undoes no replacement."""

    def restore(self) -> None:
        """Do nothing."""
