"""Each kind of value crosses as it is, both ways, and what has no kind stays where it is."""

import collections
import datetime as dt
import math
import pathlib
import random
import re
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any, Callable, List, Optional  # noqa: UP035 - as courses have them
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.sandbox.wire import kinds, nodes, values
from tests.support.crossing import crossed, decoded, made, same, sent
from tests.support.drawn import COLUMNS, Place, everything, frames, series_of


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
    list[int], dict[str, list[int]], int | None, Optional[str], List[int], Callable[[int], str],  # noqa: UP006, UP045
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("value", SCALARS, ids=lambda one: f"{type(one).__name__} {one!r:.20}")
@pytest.mark.parametrize("as_argument", [False, True], ids=["answer", "argument"])
def test_each_kind_crosses_as_it_is(value: Any, as_argument: bool) -> None:
    assert same(crossed(value, as_argument=as_argument), value)


def test_what_arrives_first_of_its_library_is_of_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    arriving = sent(pd.DataFrame({"a": [1]}))
    monkeypatch.setattr(kinds.TABLE, "_by_class", {})  # as before pandas was imported here
    monkeypatch.setattr(kinds.TABLE, "_waiting", [*kinds.TABLE._by_name.values()])
    monkeypatch.setattr(kinds.TABLE, "look_for_library_of", lambda _kind: None)
    assert values.form_of(decoded(*arriving)) is None
    monkeypatch.undo()
    monkeypatch.setattr(kinds.TABLE, "_by_class", {})
    monkeypatch.setattr(kinds.TABLE, "_waiting", [kinds.TABLE.named("DataFrame")])
    assert values.form_of(decoded(*arriving)) is kinds.TABLE.named("DataFrame")


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
    three = nodes.Sequence([1, 2, 3], is_tuple=True)
    for node in (
        made("items", nodes.Sequence([1, 2])), made("items", nodes.Sequence([three])),
        made("keys", nodes.Sequence([nodes.Sequence([])])),
    ):  # fmt: skip
        with pytest.raises(nodes.ProtocolViolationError):
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
    assert isinstance(node.items[1], nodes.Opaque)
    assert buffers == []


def test_a_part_that_stays_is_one_that_any_object_can_be() -> None:
    class Mine:
        pass

    back = crossed(pd.DataFrame({"a": [Mine(), 1]}, index=["x", "y"]))
    assert isinstance(back.loc["x", "a"], nodes.Opaque)


def test_what_holds_itself_is_refused() -> None:
    with pytest.raises(values.ValueRefusedError, match="holds itself"):
        sent(_holding_itself(), as_argument=True)
    with pytest.raises(values.ValueRefusedError, match=r"holds itself|nested deeper"):
        sent(_holding_itself())
