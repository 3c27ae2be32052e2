"""Triton's interpreter does less than it came with, and gives the same numbers and errors."""

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


@triton.jit
def _next(x, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    tl.store(out, tl.load(x) + 1)


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


@pytest.fixture
def overflow_checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the operations of which Triton's own interpreter looks whether they overflow."""
    semantic, seen = interpreter.interpreter_semantic, []
    cast = type(semantic).less_equal

    def note(self: Any, *args: Any) -> Any:
        seen.append("compared with the largest")
        return cast(self, *args)

    monkeypatch.setattr(type(semantic), "less_equal", note)
    return seen


def next_of(number: int) -> int:
    x, out = torch.tensor([number], dtype=torch.int32), torch.zeros(1, dtype=torch.int32)
    _next[(1,)](x, out)
    return int(out.item())


def test_an_overflow_is_looked_for_only_where_it_would_be_told(
    overflow_checks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    largest = 2**31 - 1
    assert next_of(largest) == -largest - 1
    assert overflow_checks == []
    semantic = interpreter.interpreter_semantic
    with monkeypatch.context() as original:
        check = semantic.binary_op_sanitize_overflow_impl.__wrapped__
        original.setattr(semantic, "binary_op_sanitize_overflow_impl", check)
        assert next_of(largest) == -largest - 1
        assert overflow_checks
    debugs = interpreter.InterpreterOptions(debug=True)
    monkeypatch.setattr(interpreter.interpreter_builder, "options", debugs)
    assert next_of(41) == 42
    with pytest.raises(triton.runtime.errors.InterpreterError, match="int32 overflow"):
        next_of(largest)


def test_each_type_has_the_dtype_that_triton_gives_it() -> None:
    look_up = interpreter._get_np_dtype
    kinds = [kind for kind in vars(tl).values() if type(kind) is tl.dtype and kind.name != "void"]
    assert len(kinds) >= 15
    for kind in kinds:
        for of in (kind, tl.block_type(kind, [4]), tl.pointer_type(kind)):
            assert look_up(of) == look_up(of) == look_up.__wrapped__(of)
    with pytest.raises(KeyError):
        look_up(tl.void)


def test_a_kernel_compiles_after_it_was_interpreted() -> None:
    for _ in range(2):
        assert total(2) == sum(range(16))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            given = (torch.zeros(16), torch.zeros(1)), {"PARTS": 2}
            [found] = instruments.compile_kernels(_total[(1,)], *given, ("sm_80",))
        assert not found.error
