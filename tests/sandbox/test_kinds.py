"""Values of the standard library, NumPy, pandas and their like, both ways and under attack."""

import collections
import datetime as dt
import math
import pathlib
import random
import re
import socket
import sys
import tracemalloc
import typing
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from functools import singledispatch
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.model import Limits
from grader.sandbox import Session, StudentError, TransferError
from grader.sandbox.wire import decoding, encoding, kinds, packing, protocol, values
from tests.support.in_thread import notebook, session_over

ROOM = 1 << 24


def stay(value: Any) -> protocol.Opaque:
    return protocol.Opaque(7, type(value).__name__, callable(value))


def sent(value: Any, *, as_argument: bool = False) -> tuple[Any, list[memoryview]]:
    """Return what is received where a value is sent: a node that was a frame, and buffers."""
    encoder = encoding.Encoder(array_bytes=ROOM, nesting=32, keep=stay, as_arguments=as_argument)
    node = encoder.encode(value)
    encoder.seal()
    frame = protocol.dump(protocol.Answer(1, node, [raw.nbytes for raw in encoder.buffers]))
    received = protocol.load(frame[protocol.LENGTH :], "reply")
    return received.value, [memoryview(bytearray(raw)) for raw in encoder.buffers]


def decoded(node: Any, buffers: list[memoryview], *, as_argument: bool = False) -> Any:
    limit = None if as_argument else ROOM
    decoder = decoding.Decoder(
        buffers, array_bytes=ROOM, nesting=32, opaque=lambda node: node, total_bytes=limit,
        as_arguments=as_argument,
    )  # fmt: skip
    return decoder.decode(node)


def crossed(value: Any, *, as_argument: bool = False) -> Any:
    return decoded(*sent(value, as_argument=as_argument), as_argument=as_argument)


def same(left: Any, right: Any) -> bool:
    """Tell whether two values are equal in their exact types, dtypes, shapes and all they hold."""
    if any(left is one for one in (pd.NA, pd.NaT, np.ma.masked)):
        return left is right
    if hasattr(left, "_fields"):
        return left._fields == getattr(right, "_fields", None) and same(tuple(left), tuple(right))
    return type(left) is type(right) and alike(left, right)


@singledispatch
def alike(left: Any, right: Any) -> bool:
    return bool(left == right)


@alike.register(float | complex | Decimal | slice | dt.datetime)
def _(left: Any, right: Any) -> bool:
    return repr(left) == repr(right)


@alike.register(random.Random)  # noqa: S311
def _(left: Any, right: Any) -> bool:
    return bool(left.getstate() == right.getstate())


@alike.register(np.random.RandomState)
def _(left: Any, right: Any) -> bool:
    return same(left.get_state(legacy=False), right.get_state(legacy=False))


@alike.register(np.random.Generator)
def _(left: Any, right: Any) -> bool:
    return same(left.bit_generator.state, right.bit_generator.state)


@alike.register(list | tuple | collections.deque)
def _(left: Any, right: Any) -> bool:
    if getattr(left, "maxlen", None) != getattr(right, "maxlen", None):
        return False
    return len(left) == len(right) and all(map(same, left, right))


@alike.register(dict)
def _(left: Any, right: Any) -> bool:
    factories = [getattr(one, "default_factory", None) for one in (left, right)]
    return factories[0] is factories[1] and same(list(left.items()), list(right.items()))


@alike.register(np.ndarray)
def _(left: Any, right: Any) -> bool:
    if (left.dtype, left.shape) != (right.dtype, right.shape):
        return False
    if left.dtype == object:
        return same(left.ravel().tolist(), right.ravel().tolist())
    return bool(left.tobytes() == right.tobytes())


@alike.register(np.ma.MaskedArray)
def _(left: Any, right: Any) -> bool:
    masks = [np.ma.getmaskarray(one) for one in (left, right)]
    return same(left.filled(0), right.filled(0)) and same(*masks)


@alike.register(np.generic)
def _(left: Any, right: Any) -> bool:
    is_text = isinstance(left, np.character)
    return bool(left == right) if is_text else same(np.array(left), np.array(right))


