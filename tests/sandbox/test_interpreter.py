"""Triton's interpreter replaces the language once a launch, and gives the same numbers."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch

from grader.sandbox.inside import instruments

# Before any kernel is interpreted, whichever test comes first: see `preload`.
instruments.preload(kernels=True)

import triton  # noqa: E402 - only now does it interpret
import triton.language as tl  # noqa: E402
from triton.runtime import interpreter  # noqa: E402


@triton.jit
def _part(start, i):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return tl.load(start + 8 * i + tl.arange(0, 8))


@triton.jit
def _total(x, out, PARTS: tl.constexpr):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    total = tl.zeros([], tl.float32)
    for i in range(PARTS):
        total += tl.sum(_part(x, i), 0)
    tl.store(out, total)


@triton.jit
def _fails(x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    tl.sum(_part(x, 0), 7)


def total(parts: int) -> float:
    x, out = torch.arange(8.0 * parts), torch.empty(1)
    _total[(1,)](x, out, PARTS=parts)
    return out.item()


@pytest.fixture
def replaced(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], int]:
    """Return what counts the parts of the language that are replaced in a launch with calls."""
    seen: list[Any] = []
    original = interpreter._patch_builtin

    def note(part: Any, *rest: Any) -> None:
        seen.append(part)
        original(part, *rest)

    monkeypatch.setattr(interpreter, "_patch_builtin", note)

    def count(parts: int) -> int:
        seen.clear()
        assert total(parts) == sum(range(8 * parts))
        return len(seen)

    return count


def test_what_a_launch_replaces_does_not_grow_with_the_calls_in_it(
    replaced: Callable[[int], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced(2)
    assert 0 < replaced(2) == replaced(20)
    monkeypatch.setattr(interpreter, "_patch_lang", interpreter._patch_lang.__wrapped__)
    assert replaced(20) > 2 * replaced(2)


def test_each_launch_begins_anew_also_after_one_that_failed() -> None:
    before = tl.load
    for _ in range(2):
        with pytest.raises(triton.runtime.errors.InterpreterError):
            _fails[(1,)](torch.zeros(8))
        assert tl.load is before
        assert total(3) == sum(range(24))
        assert tl.load is before


def test_a_kernel_compiles_after_it_was_interpreted() -> None:
    for _ in range(2):
        assert total(2) == sum(range(16))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            given = (torch.zeros(16), torch.zeros(1)), {"PARTS": 2}
            [found] = instruments.compile_kernels(_total[(1,)], *given, ("sm_80",))
        assert not found.error
