"""A kernel's store outside of what it was given raises in the interpreter, and writes nothing."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from unittest import mock

import pytest
import torch

from grader.model import Limits
from grader.sandbox import StudentError, Worker
from grader.sandbox.inside import addresses, instruments

# Before any kernel is interpreted, whichever test comes first: see `preload`.
instruments.preload(kernels=True)

import triton  # noqa: E402 - only now does it interpret
import triton.language as tl  # noqa: E402
from triton.runtime import interpreter  # noqa: E402
from triton.runtime.errors import InterpreterError  # noqa: E402


@triton.jit
def _doubles(X, OUT, n, start, BLOCK: tl.constexpr, MASK: tl.constexpr):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    at = start + tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(X + at, mask=at < n, other=0.0)
    if MASK:
        tl.store(OUT + at, 2 * x, mask=at < n)
    else:
        tl.store(OUT + at, 2 * x)


@triton.jit
def _adds(X, OUT, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    at = tl.arange(0, BLOCK)
    tl.atomic_add(OUT + at, tl.load(X + at))


@triton.jit
def _reads(X, OUT, far):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    tl.store(OUT, tl.load(X + far))


@triton.jit
def _either(X, Y, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    at = tl.arange(0, BLOCK)
    tl.store(tl.where(at % 2 == 0, X + at, Y + at), 1.0)


@triton.jit
def _by_table(TABLE, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    place = tl.load(TABLE).to(tl.pointer_type(tl.float32))
    tl.store(place + tl.arange(0, BLOCK), 3.0)


@triton.jit
def _by_number(place, X, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    there = place.to(tl.pointer_type(tl.float32)) + tl.arange(0, BLOCK)
    tl.store(there, tl.load(X + tl.arange(0, BLOCK)))


@pytest.fixture
def memory() -> torch.Tensor:
    """Return 64 numbers, in the memory of whose first half a test's tensor lies."""
    return torch.zeros(64)


def half_of(memory: torch.Tensor, count: int = 32) -> torch.Tensor:
    """Return a tensor whose memory ends where this test says, not where it was made."""
    return torch.frombuffer(memory.numpy().data, dtype=torch.float32, count=count)


@pytest.fixture
def unwatched() -> Callable[[], ExitStack]:
    """Return what takes the protection away meanwhile."""
    names = (*addresses.STORES, *addresses.LOADS)
    builder = interpreter.InterpreterBuilder

    def off() -> ExitStack:
        stack = ExitStack()
        for name in names:
            inner = getattr(builder, name).__wrapped__
            stack.enter_context(mock.patch.object(builder, name, inner))
        return stack

    return off


def doubled(out: torch.Tensor, n: int, programs: int, *, mask: bool, start: int = 0) -> None:
    _doubles[(programs,)](torch.ones(n), out, n, start, BLOCK=16, MASK=mask)


@pytest.mark.parametrize(
    ("n", "programs", "start", "said"),
    [
        (30, 2, 0, "element 30 of `OUT`, whose memory holds the elements 0 to 29"),  # no mask
        (32, 3, 0, "element 32 of `OUT`, whose memory holds the elements 0 to 31"),  # a program
        (32, 1, -4, "element -4 of `OUT`, whose memory holds the elements 0 to 31"),
    ],
)
def test_a_store_outside_of_the_memory_raises_and_writes_nothing(
    unwatched: Callable[[], ExitStack], n: int, programs: int, start: int, said: str
) -> None:
    whole = torch.zeros(96)
    before, behind = whole[:8], whole[8 + n :]
    out = torch.frombuffer(whole.numpy()[8:].data, dtype=torch.float32, count=n)
    with pytest.raises(InterpreterError, match="a store would write " + said):
        doubled(out, n, programs, mask=False, start=start)
    assert not before.any()
    assert not behind.any()
    doubled(out, n, 2, mask=True)
    assert out.eq(2).all()
    whole[:] = 7
    with unwatched():  # it changes what is not its own, and nobody is told
        doubled(out, n, programs, mask=False, start=start)
    assert (before != 7).any() or (behind != 7).any()


def test_an_atomic_addition_is_a_store(memory: torch.Tensor) -> None:
    with pytest.raises(InterpreterError, match="element 24 of `OUT`"):
        _adds[(1,)](torch.ones(32), half_of(memory, 24), BLOCK=32)
    assert not memory.any()
    _adds[(1,)](torch.ones(32), half_of(memory), BLOCK=32)
    assert memory[:32].eq(1).all()


def test_a_view_may_be_left_for_the_memory_that_it_is_a_view_of() -> None:
    padded = torch.zeros(48)
    doubled(padded[8:38], 30, 2, mask=False)
    assert padded[8:38].eq(2).all()
    with pytest.raises(InterpreterError, match=r"element 40 of `OUT`.* elements -8 to 39"):
        doubled(padded[8:38], 40, 3, mask=False)


def test_a_load_may_go_as_far_as_the_margin() -> None:
    out = torch.zeros(1)
    x = torch.arange(1 << 16, dtype=torch.float32)
    inside = torch.frombuffer(x.numpy().data, dtype=torch.float32, count=10)
    last = 10 + addresses.MARGIN // 4 - 1
    _reads[(1,)](inside, out, last)
    assert out.item() == last
    with pytest.raises(InterpreterError, match=f"read element {last + 1:,} of `X`"):
        _reads[(1,)](inside, out, last + 1)


def test_addresses_that_come_from_elsewhere_are_not_judged() -> None:
    # Of much memory, which lies where its address is no number that a size could be.
    x, y = torch.zeros(1 << 22)[:16], torch.zeros(16)
    _either[(1,)](x, y, BLOCK=16)
    assert x.sum() == y.sum() == 8
    _by_table[(1,)](torch.tensor([x.data_ptr()]), BLOCK=16)
    assert x.eq(3).all()
    _by_number[(1,)](x.data_ptr(), y, BLOCK=16)
    assert x.equal(y)


def test_from_far_away_no_argument_is_named() -> None:
    with pytest.raises(InterpreterError, match="would read far outside of each argument's memory"):
        _reads[(1,)](torch.zeros(4), torch.zeros(1), 1 << 38)


def test_an_empty_argument_is_called_empty() -> None:
    with pytest.raises(InterpreterError, match="element 0 of `OUT`, which is empty"):
        doubled(torch.empty(0), 16, 1, mask=False)


KERNEL = """
import torch, triton, triton.language as tl

@triton.jit
def fill(OUT, start, BLOCK: tl.constexpr):
    at = start + tl.arange(0, BLOCK)
    tl.store(OUT + at, 1.0)

def filled(x, start):
    out = torch.empty_like(x)
    fill[(1,)](out, start, BLOCK=16)
    return out
"""


def test_a_students_store_ends_no_process_and_is_told_with_its_line(kernel_worker: Worker) -> None:
    with kernel_worker.session(Limits(), deadline=time.monotonic() + 600) as child:
        assert child.run_cell(KERNEL, 1).failure is None
        filled = child.value("filled")
        for call in (filled, filled.observe):
            with pytest.raises(StudentError) as caught:
                call(torch.zeros(16), 1 << 30)  # far from all that there is
            assert "element 1,073,741,824 of `OUT`" in str(caught.value)
            assert "tl.store(OUT + at, 1.0)" in caught.value.describe()
        assert filled(torch.zeros(16), 0).eq(1).all()