@alike.register(pd.DataFrame | pd.Series | pd.Index)
def same_frame(left: Any, right: Any) -> bool:
    if isinstance(left, pd.DataFrame):
        pd.testing.assert_frame_equal(left, right, check_freq=True)
    elif isinstance(left, pd.Series):
        pd.testing.assert_series_equal(left, right, check_freq=True)
    else:
        pd.testing.assert_index_equal(left, right, exact=True)
        return bool(getattr(left, "freq", None) == getattr(right, "freq", None))
    assert left.attrs == right.attrs
    missing = [
        [type(item) for item in column if pd.api.types.is_scalar(item) and pd.isna(item)]
        for one in (left, right)
        for column in ([one] if one.ndim == 1 else [one.iloc[:, n] for n in range(one.shape[1])])
    ]
    half = len(missing) // 2
    return missing[:half] == missing[half:]


# --- every kind, both ways -----------------------------------------------------------------------


class Place(typing.NamedTuple):
    x: int
    y: Any


zones = st.timezones() | st.builds(
    dt.timezone, st.integers(-1_000, 1_000).map(lambda m: dt.timedelta(minutes=m))
)
keys = st.text(max_size=5) | st.integers() | st.tuples(st.integers(), st.text(max_size=3))
plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
ours = (
    st.sampled_from([..., NotImplemented, int, ValueError, KeyboardInterrupt, len, type(None)])
    | st.dates() | st.timedeltas() | st.times(timezones=st.none() | zones)
    | st.datetimes(timezones=st.none() | zones)
    | st.decimals().filter(lambda d: not d.is_snan() and (d.is_nan() or abs(d.adjusted()) < 9_000))
    | st.fractions() | st.binary().map(bytearray)
    | st.builds(range, st.integers(-99, 99), st.integers(-99, 99), st.sampled_from([1, 2, -3]))
    | st.builds(slice, plain, plain, plain)
    | st.builds(pathlib.Path, st.sampled_from(["a/b", "/x", "."]))
    | st.builds(pathlib.PurePosixPath, st.just("a/b"))
)  # fmt: skip
everything = st.recursive(
    plain | ours,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.sets(keys, max_size=4) | st.frozensets(keys, max_size=4)
        | st.builds(collections.deque, st.lists(inner, max_size=4), st.none() | st.integers(0, 5))
        | st.builds(collections.OrderedDict, st.lists(st.tuples(keys, inner), max_size=4))
        | st.builds(collections.Counter, st.lists(keys, max_size=6))
        | st.builds(collections.defaultdict, st.sampled_from([None, list, int]),
                    st.dictionaries(keys, inner, max_size=4))
        | st.builds(Place, inner, inner)
    ),
    max_leaves=10,
)  # fmt: skip


@settings(deadline=None, max_examples=100)
@given(everything, st.booleans())
def test_a_value_of_the_standard_library_crosses_as_it_is(value: Any, as_argument: bool) -> None:
    assert same(crossed(value, as_argument=as_argument), value)


element_types = (
    hnp.unicode_string_dtypes(endianness="=", max_len=9) | hnp.byte_string_dtypes(max_len=9)
    | hnp.datetime64_dtypes(endianness="=") | hnp.timedelta64_dtypes(endianness="=")
    | hnp.scalar_dtypes().filter(lambda d: d.isnative and d.name != "float128" and d.itemsize < 17
                                 and d.char not in "gG")
)  # fmt: skip
HALF_A_CHARACTER = re.compile(r"\\ud[89a-f]")
records = hnp.array_dtypes(element_types, max_size=4, allow_subarrays=True)
shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)


@settings(deadline=None, max_examples=100)
@given((element_types | records).flatmap(lambda dtype: hnp.arrays(dtype, shapes)), st.booleans())
def test_an_array_of_any_dtype_crosses_as_it_is(array: np.ndarray, as_argument: bool) -> None:
    assume(HALF_A_CHARACTER.search(repr(array.tolist())) is None)  # travels as "?"
    back = crossed(array, as_argument=as_argument)
    assert same(back, array)
    assert same(crossed(array.dtype), array.dtype)
    if array.size and array.dtype.itemsize:
        assert same(crossed(array.flat[0]), array.flat[0])


