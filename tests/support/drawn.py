"""Values of the standard library and of pandas, drawn by Hypothesis."""

import collections
import datetime as dt
import pathlib
import typing
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st


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
