"""What a child may claim of a value: what contradicts itself is refused."""

import socket
import sys
import tracemalloc
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.model import Limits
from grader.sandbox import TransferError
from grader.sandbox.wire import kinds, nodes, protocol, values
from tests.support.crossing import ROOM, decoded, made, numbers, sent
from tests.support.drawn import everything, frames
from tests.support.in_thread import session_over

# --- what a child may claim ----------------------------------------------------------------------

odd = st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 40)
names = st.sampled_from([*sorted(kinds.TABLE._by_name), "eval"])
dtype_names = st.sampled_from(["float64", "int64", "int8", "bool", "<U3", "<M8[ns]", "|S2", "O"])
leaves = (
    st.none() | st.booleans() | odd | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(["UTC", "D", "right", "python", "csr", "plain", "fields", "int", "eval"])
    | st.builds(nodes.Array, st.sampled_from(["numpy", "torch"]), dtype_names,
                st.lists(odd, max_size=3), st.lists(odd, max_size=3), odd, st.integers(-1, 3))
    | st.integers(0, 4).map(lambda n: nodes.Array("numpy", "int64", [n], [1], 0, 0))
    | st.builds(nodes.Scalar, dtype_names, st.binary(max_size=9))
    | st.builds(nodes.Packed, st.sampled_from(["int", "float", "bool", "date", "str", "eval"]),
                odd, *[st.integers(-1, 3)] * 3)
    | st.builds(nodes.Opaque, odd, st.text(max_size=5), st.booleans())
    | st.builds(nodes.Repeat, st.integers(-1, 3))
    | st.builds(nodes.Bytes, odd)
)  # fmt: skip
hostile = st.recursive(
    leaves,
    lambda inner: (
        st.builds(nodes.Made, names, st.lists(inner, max_size=6))
        | st.builds(nodes.Collection, st.sampled_from(["set", "deque", "Counter", "defaultdict",
                    "array of objects", "list", "frozenset", "OrderedDict", "eval"]),
                    st.lists(inner, max_size=4), st.lists(inner, max_size=2))
        | st.builds(nodes.Sequence, st.lists(inner, max_size=4), st.booleans())
        | st.builds(nodes.Mapping, st.lists(st.tuples(inner, inner), max_size=3))
    ),
    max_leaves=12,
)  # fmt: skip
REFUSALS = (nodes.ProtocolViolationError, kinds.MissingLibraryError)


@settings(deadline=None, max_examples=300)
@given(hostile, st.lists(st.integers(0, 64), max_size=3), st.integers(0, 255))
def test_a_body_that_contradicts_itself_is_refused(node: Any, sizes: list[int], fill: int) -> None:
    buffers = [memoryview(bytearray([fill]) * size) for size in sizes]
    with np.errstate(all="ignore"):
        try:
            decoded(node, buffers)
        except REFUSALS:
            return


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_a_true_body_with_one_part_changed_is_refused_or_another_value(data: Any) -> None:
    value = data.draw(frames() | everything)
    node, buffers = sent(value)
    holders: list[list[Any]] = []
    _find_holders(node, holders)
    if holders:
        holder = data.draw(st.sampled_from(holders))
        holder[data.draw(st.integers(0, len(holder) - 1))] = data.draw(leaves)
    with np.errstate(all="ignore"):
        try:
            decoded(node, buffers)
        except REFUSALS:
            return


def _find_holders(node: Any, found: list[list[Any]]) -> None:
    for field in ("items", "parts", "about"):
        nodes = getattr(node, field, None)
        if nodes:
            found.append(nodes)
            for one in nodes:
                _find_holders(one, found)


def packed(kind: str, count: int, *numbers: int) -> Any:
    return nodes.Sequence([nodes.Packed(kind, count, *numbers)])


EIGHT = [memoryview(bytearray(8))]
RANGE = made("RangeIndex", 0, 1, 1, None)
EMPTY = nodes.Mapping([])


