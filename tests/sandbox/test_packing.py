"""Many items of one kind travel packed."""

import collections
import datetime as dt
import math
from typing import Any

import numpy as np
import pytest

from grader.sandbox.wire import decoding, encoding, packing, protocol, values
from tests.support.crossing import crossed, decoded, same, sent, stay

# --- packed items --------------------------------------------------------------------------------

MANY = 2 * packing.FEWEST


@pytest.mark.parametrize(
    "value",
    [
        list(range(-MANY, MANY)),
        [0.5, math.inf, -0.0] * MANY,
        [True, False] * MANY,
        ["word", "", "é", "\U0001f600"] * MANY,
        ["word", None] * MANY,
        [dt.date(2020, 1, 1), dt.date.max] * MANY,
        tuple(range(MANY)),
        set(map(str, range(MANY))),
        {str(n): n for n in range(MANY)},
        {n: [n] for n in range(MANY)},
        collections.Counter(str(n) for n in range(MANY)),
        np.array(["a", None] * MANY, object),
    ],
    ids=lambda one: f"{type(one).__name__} {min(map(repr, one))}",
)
@pytest.mark.parametrize("as_argument", [False, True], ids=["answer", "argument"])
def test_many_items_of_one_kind_travel_packed(value: Any, as_argument: bool) -> None:
    node, buffers = sent(value, as_argument=as_argument)
    assert same(decoded(node, buffers, as_argument=as_argument), value)
    assert buffers


@pytest.mark.parametrize(
    "value",
    [[1, 2.5] * MANY, [True, 1] * MANY, [2**70] * MANY, [np.str_("a")] * MANY, ["a", 1.5] * MANY],
    ids=["int and float", "bool and int", "large", "NumPy's", "text and float"],
)
def test_items_of_several_kinds_keep_their_types(value: Any) -> None:
    assert same(crossed(value), value)


def test_a_set_larger_than_the_other_side_takes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for side in (encoding, decoding):
        monkeypatch.setattr(side, "MAX_KEYS", 300)
    for value in (set(range(301)), dict.fromkeys(range(301))):
        with pytest.raises(values.ValueRefusedError, match="more than 300 keys"):
            sent(value)
    assert same(crossed(set(range(300))), set(range(300)))


def test_a_list_of_a_million_integers_is_no_refusal() -> None:
    encoder = encoding.Encoder(array_bytes=512 << 20, nesting=32, keep=stay)
    node = encoder.encode([*range(1_000_000)])
    assert len(protocol.dump(protocol.Answer(1, node, [8_000_000]))) < 100
