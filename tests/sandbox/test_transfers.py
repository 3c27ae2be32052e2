"""Arrays of any layout between judge and child, also by the copies that another device needs.

No GPU is asked for: where a test says so, tensors on the CPU are treated as if they lay elsewhere,
and take every step that a CUDA tensor takes.
"""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.model import Isolation, Limits
from grader.sandbox import (
    ChildEnded,
    Session,
    StudentError,
    StudentFunction,
    TransferError,
    Worker,
    launch,
)
from grader.sandbox.inside import child
from grader.sandbox.wire import (
    arrays,
    decoding,
    dtypes,
    encoding,
    nodes,
    protocol,
)
from tests.support.in_thread import LIMITS, notebook, session_over


@contextmanager
def elsewhere() -> Iterator[None]:
    """Treat torch's tensors as lying on another device: copied there, and copied back."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "on_device", lambda flat, _device: flat.clone())
        patch.setattr(arrays, "on_host", lambda tensor: tensor.clone())
        yield


def bits(tensor: torch.Tensor) -> list[int]:
    fresh = torch.empty(tensor.shape, dtype=tensor.dtype).copy_(tensor.detach())
    found: list[int] = fresh.flatten().view(torch.uint8).tolist()
    return found


def identical(left: torch.Tensor, right: torch.Tensor) -> bool:
    """Tell whether two tensors are equal in dtype, shape and every bit."""
    return (left.dtype, left.shape) == (right.dtype, right.shape) and bits(left) == bits(right)


def storage(dtype: str) -> torch.Tensor:
    """Return 128 elements of a dtype, of any bits that it can have."""
    if dtype == "bool":
        return torch.randint(0, 2, (128,)).bool()
    size = dtypes.ITEM_BYTES[dtype]
    return torch.randint(0, 256, (128 * size,), dtype=torch.uint8).view(getattr(torch, dtype))


@st.composite
def tensors(draw: Callable[..., Any]) -> torch.Tensor:
    """Draw a view of 128 elements: any shape, strides and offset that stay within them."""
    flat = storage(draw(st.sampled_from(sorted(dtypes.TORCH_DTYPES))))
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    strides = [draw(st.integers(0, 9)) for _ in shape]
    reach = sum((max(n, 1) - 1) * s for n, s in zip(shape, strides, strict=True))
    view = flat.as_strided(shape, strides, draw(st.integers(0, 127 - reach)))
    return view.conj() if view.is_complex() and draw(st.booleans()) else view


VIEWS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "whole": lambda x: x,
    "transposed": lambda x: x.t(),
    "every other column": lambda x: x[:, ::2],
    "one column": lambda x: x[:, 3:4],
    "one element": lambda x: x[:1, 5:6],
    "strided one": lambda x: x.flatten()[::5][:1],
    "scalar": lambda x: x[2, 3],
    "empty": lambda x: x[:, :0],
    "expanded": lambda x: x[:, :1].expand(8, 5),
    "broadcast rows": lambda x: x[0].expand(3, 8),
    "windows": lambda x: x.flatten().unfold(0, 4, 2),
    "permuted": lambda x: x.reshape(2, 4, 8).permute(2, 0, 1),
    "offset": lambda x: x.flatten()[7:],
}
DTYPES = ["float16", "bfloat16", "float32", "int8", "bool", "complex64"]


def drawn(dtype: str) -> torch.Tensor:
    torch.manual_seed(7)
    return storage(dtype)[:64].reshape(8, 8).clone()


@pytest.mark.parametrize("place", ["cpu", "elsewhere"])
@settings(max_examples=300, deadline=None)
@given(tensor=tensors())
def test_any_layout_crosses_both_ways_unchanged(place: str, tensor: torch.Tensor) -> None:
    before = tensor.clone()
    with elsewhere() if place == "elsewhere" else pytest.MonkeyPatch.context():
        sent = encoding.Encoder(
            array_bytes=1 << 20, nesting=4, keep=_refuse, as_arguments=True
        )  # as the judge sends an argument
        node = sent.encode(tensor)
        sent.seal()
        there = _decoded(sent, node)
        assert identical(there, before)
        if not tensor.is_conj():
            assert there.stride() == tensor.stride() or not tensor.numel()
        back = encoding.Encoder(array_bytes=1 << 20, nesting=4, keep=_refuse)
        node = back.encode(there)
        back.seal()
        here = _decoded(back, node)
        assert identical(here, before)


def _refuse(value: Any) -> nodes.Opaque:
    raise AssertionError(f"{value!r} did not travel by value")


def _decoded(encoder: encoding.Encoder, node: Any) -> torch.Tensor:
    raw = [memoryview(bytearray(buffer)) for buffer in encoder.buffers]
    decoder = decoding.Decoder(raw, array_bytes=1 << 20, nesting=4, opaque=lambda node: node)
    found: torch.Tensor = decoder.decode(node)
    return found


@pytest.mark.parametrize("place", ["cpu", "elsewhere"])
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_call_gets_its_tensor_and_the_judge_the_result(place: str, view: str, dtype: str) -> None:
    def function(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, tuple[int, ...]]:
        return x, x.clone(), x.stride()

    argument = VIEWS[view](drawn(dtype))
    before = argument.clone()
    patched = elsewhere() if place == "elsewhere" else pytest.MonkeyPatch.context()
    with patched, notebook(f=function) as session:
        itself, copied, strides = session.value("f")(argument)
    assert identical(itself, before)
    assert identical(copied, before)
    assert identical(argument, before)
    assert strides == argument.stride() or not argument.numel()


@pytest.mark.parametrize("place", ["cpu", "elsewhere"])
@pytest.mark.parametrize("view", [name for name in VIEWS if name != "empty"])
def test_a_write_to_an_argument_is_seen_whatever_its_layout(place: str, view: str) -> None:
    def spoil(x: torch.Tensor) -> None:
        x[(0,) * x.dim()] = 99.0

    argument, expected = (VIEWS[view](drawn("float32").zero_()) for _ in range(2))
    spoil(expected)
    patched = elsewhere() if place == "elsewhere" else pytest.MonkeyPatch.context()
    with patched, notebook(f=spoil) as session:
        assert session.value("f")(argument) is None
    assert identical(argument, expected)


def test_a_gradient_does_not_keep_a_write_from_being_seen() -> None:
    def spoil(x: torch.Tensor) -> None:
        x.fill_(3.0)

    argument = torch.zeros(2, 2, requires_grad=True)
    with notebook(f=spoil) as session:
        session.value("f")(argument)
    assert argument.tolist() == [[3.0, 3.0], [3.0, 3.0]]


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.resize_(100),
        lambda x: x.t_(),
        lambda x: x.set_(torch.zeros(3)),
        lambda x: x.unsqueeze_(0),
        lambda x: setattr(x, "data", torch.zeros(7)),
    ],
    ids=["resized", "transposed", "other memory", "unsqueezed", "data"],
)
def test_a_student_who_changes_what_an_argument_is_brings_nothing_of_ours_down(
    change: Callable[[torch.Tensor], Any],
) -> None:
    def function(x: torch.Tensor) -> int:
        change(x)
        return 5

    with elsewhere(), notebook(f=function) as session:
        assert session.value("f")(torch.ones(2, 3)) == 5


# --- whose fault a failure is ------------------------------------------------------------------


@contextmanager
def failing(name: str) -> Iterator[None]:
    def fail(*_: Any) -> None:
        raise RuntimeError("the device is lost")

    with elsewhere(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, name, fail)
        yield


def call_in_a_notebook(function: Callable[..., Any], *args: Any) -> Any:
    with notebook(f=function) as session:
        return session.value("f")(*args)


def test_what_our_decoder_cannot_place_is_no_students_error() -> None:
    with failing("on_device"), pytest.raises(TransferError, match=r"^The arguments could not be"):
        call_in_a_notebook(lambda x: 1, torch.ones(2))  # noqa: ARG005


def test_what_our_encoder_cannot_fetch_is_no_students_error() -> None:
    with failing("on_host"), pytest.raises(TransferError, match=r"^The answer could not .* lost"):
        call_in_a_notebook(lambda: torch.ones(2))


def test_an_argument_that_the_judge_cannot_encode_is_no_students_error() -> None:
    with failing("on_host"), pytest.raises(TransferError, match=r"^The arguments could not be"):
        call_in_a_notebook(lambda x: 1, torch.ones(2))  # noqa: ARG005


def test_a_comparison_that_fails_is_no_students_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("self.stride(-1) must be 1 to view Half as Byte")

    monkeypatch.setattr(child.Given, "changed_memory", fail)
    with pytest.raises(TransferError, match="must be 1"):
        call_in_a_notebook(lambda x: 1, torch.ones(2))  # noqa: ARG005


def test_what_a_student_raises_is_the_students() -> None:
    def fail() -> None:
        raise RuntimeError("mine")

    with pytest.raises(StudentError, match="mine"):
        call_in_a_notebook(fail)
    with pytest.raises(StudentError, match="mine"), notebook(f=_steps) as session:
        list(session.value("f")())


def _steps() -> Iterator[int]:
    yield 1
    raise RuntimeError("mine")


def _odd(base: type, name: str) -> Any:
    def fail(*_: Any) -> None:
        raise RuntimeError("odd")

    return type("Odd", (base,), {name: fail})


@pytest.mark.parametrize(
    "make",
    [
        lambda: _odd(bytes, "__len__")(b"x"),
        lambda: type("Odd", (complex,), {"imag": property(lambda _: 1 / 0)})(1j),
        type("Odd", (), {"__class__": property(lambda _: float)}),
        type("Odd", (), {"__class__": property(lambda _: 1 / 0)}),
        lambda: np.zeros(2).view(type("Odd", (np.ndarray,), {"dtype": property(lambda _: 1 / 0)})),
        lambda: [{"a": (_odd(bytes, "__len__")(b"x"),)}],
    ],
    ids=["bytes", "complex", "class", "failing class", "array", "nested"],
)
def test_an_odd_object_cannot_pass_for_a_fault_of_ours(make: Callable[[], Any]) -> None:
    with contextlib.suppress(StudentError):
        call_in_a_notebook(make)


def test_a_fault_is_cut_and_ends_no_child() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        session = session_over(ours, LIMITS, 5)
        theirs.sendall(protocol.dump(protocol.Fault(1, "x" * 100_000)))
        reply, _ = session._conversation._channel.receive(2.0)
        with pytest.raises(TransferError) as caught:
            session._answers.result(reply, [])
        assert len(str(caught.value)) <= 500
        assert session.ended is None


# --- in a real child ---------------------------------------------------------------------------


ARRAYS = "sandbox.wire.arrays"
COPIED = {
    "return flat.to(device)": "return flat.clone()",
    "return tensor.cpu()": "return tensor.clone()",
}  # fmt: skip


@pytest.fixture(scope="module")
def copying_worker() -> Iterator[Worker]:
    """A worker in whose children tensors take the way of another device's."""
    original = launch.module_sources

    def changed() -> dict[str, str]:
        found = original()
        for old, new in COPIED.items():
            assert old in found[ARRAYS]
            found[ARRAYS] = found[ARRAYS].replace(old, new)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "module_sources", changed)
        worker = Worker(isolation=Isolation("none"))
    with worker:
        yield worker