@pytest.mark.parametrize(
    ("node", "says"),
    [
        (packed("int", 2**40, 0), "another number"),
        (packed("int", 2, 0), "another size"),
        (packed("str", 1, 0, -1), "another number"),
        (packed("bool", 8, 0, -1), None),
        (nodes.Packed("int", 1, 0), "outside a container"),
        (nodes.Collection("array of objects", [], [2**40]), "disagree"),
        (nodes.Collection("array of objects", [], [0] * 33), "impossible shape"),
        (nodes.Collection("defaultdict", [], [5]), "cannot be called"),
        (nodes.Collection("deque", [], [-1]), "impossible length"),
        (nodes.Collection("set", [EMPTY], []), "cannot be hashed"),
        (nodes.Collection("Counter", ["a"], []), "has no value"),
        (nodes.Collection("set", [nodes.BigInt(hex(n * (2**61 - 1))) for n in range(2000)],
                             []), "one hash"),
        (made("builtin", "eval"), "another type"),
        (made("builtin", "open"), "another type"),
        (made("builtin", "__import__"), "another type"),
        (made("os.system", "true"), "unknown kind"),
        (made("range", 0, 10**12, 1), "too long"),
        (made("Random", 10**9, numbers(1), None), "cannot be built"),
        (made("Generator", "MT19937", nodes.Sequence([10**9]),
              nodes.Array("numpy", "uint32", [2], [1], 0, 0)), "cannot be built"),
        (made("Generator", "PCG64", nodes.Sequence([0, 0, 2, 0]), None), "cannot be built"),
        (made("Generator", "os", nodes.Sequence([]), None), "cannot be built"),
        (made("Decimal", "1e999999999"), "no decimal|too large"),
        (made("ZoneInfo", "../../etc/passwd"), "cannot be built"),
        (made("date", 0, 1, 1), "cannot be built"),
        (made("Timestamp", nodes.Scalar("<M8[s]", (10**12).to_bytes(8, "little")), None),
         "cannot be built"),
        (made("date", True, 1, 1), "another type"),
        (made("named tuple", "P", nodes.Sequence(["x y"], is_tuple=True),
              nodes.Sequence([1])), "names that are none"),
        (made("dtype", "plain", nodes.Sequence([]), nodes.Sequence(["i4,i4"])), "none"),
        (made("RangeIndex", 0, 2**62, 1, None), "too long"),
        (made("Categorical", numbers(1), made("Index", numbers(1), None, None), False), None),
        (made("Series", numbers(1), made("RangeIndex", 0, 2, 1, None), None, EMPTY), "length"),
        (made("DataFrame", RANGE, RANGE, nodes.Sequence([numbers(1), numbers(1)]), EMPTY),
         "labels"),
        (made("DataFrame", RANGE, RANGE, nodes.Sequence([made("builtin", "int")]), EMPTY),
         "another type"),
        (made("Series", numbers(1), RANGE, nodes.Sequence([nodes.Repeat(0)]), EMPTY),
         "was not sent"),
        (made("MultiIndex", nodes.Sequence([made("Index", numbers(1), None, None)]),
              nodes.Sequence([nodes.Array("numpy", "int8", [1], [1], 0, 1)]),
              nodes.Sequence([None])), "cannot be built"),
        (nodes.Array("numpy", "<U2", [1], [1], 0, 2), "no character"),
        (made("Series", numbers(1), made("Series", numbers(1), RANGE, None, EMPTY), None, EMPTY),
         "another type"),
    ],
)  # fmt: skip
def test_a_claim_is_checked_before_it_is_used(node: Any, says: str | None) -> None:
    buffers = [*EIGHT, memoryview(bytearray([9])), memoryview(bytearray([255] * 8))]
    tracemalloc.start()
    try:
        if says is None:
            decoded(node, buffers)
        else:
            with pytest.raises(nodes.ProtocolViolationError, match=says):
                decoded(node, buffers)
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()


def test_many_frames_are_refused_before_they_are_built() -> None:
    empty = made("RangeIndex", 0, 0, 1, None)
    one = made("DataFrame", empty, empty, nodes.Sequence([]), EMPTY)
    with pytest.raises(nodes.ProtocolViolationError, match="larger than the limit"):
        decoded(nodes.Sequence([one] * 400), [])
    with pytest.raises(values.ValueRefusedError, match="larger than"):
        sent([pd.DataFrame() for _ in range(400)])


def test_a_value_of_a_library_that_is_missing_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "babypandas", None)
    node = made("babypandas Series", made("Series", numbers(1), RANGE, None, EMPTY))
    with pytest.raises(kinds.MissingLibraryError, match="pip install babypandas"):
        decoded(node, EIGHT)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        judge = session_over(ours, Limits(), 5)
        theirs.sendall(protocol.dump(protocol.Answer(1, node, [8])) + bytes(8))
        with pytest.raises(TransferError, match="pip install babypandas"):
            judge._answers.result(*judge._conversation._channel.receive(2.0))
        assert judge.ended is None


@pytest.mark.parametrize("is_in_a_list", [False, True])
def test_an_array_counts_as_often_as_it_comes(is_in_a_list: bool) -> None:
    """It is one object, and yet a test that makes one array of the whole copies it each time."""
    buffers = [memoryview(bytearray(8))]
    wide = nodes.Array("numpy", "int8", [ROOM // 64], [0], 0, 0)

    def times(count: int) -> nodes.Sequence:
        if not is_in_a_list:
            return nodes.Sequence([wide] * count)
        inner = nodes.Sequence([wide])  # the second container of the message
        return nodes.Sequence([inner, *[nodes.Repeat(-2)] * (count - 1)])

    few = decoded(times(4), buffers)
    assert few[0] is few[3]
    with pytest.raises(nodes.ProtocolViolationError, match="limit together"):
        decoded(times(40), buffers)
