"""Triton's interpreter, without what it does over and over within one launch, or for nothing.

At each call of a device function (`tl.sum` is one, and `tl.zeros`) it walks through all of Triton's
language to put its own functions into it, where they have been since the launch began: a third of
the time that a kernel takes there. For each sum and product of integers it computes whether that
overflows, and drops the answer, since it does not debug: nearly half of what is left. For each
array it lists all dtypes to look one up.
"""

import contextlib
import functools
import importlib
from collections.abc import Callable
from typing import Any

_in_this_launch: list[set[int]] = []  # for which globals the language is replaced, by launch


def hasten() -> None:
    """Have the language replaced once a launch, and nothing computed that is dropped.

    What is not made as in the version of Triton that this was written for is left as it is.
    """
    with contextlib.suppress(ImportError):
        interpreter: Any = importlib.import_module("triton.runtime.interpreter")
        for change in (_replace_language_once, _check_overflow_where_it_counts, _remember_dtypes):
            with contextlib.suppress(AttributeError):
                change(interpreter)


def _replace_language_once(interpreter: Any) -> None:
    """Have the language replaced once a launch for the functions of each module."""
    executor = interpreter.GridExecutor
    if not hasattr(interpreter._patch_lang, "__wrapped__"):  # noqa: SLF001 - it has no option
        launch = _one_launch(executor.__call__)
        interpreter._patch_lang = _once(interpreter._patch_lang)  # noqa: SLF001
        executor.__call__ = launch


def _check_overflow_where_it_counts(interpreter: Any) -> None:
    """Have no overflow looked for where an assertion of a kernel is not looked at either.

    What compiles kernels has another such object, and is left as it is.
    """
    semantic = interpreter.interpreter_semantic
    original = semantic.binary_op_sanitize_overflow_impl
    if not hasattr(original, "__wrapped__"):

        @functools.wraps(original)
        def check(*args: Any) -> None:
            if semantic.builder.options.debug:
                original(*args)

        semantic.binary_op_sanitize_overflow_impl = check


def _remember_dtypes(interpreter: Any) -> None:
    """Have the NumPy dtype of each of Triton's element types looked up once."""
    original = interpreter._get_np_dtype  # noqa: SLF001 - it has no option
    block, element = interpreter.tl.block_type, interpreter.tl.dtype
    known: dict[str, Any] = {}
    if hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    def look_up(of: Any) -> Any:
        kind = of.element_ty if isinstance(of, block) else of
        if type(kind) is not element:  # a pointer, or what it has no dtype for
            return original(of)
        if kind.name not in known:
            known[kind.name] = original(of)
        return known[kind.name]

    interpreter._get_np_dtype = look_up  # noqa: SLF001


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
