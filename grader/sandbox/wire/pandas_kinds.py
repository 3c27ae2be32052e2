"""Values of pandas: indices, series, frames, and the arrays, dtypes and scalars that they hold.

A frame is read from its blocks, column by column, whatever a subclass makes of its attributes.
Both sides run this file; in the child it is executed from source, and pandas is imported where a
value of it is read or built.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .kinds import TABLE, Kind, NotByValueError
from .numpy_kinds import is_array
from .standard import NUMBER, is_timezone

if TYPE_CHECKING:
    import pandas as pd

FIRST_YEAR, LAST_YEAR = 1, 9_999
LONGEST_INDEX = 100_000_000  # rows of a RangeIndex, which takes no memory until it is used
MASKED = {
    "IntegerArray": "iu", "FloatingArray": "f", "BooleanArray": "b",
}  # fmt: skip
MASKED_DTYPES = [
    "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64",
    "boolean",
]  # fmt: skip
STORAGES = ("python", "pyarrow", "pyarrow_numpy")
CLOSED = ("left", "right", "both", "neither")
TEXT = (str, type(None))


def _is_index(value: Any) -> bool:
    import pandas as pd

    return isinstance(value, pd.Index)


def _is_values(value: Any) -> bool:
    """Tell whether a value can be a column: an array of one dimension."""
    import pandas as pd

    is_known = is_array(value) or isinstance(value, pd.api.extensions.ExtensionArray)
    return is_known and value.ndim == 1


def _is_index_or_none(value: Any) -> bool:
    return value is None or _is_index(value)


def _all(check: Any) -> Any:
    return lambda value: type(value) is list and all(map(check, value))


def _values(array: Any) -> Any:
    """Return an extension array as what travels: NumPy's array where it only wraps one."""
    import pandas as pd

    if type(array) is pd.arrays.NumpyExtensionArray:  # that of texts is a subclass
        return array.to_numpy()
    if isinstance(array, pd.arrays.DatetimeArray | pd.arrays.TimedeltaArray) and not getattr(
        array, "tz", None
    ):
        return array.to_numpy()
    return array


# --- indices -------------------------------------------------------------------------------------


def _index(value: "pd.Index") -> list[Any]:
    freq = getattr(value, "freq", None)
    return [_values(value.array), value.name, _frequency(freq)]


def _frequency(freq: Any) -> str | None:
    """Return a frequency's name where it says everything of it."""
    import pandas as pd

    if freq is None:
        return None
    return str(freq.freqstr) if pd.tseries.frequencies.to_offset(freq.freqstr) == freq else None


def _made_index(values: Any, name: Any, freq: str | None) -> "pd.Index":
    import pandas as pd

    if is_array(values) and values.dtype == object:
        return pd.Index(values, dtype=object, name=name)
    made = pd.Index(values, name=name)
    if freq is not None and isinstance(made, pd.DatetimeIndex | pd.TimedeltaIndex):
        made = type(made)(made, freq=freq)
    return made


def _range_index(value: "pd.RangeIndex") -> list[Any]:
    return [value.start, value.stop, value.step, value.name]


def _made_range_index(start: int, stop: int, step: int, name: Any) -> "pd.RangeIndex":
    import pandas as pd

    if len(range(start, stop, step)) > LONGEST_INDEX:
        raise ValueError("an index that is too long")
    return pd.RangeIndex(start, stop, step, name=name)


def _multi_index(value: "pd.MultiIndex") -> list[Any]:
    import numpy as np

    return [list(value.levels), [np.asarray(code) for code in value.codes], list(value.names)]


def _made_multi_index(levels: list[Any], codes: list[Any], names: list[Any]) -> "pd.MultiIndex":
    import pandas as pd

    return pd.MultiIndex(levels, codes, names=names)


# --- series and frames ---------------------------------------------------------------------------


def _storage(value: Any, name: str) -> Any:
    return object.__getattribute__(value, name)


def _attributes(value: Any) -> dict[Any, Any]:
    found = _storage(value, "_attrs")
    return dict(found) if isinstance(found, dict) else {}


