"""What crosses between judge and child: values come back as they were, lies end the child."""

import math
import resource
import socket
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.model import Limits
from grader.sandbox import (
    ChildEnded,
    StudentError,
)
from grader.sandbox.handover import Handover
from grader.sandbox.wire import channel as wire
from grader.sandbox.wire import dtypes, encoding, nodes, protocol
from tests.support.in_thread import session_over

LIMITS = Limits(frame_bytes=200_000, array_bytes=1 << 22, nesting=32)
DTYPES = sorted(dtypes.NUMPY_DTYPES)


def handed_over(arguments: list[Any]) -> Handover:
    encoder = encoding.Encoder(
        array_bytes=1 << 22, nesting=32, as_arguments=True,
        keep=lambda item: nodes.Opaque(1, type(item).__name__, callable(item)),
    )  # fmt: skip
    for value in arguments:
        encoder.encode(value)
    encoder.seal()
    return Handover(encoder)


def receive(data: bytes, arguments: list[Any] | None = None) -> Any:
    """Return what a session makes of bytes that arrive after a call."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(target=lambda: (theirs.sendall(data), theirs.close()))
        sender.start()
        judge = session_over(ours, LIMITS, 60)
        try:
            reply, buffers = judge._conversation._channel.receive(60.0)
            return judge._answers.result(reply, buffers, handed_over(arguments or []))
        finally:
            ours.close()
            sender.join()


def encode(value: Any, arguments: tuple[Any, ...] = ()) -> bytes:
    """Return the frame in which a child answers with a value."""
    encoder = encoding.Encoder(
        array_bytes=1 << 22, nesting=32, arguments=arguments,
        keep=lambda item: nodes.Opaque(1, type(item).__name__, callable(item)),
    )  # fmt: skip
    node = encoder.encode(value)
    encoder.seal()
    sizes = [buffer.nbytes for buffer in encoder.buffers]
    return protocol.dump(protocol.Answer(1, node, sizes)) + b"".join(map(bytes, encoder.buffers))


def same(left: Any, right: Any) -> bool:
    """Tell whether two values are equal in type, dtype, shape and every bit."""
    if type(left) is not type(right):
        return False
    if isinstance(left, np.ndarray | np.generic):
        return left.dtype == right.dtype and left.shape == right.shape and (
            left.tobytes() == right.tobytes()
        )  # fmt: skip
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same(list(left.items()), list(right.items()))
    if isinstance(left, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    return bool(left == right)


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
arrays = st.sampled_from(DTYPES).flatmap(
    lambda name: hnp.arrays(name, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)
anything = st.recursive(
    plain | arrays,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(anything)
def test_a_value_comes_back_as_the_base_value_it_was(value: Any) -> None:
    assert same(receive(encode(value)), value)


@settings(deadline=None)
@given(st.binary(max_size=4_000))
def test_bytes_that_are_no_reply_end_the_child_or_the_wait(data: bytes) -> None:
    with pytest.raises(
        (nodes.ProtocolViolationError, wire.ChannelClosedError, ChildEnded, StudentError)
    ):
        receive(data)


odd = st.integers(-(2**63), 2**64 - 1) | st.integers(-2, 40)
array_nodes = st.builds(
    nodes.Array,
    library=st.sampled_from(["numpy", "torch", "json"]),
    dtype=st.sampled_from([*sorted(dtypes.TORCH_DTYPES), "object", "O8", "U4"]),
    shape=st.lists(odd, max_size=5),
    strides=st.lists(odd, max_size=5),
    offset=odd,
    buffer=st.integers(-1, 3),
    device=st.sampled_from(["cpu", "cuda", "meta"]),
)
any_nodes = st.recursive(
    array_nodes
    | st.builds(nodes.Alias, st.integers(-1, 2), array_nodes, st.lists(odd, max_size=4), odd)
    | st.builds(nodes.Scalar, st.sampled_from([*DTYPES, "object"]), st.binary(max_size=17))
    | st.builds(nodes.BigInt, st.text(max_size=20))
    | st.builds(nodes.Text, odd)
    | st.builds(nodes.Bytes, odd)
    | st.builds(nodes.Opaque, odd, st.text(max_size=5), st.booleans())
    | st.none(),
    lambda inner: (
        st.builds(nodes.Sequence, st.lists(inner, max_size=3), st.booleans())
        | st.builds(nodes.Mapping, st.lists(st.tuples(inner, inner), max_size=3))
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(any_nodes, st.lists(st.integers(0, 64), max_size=2))
def test_a_reply_that_contradicts_itself_ends_the_child(node: Any, sizes: list[int]) -> None:
    frame = protocol.dump(protocol.Answer(1, node, sizes)) + bytes(sum(sizes))
    try:
        receive(frame, [np.zeros(4), torch.zeros(2, 2)])
    except (ChildEnded, nodes.ProtocolViolationError):
        return


@pytest.mark.parametrize(
    "array",
    [
        torch.arange(12.0).reshape(3, 4).t(),
        torch.ones(2, 3, dtype=torch.bfloat16),
        torch.tensor(3),
        torch.zeros(0, 5),
        torch.tensor([True, False]),
        torch.tensor([1 + 2j], dtype=torch.complex64).conj(),
        torch.ones(2, requires_grad=True) * 2,
    ],
    ids=["transposed", "bfloat16", "0-d", "empty", "bool", "conjugated", "needs grad"],
)
def test_a_tensor_comes_back_with_its_dtype_shape_and_dense_strides(array: torch.Tensor) -> None:
    back = receive(encode(array))
    assert type(back) is torch.Tensor
    assert (back.dtype, back.shape, back.stride()) == (array.dtype, array.shape, array.stride())
    assert torch.equal(back, array.detach().resolve_conj())


def test_a_dense_numpy_result_keeps_its_strides() -> None:
    array = np.arange(12.0).reshape(3, 4).T
    back = receive(encode(array))
    assert back.strides == array.strides
    assert np.array_equal(back, array)


@pytest.mark.parametrize("make", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize(
    "view",
    [lambda x: x, lambda x: x[1:], lambda x: x[:, ::2], lambda x: x.T, lambda x: x[1, 1:]],
    ids=["itself", "rows", "columns", "transposed", "slice"],
)
def test_a_view_of_an_argument_comes_back_as_that_view(
    make: Callable[..., Any], view: Callable[..., Any]
) -> None:
    theirs, ours = make(np.arange(16.0).reshape(4, 4)), make(np.arange(16.0).reshape(4, 4))
    back = receive(encode(view(theirs), arguments=(theirs,)), [ours])
    assert bool((back == view(ours)).all())
    assert bool((ours == theirs).all())
    assert np.shares_memory(np.asarray(back), np.asarray(ours))
    assert (back is ours) == (view(ours) is ours)


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 5), max_size=3),
    st.lists(st.integers(-9, 9), max_size=3),
    st.integers(-12, 12),
)
def test_no_claim_of_an_alias_reaches_what_lies_between_the_elements(
    shape: list[int], strides: list[int], offset: int
) -> None:
    base = np.full((6, 4), 7.0)
    argument = base[1:5, :3]
    argument[...] = 1.0
    count = math.prod(shape)
    node = nodes.Array("numpy", "float64", shape, [0] * len(shape), 0, 0)
    alias = nodes.Alias(0, node, strides, offset)
    frame = protocol.dump(protocol.Answer(1, alias, [8])) + np.float64(1.0).tobytes()
    try:
        back = receive(frame, [argument])
    except (ChildEnded, nodes.ProtocolViolationError):
        return
    assert back.shape == tuple(shape)
    assert back.sum() == count


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (protocol.Answer(1, nodes.Mapping([(nodes.BigInt(hex(n * (2**61 - 1))), n)
                                              for n in range(2_000)]), []), "keys of one hash"),
        (protocol.Answer(1, nodes.Mapping([(nodes.Mapping([]), 1)]), []), "hashed"),
        (protocol.Answer(1, nodes.BigInt("f" * 9_000), []), "longer than its limit"),
        (protocol.Answer(1, nodes.Text(0), []), "was not sent"),
        (protocol.Answer(1, None, [1 << 40]), "larger buffers"),
        (protocol.Answer(1, None, [-1]), "negative"),
        (protocol.Answer(1, None, [0] * 40_000), "too many buffers"),
        (protocol.Answer(1, None, [], [(7, 0)]), "was not sent"),
        (protocol.Answer(1, None, [], [(0, 7)]), "was not sent"),
        (protocol.Answer(1, None, [], [], [(0, nodes.Sequence([]))]), "was not sent"),
        (protocol.Answer(1, nodes.Sequence([nodes.Repeat(0)]), []), "was not sent"),
        (protocol.Missing(1), "something else"),
    ],
)  # fmt: skip
def test_a_broken_reply_says_what_is_broken(body: Any, says: str) -> None:
    with pytest.raises((ChildEnded, nodes.ProtocolViolationError), match=says):
        receive(protocol.dump(body))


def test_memory_follows_what_was_sent_and_not_what_was_announced() -> None:
    wide = Limits(array_bytes=1 << 31)
    ours, theirs = socket.socketpair()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with ours, theirs:
        theirs.sendall(protocol.dump(protocol.Answer(1, None, [1 << 30])))
        channel = wire.Channel(ours, receives="reply", frame_bytes=1_000_000,
                               array_bytes=wide.array_bytes)  # fmt: skip
        with pytest.raises(TimeoutError):
            channel.receive(0.2)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_a_frame_sent_in_drops_has_one_deadline() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stop = threading.Event()

        def drip() -> None:
            theirs.sendall((1000).to_bytes(4, "little"))
            while not stop.wait(0.02):
                theirs.send(b"\x90")

        thread = threading.Thread(target=drip)
        thread.start()
        channel = wire.Channel(ours, receives="reply", frame_bytes=2000, array_bytes=0)
        with pytest.raises(TimeoutError):  # and no complaint of the frame, once it is all there
            channel.receive(0.3)
        stop.set()
        thread.join()


def test_a_side_that_does_not_read_is_not_waited_for() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        channel = wire.Channel(ours, receives="reply", frame_bytes=2000, array_bytes=0)
        buffers = [memoryview(bytes(8 << 20))] * 4
        with pytest.raises(TimeoutError):
            channel.send(protocol.Missing(1), buffers, 0.3)


@pytest.mark.parametrize("name", ["ValueError", "KeyError", "OSError", "UnicodeDecodeError"])
def test_an_exception_is_of_the_builtin_class_that_was_raised(name: str) -> None:
    failure = protocol.Failure("Mine", name, "no", "")
    with pytest.raises(StudentError) as caught:
        receive(protocol.dump(protocol.Raised(1, failure)))
    assert type(caught.value).__bases__[1].__name__ == name


@pytest.mark.parametrize("name", ["StopIteration", "StopAsyncIteration", "GeneratorExit"])
def test_no_exception_of_a_student_says_that_there_is_nothing_more(name: str) -> None:
    failure = protocol.Failure("Mine", name, "no", "")

    def call(_x: int) -> bool:
        return bool(receive(protocol.dump(protocol.Raised(1, failure))))

    for ask in (lambda: all(map(call, [1])), lambda: list(zip([1], map(call, [1]))),  # noqa: B905
                lambda: next(map(call, [1]), None)):  # fmt: skip
        with pytest.raises(StudentError):
            ask()


@pytest.mark.parametrize("name", ["ExceptionGroup", "SystemExit", "print", "__import__", "x" * 99])
def test_a_class_that_cannot_be_raised_here_is_a_plain_student_error(name: str) -> None:
    failure = protocol.Failure("Mine", name, "no", "")
    with pytest.raises(StudentError) as caught:
        receive(protocol.dump(protocol.Raised(1, failure)))
    assert type(caught.value) is StudentError