def in_a_child(worker: Worker, source: str) -> tuple[Session, StudentFunction]:
    session = worker.session(Limits(), deadline=time.monotonic() + 600)
    assert session.run_cell(source, 1).failure is None
    return session, session.value("f")


def test_a_childs_copies_come_back(copying_worker: Worker) -> None:
    source = "def f(x, spoil):\n    if spoil: x[..., 0] = 7\n    return x * 2, x.transpose(0, -1)"
    session, function = in_a_child(copying_worker, source)
    with session:
        for view in ("transposed", "every other column", "one element", "expanded", "offset"):
            argument = VIEWS[view](drawn("float16"))
            before = argument.clone()
            doubled, turned = function(argument, False)
            assert identical(doubled, before * 2)
            assert identical(turned, before.transpose(0, -1))
            assert identical(argument, before)
        argument = drawn("bfloat16").t()
        function(argument, True)
        assert argument[:, 0].tolist() == [7.0] * 8


LOST = """
import torch
broken = False
def lose(): raise RuntimeError("an illegal memory access was encountered")
torch.cuda.is_initialized = lambda: broken
torch.cuda.synchronize = lose
def f(x):
    global broken
    broken = True
    return x
"""


@pytest.mark.parametrize("body", ["return x", "raise ValueError('first')"])
def test_a_child_that_broke_its_gpu_ends_at_once(copying_worker: Worker, body: str) -> None:
    session, function = in_a_child(copying_worker, LOST.replace("return x", body))
    with session, pytest.raises(ChildEnded, match="left the GPU unusable"):
        function(torch.ones(2))
    session, _ = in_a_child(copying_worker, LOST)
    with session, pytest.raises(ChildEnded, match="left the GPU unusable"):
        session.run_cell("broken = True", 2)