def plain_series(value: Any) -> "pd.Series":
    """Return a series over another's memory, which is of no class but pandas's own."""
    import pandas as pd

    manager = _storage(value, "_mgr")
    return pd.Series._from_mgr(manager, manager.axes)  # noqa: SLF001


def plain_frame(value: Any) -> "pd.DataFrame":
    """Return a frame over another's memory, which is of no class but pandas's own."""
    import pandas as pd

    manager = _storage(value, "_mgr")
    return pd.DataFrame._from_mgr(manager, manager.axes)  # noqa: SLF001


def _series(value: Any) -> list[Any]:
    plain = plain_series(value)
    return [_values(plain.array), plain.index, _storage(value, "_name"), _attributes(value)]


def _made_series(
    values: Any, index: "pd.Index", name: Any, attributes: dict[Any, Any]
) -> "pd.Series":
    made = _column(values, index)
    made.name = name
    made.attrs.update(attributes)
    return made


def _column(values: Any, index: "pd.Index") -> "pd.Series":
    import pandas as pd

    if len(values) != len(index):
        raise ValueError("a column of another length than its index")
    is_object = is_array(values) and values.dtype == object
    return pd.Series(values, index=index, dtype=object if is_object else None, copy=False)


def _frame(value: Any) -> list[Any]:
    plain = plain_frame(value)
    columns = [_values(plain.iloc[:, number].array) for number in range(plain.shape[1])]
    return [plain.columns, plain.index, columns, _attributes(value)]


def _made_frame(
    labels: "pd.Index", index: "pd.Index", columns: Sequence[Any], attributes: dict[Any, Any]
) -> "pd.DataFrame":
    import pandas as pd

    if len(labels) != len(columns):
        raise ValueError("as many labels as columns")
    series = {number: _column(values, index) for number, values in enumerate(columns)}
    made = pd.DataFrame(series, index=index, copy=False)
    made.columns = labels
    made.attrs.update(attributes)
    return made


def _refill(target: Any, other: Any) -> None:
    """Give a frame or a series what another holds, with its index, labels and name."""
    target._update_inplace(other.copy())  # noqa: SLF001
    if other.ndim == 1:
        target.name = other.name
    target.attrs.clear()
    target.attrs.update(other.attrs)


def _copied_series(value: Any) -> "pd.Series":
    return _named(plain_series(value).copy(), value)


def _named(made: "pd.Series", value: Any) -> "pd.Series":
    made.name = _storage(value, "_name")
    made.attrs.update(_attributes(value))
    return made


def _copied_frame(value: Any) -> "pd.DataFrame":
    made = plain_frame(value).copy()
    made.attrs.update(_attributes(value))
    return made


# --- extension arrays and their dtypes -----------------------------------------------------------


def _categorical(value: "pd.Categorical") -> list[Any]:
    return [value.codes, value.categories, bool(value.ordered)]


def _made_categorical(codes: Any, categories: "pd.Index", ordered: bool) -> "pd.Categorical":
    import pandas as pd

    return pd.Categorical.from_codes(codes, categories=categories, ordered=ordered)


def _times(value: Any) -> list[Any]:
    zone = getattr(value, "tz", None)
    naive = value if zone is None else value.tz_convert("UTC").tz_localize(None)
    return [naive.to_numpy(), zone]


def _made_times(values: Any, zone: Any) -> Any:
    import pandas as pd

    if values.dtype.kind == "m":
        return pd.TimedeltaIndex(values).array
    index = pd.DatetimeIndex(values)
    return index.array if zone is None else index.tz_localize("UTC").tz_convert(zone).array


def _periods(value: Any) -> list[Any]:
    return [value.asi8, value.freqstr]


def _made_periods(ordinals: Any, freq: str) -> Any:
    import pandas as pd

    return pd.arrays.PeriodArray(ordinals, dtype=pd.PeriodDtype(freq))


def _intervals(value: Any) -> list[Any]:
    return [_index(value.left)[0], _index(value.right)[0], value.closed]


def _made_intervals(left: Any, right: Any, closed: str) -> Any:
    import pandas as pd

    return pd.arrays.IntervalArray.from_arrays(left, right, closed=closed)


def _masked(value: Any) -> list[Any]:
    return [value._data, value._mask]  # noqa: SLF001