@settings(deadline=None)
@given(hnp.arrays(object, shapes, elements=everything), st.booleans())
def test_an_array_of_objects_crosses_as_it_is(array: np.ndarray, as_argument: bool) -> None:
    assert same(crossed(array, as_argument=as_argument), array)


moments = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))  # noqa: DTZ001
words = st.text(max_size=6)
ZONES = ["UTC", "Europe/Paris", "Asia/Kolkata"]
COLUMNS: dict[str, tuple[Any, Any]] = {
    "int64": (st.integers(-(2**63), 2**63 - 1), "int64"),
    "float32": (st.floats(width=32), "float32"),
    "bool": (st.booleans(), "bool"),
    "complex": (st.complex_numbers(), "complex128"),
    "objects": (everything | st.just(pd.NA) | st.just(pd.NaT) | st.just(np.nan), object),
    "words or nothing": (words | st.sampled_from([None, np.nan, pd.NA, pd.NaT]), object),
    "dates": (st.dates() | st.none(), object),
    "string": (words | st.none(), "string"),
    "Int64": (st.integers(-99, 99) | st.none(), "Int64"),
    "Float64": (st.floats(-9, 9) | st.none(), "Float64"),
    "boolean": (st.booleans() | st.none(), "boolean"),
    "category": (st.sampled_from(["a", "b", None]), "category"),
    "categories in order": (
        st.sampled_from([1, 2, None]), pd.CategoricalDtype([3, 1, 2], ordered=True)),
    "moments": (moments | st.none(), "datetime64[ns]"),
    "seconds": (moments.map(lambda m: m.replace(microsecond=0)), "datetime64[s]"),
    "spans": (st.timedeltas(dt.timedelta(-99), dt.timedelta(99)) | st.none(), "timedelta64[ns]"),
    "periods": (moments.map(lambda m: pd.Period(m, "M")) | st.none(), "period[M]"),
    "intervals": (st.integers(0, 9).map(lambda n: pd.Interval(n, n + 1)), "interval[int64, right]"),
    "zoned": (moments | st.none(), "zoned"),
    "inferred": (words | st.none(), None),
}  # fmt: skip


def series_of(kind: str, items: list[Any], zone: str) -> pd.Series:
    dtype = COLUMNS[kind][1]
    if dtype == "zoned":
        return pd.Series(pd.DatetimeIndex(items, dtype="datetime64[ns]").tz_localize(zone, "NaT",
                         "shift_forward"))  # fmt: skip
    if dtype is object:
        column = np.empty(len(items), object)
        for number, item in enumerate(items):
            column[number] = item
        return pd.Series(column, dtype=object)
    return pd.Series(items, dtype=dtype)


@st.composite
def columns(draw: Callable[..., Any], rows: int) -> pd.Series:
    kind = draw(st.sampled_from(sorted(COLUMNS)))
    items = draw(st.lists(COLUMNS[kind][0], min_size=rows, max_size=rows))
    return series_of(kind, items, draw(st.sampled_from(ZONES)))


@st.composite
def indices(draw: Callable[..., Any], rows: int) -> pd.Index:
    name = draw(st.none() | words | st.tuples(words, st.integers()))
    form = draw(st.sampled_from(["range", "dates", "levels", "column"]))
    if form == "range":
        return pd.RangeIndex(3, 3 + 2 * rows, 2, name=name)
    if form == "dates":
        freq, zone = draw(st.sampled_from(["D", "h", "MS"])), draw(st.none() | st.just("UTC"))
        return pd.date_range("2020-01-01", periods=rows, freq=freq, tz=zone, name=name)
    if form == "levels":
        arrays = [draw(columns(rows)).astype(str), draw(st.lists(st.integers(0, 2), min_size=rows,
                                                                max_size=rows))]  # fmt: skip
        return pd.MultiIndex.from_arrays(arrays, names=["upper", name])
    kind = draw(st.sampled_from(["int64", "string", "category", "periods", "intervals", "spans"]))
    items = draw(st.lists(COLUMNS[kind][0], min_size=rows, max_size=rows))
    return pd.Index(series_of(kind, items, "UTC"), name=name)