def _made_masked(data: Any, mask: Any) -> Any:
    import pandas as pd

    [kind] = [name for name, codes in MASKED.items() if data.dtype.kind in codes]
    return getattr(pd.arrays, kind)(data, mask)


def _texts(value: Any) -> list[Any]:
    return [value.to_numpy(dtype=object, na_value=None), *_string_dtype(value.dtype)]


def _made_texts(texts: Any, storage: str, na_is_nan: bool) -> Any:
    import pandas as pd

    if not all(type(text) in TEXT for text in texts.tolist()):
        raise ValueError("a text that is none")
    return pd.array(texts, dtype=_made_string_dtype(storage, na_is_nan))


def _string_dtype(value: Any) -> list[Any]:
    missing = getattr(value, "na_value", None)
    return [value.storage, isinstance(missing, float)]


def _made_string_dtype(storage: str, na_is_nan: bool) -> Any:
    import pandas as pd

    if storage not in STORAGES:
        raise ValueError("a storage that is none")
    made = pd.StringDtype(storage)
    if isinstance(made.na_value, float) == na_is_nan:
        return made
    return pd.StringDtype(storage, na_value=float("nan"))  # of no version before 2.3


def _category_dtype(value: Any) -> list[Any]:
    return [value.categories, bool(value.ordered)]


def _made_category_dtype(categories: Any, ordered: bool) -> Any:
    import pandas as pd

    return pd.CategoricalDtype(categories, ordered=ordered)


def _zoned_dtype(value: Any) -> list[Any]:
    return [value.unit, value.tz]


def _made_zoned_dtype(unit: str, zone: Any) -> Any:
    import pandas as pd

    return pd.DatetimeTZDtype(unit, zone)


def _period_dtype(value: Any) -> list[Any]:
    return [_period_name(value.freq)]


def _period_name(freq: Any) -> str:
    import pandas as pd

    return str(pd.PeriodDtype(freq).name.removeprefix("period[").removesuffix("]"))


def _made_period_dtype(freq: str) -> Any:
    import pandas as pd

    return pd.PeriodDtype(freq)


def _interval_dtype(value: Any) -> list[Any]:
    return [value.subtype, value.closed]


def _made_interval_dtype(subtype: Any, closed: str | None) -> Any:
    import pandas as pd

    return pd.IntervalDtype(subtype, closed)


def _masked_dtype(value: Any) -> list[Any]:
    return [value.name]


def _made_masked_dtype(name: str) -> Any:
    import pandas as pd

    if name not in MASKED_DTYPES:
        raise ValueError("a dtype that is none")
    return getattr(pd, f"{name[0].upper()}{name[1:]}Dtype")()


# --- scalars -------------------------------------------------------------------------------------


def _timestamp(value: "pd.Timestamp") -> list[Any]:
    import pandas as pd

    if not FIRST_YEAR <= pd.Timestamp.year.__get__(value) <= LAST_YEAR:
        raise NotByValueError("a moment that Python's own dates do not have")
    return [pd.Timestamp.to_datetime64(value), pd.Timestamp.tz.__get__(value)]


def _made_timestamp(moment: Any, zone: Any) -> "pd.Timestamp":
    import pandas as pd

    made = pd.Timestamp(moment)
    if not FIRST_YEAR <= made.year <= LAST_YEAR:  # it could not even be printed
        raise ValueError("a moment that Python's own dates do not have")
    return made if zone is None else made.tz_localize("UTC").tz_convert(zone)


def _is_moment(value: Any) -> bool:
    import numpy as np

    return type(value) is np.datetime64 and not np.isnat(value)


def _is_duration(value: Any) -> bool:
    import numpy as np

    return type(value) is np.timedelta64 and not np.isnat(value)


def _timedelta(value: "pd.Timedelta") -> list[Any]:
    import pandas as pd

    return [pd.Timedelta.to_timedelta64(value)]


def _made_timedelta(duration: Any) -> "pd.Timedelta":
    import pandas as pd

    return pd.Timedelta(duration)


def _period(value: "pd.Period") -> list[Any]:
    return [value.ordinal, _period_name(value.freq)]


def _made_period(ordinal: int, freq: str) -> "pd.Period":
    import pandas as pd

    return pd.Period(ordinal=ordinal, freq=freq)


def _interval(value: "pd.Interval") -> list[Any]:
    return [value.left, value.right, value.closed]


def _made_interval(left: Any, right: Any, closed: str) -> "pd.Interval":
    import pandas as pd

    return pd.Interval(left, right, closed=closed)


def _is_bound(value: Any) -> bool:
    import numpy as np
    import pandas as pd

    return type(value) in NUMBER or isinstance(value, pd.Timestamp | pd.Timedelta | np.number)


def _missing(value: Any) -> list[Any]:
    import pandas as pd

    return ["NaT" if value is pd.NaT else "NA"]


def _made_missing(name: str) -> Any:
    import pandas as pd

    return {"NaT": pd.NaT, "NA": pd.NA}[name]


def _kind(name: str, classes: str, parts: Any, build: Any, takes: tuple[Any, ...]) -> Kind:
    return Kind(name, tuple(classes.split()), parts, build, takes, module="pandas", weight=2_000)


TABLE.add(
    _kind("Index", "Index DatetimeIndex TimedeltaIndex PeriodIndex IntervalIndex CategoricalIndex",
          _index, _made_index, (_is_values, object, TEXT)),
    _kind("RangeIndex", "RangeIndex", _range_index, _made_range_index, (int, int, int, object)),
    _kind("MultiIndex", "MultiIndex", _multi_index, _made_multi_index,
          (_all(_is_index), _all(is_array), list)),
    Kind("Series", ("Series",), _series, _made_series, (_is_values, _is_index, object, dict),
         module="pandas", weight=50_000, refill=_refill, copy=_copied_series),
    Kind("DataFrame", ("DataFrame",), _frame, _made_frame,
         (_is_index, _is_index, _all(_is_values), dict),
         module="pandas", weight=250_000, refill=_refill, copy=_copied_frame),
    _kind("Categorical", "Categorical", _categorical, _made_categorical,
          (is_array, _is_index, bool)),
    _kind("times", "arrays.DatetimeArray arrays.TimedeltaArray", _times, _made_times,
          (is_array, is_timezone)),
    _kind("periods", "arrays.PeriodArray", _periods, _made_periods, (is_array, str)),
    _kind("intervals", "arrays.IntervalArray", _intervals, _made_intervals,
          (_is_values, _is_values, CLOSED.__contains__)),
    _kind("numbers with gaps", " ".join(f"arrays.{name}" for name in MASKED), _masked,
          _made_masked, (is_array, is_array)),
    _kind("texts", "arrays.StringArray arrays.ArrowStringArray", _texts, _made_texts,
          (is_array, str, bool)),
    _kind("StringDtype", "StringDtype", _string_dtype, _made_string_dtype, (str, bool)),
    _kind("CategoricalDtype", "CategoricalDtype", _category_dtype, _made_category_dtype,
          (_is_index_or_none, bool)),
    _kind("DatetimeTZDtype", "DatetimeTZDtype", _zoned_dtype, _made_zoned_dtype,
          (str, is_timezone)),
    _kind("PeriodDtype", "PeriodDtype", _period_dtype, _made_period_dtype, (str,)),
    _kind("IntervalDtype", "IntervalDtype", _interval_dtype, _made_interval_dtype, (object, TEXT)),
    _kind("dtype with gaps",
          " ".join(f"{name[0].upper()}{name[1:]}Dtype" for name in MASKED_DTYPES),
          _masked_dtype, _made_masked_dtype, (str,)),
    _kind("Timestamp", "Timestamp", _timestamp, _made_timestamp, (_is_moment, is_timezone)),
    _kind("Timedelta", "Timedelta", _timedelta, _made_timedelta, (_is_duration,)),
    _kind("Period", "Period", _period, _made_period, (int, str)),
    _kind("Interval", "Interval", _interval, _made_interval,
          (_is_bound, _is_bound, CLOSED.__contains__)),
    # The classes of NaT and NA have no public name.
    Kind("missing", ("_libs.tslibs.nattype.NaTType", "_libs.missing.NAType"), _missing,
         _made_missing, (str,), module="pandas"),
)  # fmt: skip