@st.composite
def frames(draw: Callable[..., Any]) -> pd.DataFrame:
    rows, width = draw(st.integers(0, 4)), draw(st.integers(0, 4))
    index = draw(indices(rows))
    parts = [draw(columns(rows)) for _ in range(width)]
    frame = pd.DataFrame({n: part.array for n, part in enumerate(parts)}, index=index)
    for number, part in enumerate(parts):
        if part.dtype == object:
            frame.isetitem(number, pd.Series(part.array, index=index, dtype=object))
    labels = draw(st.sampled_from(["numbers", "index", "twice"]))
    if labels == "index":
        frame.columns = draw(indices(width))
    elif labels == "twice":
        frame.columns = ["a"] * width
    frame.attrs.update(draw(st.dictionaries(words, st.integers(), max_size=2)))
    return frame


@settings(deadline=None, max_examples=100)
@given(frames(), st.booleans())
def test_a_frame_crosses_as_it_is(frame: pd.DataFrame, as_argument: bool) -> None:
    assert same(crossed(frame, as_argument=as_argument), frame)
    assert same(crossed(frame.dtypes), frame.dtypes)
    if frame.shape[1]:
        column = frame.iloc[:, -1]
        assert same(crossed(column), column)
        assert same(crossed(list(column)), list(column))


SCALARS = [
    pd.NaT, pd.NA, pd.Timestamp("2020-07-01 12:00", tz="Europe/Paris"), pd.Timestamp.min,
    pd.Timestamp("2020-10-25 01:30", tz="UTC").tz_convert("Europe/Paris"), pd.Timedelta("1us"),
    pd.Period("2020Q3"), pd.Interval(0.5, 1.0, closed="both"), pd.CategoricalDtype(["b", "a"]),
    pd.DatetimeTZDtype("ns", "UTC"), pd.PeriodDtype("D"), pd.IntervalDtype("int64", "left"),
    pd.Int8Dtype(), pd.BooleanDtype(), pd.StringDtype("python"), np.dtype("O"), np.ma.masked,
    np.ma.array([1.0, 2.0], mask=[False, True]), np.array([[1, 2]]).view(np.matrix),
    np.rec.array([(1, "a")], names="n,t"), torch.bfloat16, dt.UTC, ZoneInfo("Asia/Tokyo"),
    Decimal("sNaN1"),
    {1: 2, (1, 2): 3}, [[], [()]], {"k": {1, 2}}, collections.deque([[1]], maxlen=4),
    np.random.default_rng(3), np.random.Generator(np.random.MT19937(4)), random.Random(5),  # noqa: S311
    np.random.RandomState(6),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("value", SCALARS, ids=lambda one: f"{type(one).__name__} {one!r:.20}")
@pytest.mark.parametrize("as_argument", [False, True], ids=["answer", "argument"])
def test_each_kind_crosses_as_it_is(value: Any, as_argument: bool) -> None:
    assert same(crossed(value, as_argument=as_argument), value)


def test_every_kind_of_the_table_is_tried_here() -> None:
    """A kind that is added has a value here, or among those that are drawn."""
    tried: set[str] = set()
    original = kinds.Kind.made

    def made(kind: kinds.Kind, parts: Any) -> Any:
        tried.add(kind.name)
        return original(kind, parts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds.Kind, "made", made)
        for value in SCALARS:
            crossed(value)
        for kind in COLUMNS:
            crossed(series_of(kind, [], "UTC").to_frame())
            crossed(series_of(kind, [], "UTC"))
        for value in (pd.MultiIndex.from_arrays([[1]]), Place(1, 2), dt.date.min, dt.time.min,
                      Decimal(1), Fraction(1), range(1), slice(1), bytearray(), pathlib.Path(),
                      pathlib.PurePosixPath(), np.str_("a"), np.bytes_(b"a"), dt.datetime.min,  # noqa: DTZ901
                      np.zeros(1, "i4,i4")[0], int):  # fmt: skip
            crossed(value)
    elsewhere = {"pytz", "sparse matrix", "Table", "Row", "babypandas DataFrame",
                 "babypandas Series", "keys", "values", "items", "memoryview", "SymPy expression",
                 "SymPy MutableDenseMatrix", "SymPy ImmutableDenseMatrix"}  # fmt: skip
    assert set(kinds.TABLE._by_name) - tried <= elsewhere


@pytest.mark.parametrize("as_argument", [False, True], ids=["answer", "argument"])
def test_views_of_a_dict_cross_as_what_they_show(as_argument: bool) -> None:
    held = {"b": 1, "a": [2]}
    keys, values, items = (
        crossed(view, as_argument=as_argument)
        for view in (held.keys(), held.values(), held.items())
    )
    assert [repr(one) for one in (keys, values, items)] == [
        repr(held.keys()), repr(held.values()), repr(held.items()),
    ]  # fmt: skip
    assert keys == {"a", "b"}
    assert items == held.items()
    assert keys & {"a", "z"} == {"a"}
    assert crossed(memoryview(b"ab"), as_argument=as_argument) == b"ab"


def test_a_view_of_what_is_no_dict_breaks_the_protocol() -> None:
    three = protocol.Sequence([1, 2, 3], is_tuple=True)
    for node in (
        made("items", protocol.Sequence([1, 2])), made("items", protocol.Sequence([three])),
        made("keys", protocol.Sequence([protocol.Sequence([])])),
    ):  # fmt: skip
        with pytest.raises(protocol.ProtocolViolationError):
            decoded(node, [])


def test_sparse_matrices_cross_as_they_are() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    full = np.array([[0, 1.5, 0], [2, 0, 0]])
    for form in ("csr", "csc", "coo", "lil", "dok", "bsr", "dia"):
        for kind in ("array", "matrix"):
            one = getattr(sparse, f"{form}_{kind}")(full)
            back = crossed(one)
            assert type(back) is type(one)
            assert back.toarray().tolist() == full.tolist()


def test_times_in_zones_of_pytz_cross_as_they_are() -> None:
    pytz = pytest.importorskip("pytz")
    for day in (dt.datetime(2020, 1, 1), dt.datetime(2020, 7, 1)):  # noqa: DTZ001
        moment = pytz.timezone("US/Eastern").localize(day)
        back = crossed([moment, pd.Timestamp(moment)])
        assert [repr(one) for one in back] == [repr(moment), repr(pd.Timestamp(moment))]


# --- subclasses, and what stays where it is ------------------------------------------------------


class OddFrame(pd.DataFrame):
    @property
    def columns(self) -> Any:
        raise RuntimeError("mine")

    def __len__(self) -> int:
        raise RuntimeError("mine")


class OddSet(set[Any]):
    def __iter__(self) -> Iterator[Any]:
        return iter([1, 2, 3])


class OddDay(dt.date):
    @property
    def year(self) -> int:  # type: ignore[override]
        return 1


@pytest.mark.parametrize(
    ("value", "base"),
    [
        (OddFrame({"a": [1]}), pd.DataFrame({"a": [1]})),
        (OddSet([9]), {9}),
        (OddDay(2020, 2, 3), dt.date(2020, 2, 3)),
        (type("Odd", (collections.Counter,), {"items": None})("ab"), collections.Counter("ab")),
        (type("Odd", (np.ndarray,), {"tolist": None})((1,), object), np.array([None], object)),
    ],
    ids=["frame", "set", "date", "Counter", "array"],
)
def test_a_subclass_is_read_at_the_storage_of_its_base(value: Any, base: Any) -> None:
    assert same(crossed(value), base)


def _holding_itself() -> Any:
    queue: collections.deque[Any] = collections.deque()
    queue.append(queue)
    return queue


@pytest.mark.parametrize(
    "value",
    [
        range(10**12),
        Decimal("1e999999"),
        pd.Timestamp(np.datetime64(10**12, "s")),
        pd.Series([1, 0], dtype="Sparse[int]"),
        np.zeros(2, np.longdouble),
        object(),
        math.sin,
        np.sin,
        open,
        exec,
        iter(dict.fromkeys("ab")),
        pd.DataFrame({"a": [1]}).groupby("a"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_has_no_kind_stays_where_it_is_whole(value: Any) -> None:
    node, buffers = sent([1, value])
    assert isinstance(node.items[1], protocol.Opaque)
    assert buffers == []


def test_a_part_that_stays_is_one_that_any_object_can_be() -> None:
    class Mine:
        pass

    back = crossed(pd.DataFrame({"a": [Mine(), 1]}, index=["x", "y"]))
    assert isinstance(back.loc["x", "a"], protocol.Opaque)


def test_what_holds_itself_is_refused() -> None:
    with pytest.raises(values.ValueRefusedError, match="holds itself"):
        sent(_holding_itself(), as_argument=True)
    with pytest.raises(values.ValueRefusedError, match=r"holds itself|nested deeper"):
        sent(_holding_itself())


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


# --- what a child may claim ----------------------------------------------------------------------

odd = st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 40)
names = st.sampled_from([*sorted(kinds.TABLE._by_name), "eval"])
dtype_names = st.sampled_from(["float64", "int64", "int8", "bool", "<U3", "<M8[ns]", "|S2", "O"])
leaves = (
    st.none() | st.booleans() | odd | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(["UTC", "D", "right", "python", "csr", "plain", "fields", "int", "eval"])
    | st.builds(protocol.Array, st.sampled_from(["numpy", "torch"]), dtype_names,
                st.lists(odd, max_size=3), st.lists(odd, max_size=3), odd, st.integers(-1, 3))
    | st.integers(0, 4).map(lambda n: protocol.Array("numpy", "int64", [n], [1], 0, 0))
    | st.builds(protocol.Scalar, dtype_names, st.binary(max_size=9))
    | st.builds(protocol.Packed, st.sampled_from(["int", "float", "bool", "date", "str", "eval"]),
                odd, *[st.integers(-1, 3)] * 3)
    | st.builds(protocol.Opaque, odd, st.text(max_size=5), st.booleans())
    | st.builds(protocol.Repeat, st.integers(-1, 3))
    | st.builds(protocol.Bytes, odd)
)  # fmt: skip
hostile = st.recursive(
    leaves,
    lambda inner: (
        st.builds(protocol.Made, names, st.lists(inner, max_size=6))
        | st.builds(protocol.Collection, st.sampled_from(["set", "deque", "Counter", "defaultdict",
                    "array of objects", "list", "frozenset", "OrderedDict", "eval"]),
                    st.lists(inner, max_size=4), st.lists(inner, max_size=2))
        | st.builds(protocol.Sequence, st.lists(inner, max_size=4), st.booleans())
        | st.builds(protocol.Mapping, st.lists(st.tuples(inner, inner), max_size=3))
    ),
    max_leaves=12,
)  # fmt: skip
REFUSALS = (protocol.ProtocolViolationError, kinds.MissingLibraryError)


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
    return protocol.Sequence([protocol.Packed(kind, count, *numbers)])


def made(kind: str, *parts: Any) -> Any:
    return protocol.Made(kind, list(parts))


def numbers(count: int) -> Any:
    return protocol.Array("numpy", "int64", [count], [1], 0, 0)


EIGHT = [memoryview(bytearray(8))]
RANGE = made("RangeIndex", 0, 1, 1, None)
EMPTY = protocol.Mapping([])


@pytest.mark.parametrize(
    ("node", "says"),
    [
        (packed("int", 2**40, 0), "another number"),
        (packed("int", 2, 0), "another size"),
        (packed("str", 1, 0, -1), "another number"),
        (packed("bool", 8, 0, -1), None),
        (protocol.Packed("int", 1, 0), "outside a container"),
        (protocol.Collection("array of objects", [], [2**40]), "disagree"),
        (protocol.Collection("array of objects", [], [0] * 33), "impossible shape"),
        (protocol.Collection("defaultdict", [], [5]), "cannot be called"),
        (protocol.Collection("deque", [], [-1]), "impossible length"),
        (protocol.Collection("set", [EMPTY], []), "cannot be hashed"),
        (protocol.Collection("Counter", ["a"], []), "has no value"),
        (protocol.Collection("set", [protocol.BigInt(hex(n * (2**61 - 1))) for n in range(2000)],
                             []), "one hash"),
        (made("builtin", "eval"), "another type"),
        (made("builtin", "open"), "another type"),
        (made("builtin", "__import__"), "another type"),
        (made("os.system", "true"), "unknown kind"),
        (made("range", 0, 10**12, 1), "too long"),
        (made("Random", 10**9, numbers(1), None), "cannot be built"),
        (made("Generator", "MT19937", protocol.Sequence([10**9]),
              protocol.Array("numpy", "uint32", [2], [1], 0, 0)), "cannot be built"),
        (made("Generator", "PCG64", protocol.Sequence([0, 0, 2, 0]), None), "cannot be built"),
        (made("Generator", "os", protocol.Sequence([]), None), "cannot be built"),
        (made("Decimal", "1e999999999"), "no decimal|too large"),
        (made("ZoneInfo", "../../etc/passwd"), "cannot be built"),
        (made("date", 0, 1, 1), "cannot be built"),
        (made("Timestamp", protocol.Scalar("<M8[s]", (10**12).to_bytes(8, "little")), None),
         "cannot be built"),
        (made("date", True, 1, 1), "another type"),
        (made("named tuple", "P", protocol.Sequence(["x y"], is_tuple=True),
              protocol.Sequence([1])), "names that are none"),
        (made("dtype", "plain", protocol.Sequence([]), protocol.Sequence(["i4,i4"])), "none"),
        (made("RangeIndex", 0, 2**62, 1, None), "too long"),
        (made("Categorical", numbers(1), made("Index", numbers(1), None, None), False), None),
        (made("Series", numbers(1), made("RangeIndex", 0, 2, 1, None), None, EMPTY), "length"),
        (made("DataFrame", RANGE, RANGE, protocol.Sequence([numbers(1), numbers(1)]), EMPTY),
         "labels"),
        (made("DataFrame", RANGE, RANGE, protocol.Sequence([made("builtin", "int")]), EMPTY),
         "another type"),
        (made("Series", numbers(1), RANGE, protocol.Sequence([protocol.Repeat(0)]), EMPTY),
         "was not sent"),
        (made("MultiIndex", protocol.Sequence([made("Index", numbers(1), None, None)]),
              protocol.Sequence([protocol.Array("numpy", "int8", [1], [1], 0, 1)]),
              protocol.Sequence([None])), "cannot be built"),
        (protocol.Array("numpy", "<U2", [1], [1], 0, 2), "no character"),
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
            with pytest.raises(protocol.ProtocolViolationError, match=says):
                decoded(node, buffers)
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()


def test_many_frames_are_refused_before_they_are_built() -> None:
    empty = made("RangeIndex", 0, 0, 1, None)
    one = made("DataFrame", empty, empty, protocol.Sequence([]), EMPTY)
    with pytest.raises(protocol.ProtocolViolationError, match="larger than the limit"):
        decoded(protocol.Sequence([one] * 400), [])
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


# --- what a call changes of a test's objects -----------------------------------------------------


def change_set(given: set[Any]) -> Any:
    given.discard(1)
    given.add((5, 6))
    return given


def change_deque(given: Any) -> Any:
    given.rotate(1)
    given.append([9])
    return given


def change_mapping(given: Any) -> Any:
    given["new"] = given.pop(next(iter(given)))
    return given


def change_objects(given: Any) -> Any:
    given[0] = ["other"]
    return given


def change_frame(given: Any) -> Any:
    given.iloc[0, 0] = -1
    given["new"] = given.iloc[:, 0] * 2
    given.index = given.index.map(str)
    given.insert(0, "first", "x")
    return given


def change_series(given: Any) -> Any:
    given.iloc[0] = -1
    given.name = "other"
    return given


def change_bytes(given: bytearray) -> Any:
    given += b"more"
    return given


def change_records(given: Any) -> Any:
    given["f0"] += 1
    return given


def change_generator(given: Any) -> Any:
    given.normal(size=3)
    return given


def change_python_generator(given: random.Random) -> Any:
    given.random()
    return given


CHANGES: list[tuple[Callable[[Any], Any], Callable[[], Any]]] = [
    (change_set, lambda: {1, 2, "x"}),
    (change_deque, lambda: collections.deque([1, "x"], maxlen=2)),
    (change_mapping, lambda: collections.OrderedDict(a=1, b=[2])),
    (change_mapping, lambda: collections.Counter("aab")),
    (change_mapping, lambda: collections.defaultdict(list, a=[1])),
    (change_objects, lambda: np.array(["a", None, 3], object)),
    (change_frame, lambda: pd.DataFrame({"a": [3, 1, 2], "b": ["x", None, "z"]})),
    (change_frame, lambda: pd.DataFrame({"a": [1.5]}, index=pd.Index([7], name="n"))),
    (change_series, lambda: pd.Series([1, 2], index=["p", "q"], name="s")),
    (change_bytes, lambda: bytearray(b"ab")),
    (change_records, lambda: np.zeros(3, "i4,f8")),
    (change_generator, lambda: np.random.default_rng(7)),
    (change_generator, lambda: np.random.RandomState(7)),
    (change_python_generator, lambda: random.Random(7)),  # noqa: S311
]


def look(given: Any) -> str:
    return type(given).__name__


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    names = {change.__name__: change for change, _ in CHANGES}
    with notebook(**names, look=look) as found:
        found._conversation._deadline += 600
        yield found


@pytest.mark.parametrize(
    ("change", "make"), CHANGES, ids=[type(make()).__name__ for _, make in CHANGES]
)
def test_what_a_call_changes_in_place_is_changed_here_until_the_case_is_over(
    session: Session, change: Callable[[Any], Any], make: Callable[[], Any]
) -> None:
    ours, plain_call = make(), make()
    with session.case() as changes:
        session.value("look")(ours)
        assert not changes.made
        assert same(ours, make())
        back = session.value(change.__name__)(ours)
        expected = change(plain_call)
        assert back is ours
        assert same(ours, expected)
        assert changes.made
    assert same(ours, make())


def test_a_change_within_what_is_held_is_seen_as_well(session: Session) -> None:
    def deep(given: Any) -> Any:
        given[0]["k"].add(3)
        given[1].append(given[0])

    del session
    kept = [{"k": {1}}, collections.deque(["q"])]
    with notebook(deep=deep) as other, other.case():
        other.value("deep")(kept)
        assert kept[0] == {"k": {1, 3}}
        assert kept[1][-1] is kept[0]


def test_a_change_that_is_not_to_be_seen_stays_with_the_result(session: Session) -> None:
    frame = pd.DataFrame({"a": [3, 1]})
    with session.case(frozenset()) as changes:
        back = session.value("change_frame")(frame)
        assert same(frame, pd.DataFrame({"a": [3, 1]}))
        assert list(back.columns) == ["first", "a", "new"]
        assert changes.made


def test_a_frame_that_cannot_travel_any_more_is_the_students(session: Session) -> None:
    def spoil(frame: Any) -> None:
        frame["new"] = pd.array([1, 0], dtype="Sparse[int]")

    del session
    with notebook(spoil=spoil) as other, pytest.raises(StudentError, match="cannot travel"):
        other.value("spoil")(pd.DataFrame({"a": [1, 2]}))


@pytest.mark.parametrize("is_in_a_list", [False, True])
def test_an_array_counts_as_often_as_it_comes(is_in_a_list: bool) -> None:
    """It is one object, and yet a test that makes one array of the whole copies it each time."""
    buffers = [memoryview(bytearray(8))]
    wide = protocol.Array("numpy", "int8", [ROOM // 64], [0], 0, 0)

    def times(count: int) -> protocol.Sequence:
        if not is_in_a_list:
            return protocol.Sequence([wide] * count)
        inner = protocol.Sequence([wide])  # the second container of the message
        return protocol.Sequence([inner, *[protocol.Repeat(-2)] * (count - 1)])

    few = decoded(times(4), buffers)
    assert few[0] is few[3]
    with pytest.raises(protocol.ProtocolViolationError, match="limit together"):
        decoded(times(40), buffers)
