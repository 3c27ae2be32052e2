"""Values of the standard library that are made of parts: dates, exact numbers, ranges, paths.

Both sides run this file; in the child it is executed from source.
"""

import builtins
import datetime as dt
import math
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from keyword import iskeyword
from operator import itemgetter
from pathlib import Path, PurePath, PurePosixPath
from types import NoneType
from typing import Any
from zoneinfo import ZoneInfo

from .kinds import TABLE, Kind, NotByValueError

LONGEST_RANGE = 10_000_000  # what is longer stays where it is, since a test may go through it
LONGEST_DECIMAL = 4_096  # characters
LARGEST_EXPONENT = 10_000  # int(Decimal("1e999999999")) would take the rest of the day
MOST_FIELDS = 64
LONGEST_NAME = 100

NUMBER = (int, float)


def fields(kind: Any, *names: str) -> Callable[[Any], list[Any]]:
    """Return what reads some attributes of a value as its base class has them."""
    getters = [getattr(kind, name).__get__ for name in names]
    return lambda value: [get(value) for get in getters]


# --- plain classes, functions and constants by their names ---------------------------------------

CONSTANTS = {"Ellipsis": Ellipsis, "NotImplemented": NotImplemented, "NoneType": NoneType}
CLASSES = [
    "bool", "bytearray", "bytes", "complex", "dict", "enumerate", "filter", "float", "frozenset",
    "int", "list", "map", "object", "range", "reversed", "set", "slice", "str", "tuple", "type",
    "zip",
]  # fmt: skip
# Those that read their arguments and nothing else.
FUNCTIONS = [
    "abs", "all", "any", "ascii", "bin", "callable", "chr", "divmod", "format", "hash", "hex",
    "isinstance", "issubclass", "iter", "len", "max", "min", "next", "oct", "ord", "pow", "repr",
    "round", "sorted", "sum",
]  # fmt: skip
EXCEPTIONS = [
    name for name, item in vars(builtins).items()
    if isinstance(item, type) and issubclass(item, BaseException)
]  # fmt: skip
BUILTINS: dict[str, Any] = CONSTANTS | {
    name: getattr(builtins, name) for name in (*CLASSES, *FUNCTIONS, *EXCEPTIONS)
}
_NAMES = {id(item): name for name, item in BUILTINS.items()}


def builtin_name(value: Any) -> str | None:
    """Return the name of one of Python's own classes, functions and constants, else None."""
    return _NAMES.get(id(value))


def is_builtin_name(name: Any) -> bool:
    return type(name) is str and name in BUILTINS


BUILTIN = Kind("builtin", (), lambda value: [_NAMES[id(value)]], BUILTINS.__getitem__,
               (is_builtin_name,))  # fmt: skip


# --- dates and times -----------------------------------------------------------------------------


def is_timezone(value: Any) -> bool:
    """Tell whether a value is None or a time zone that travels."""
    return value is None or isinstance(value, dt.tzinfo)


def _zone(value: ZoneInfo) -> list[Any]:
    key = ZoneInfo.key.__get__(value)
    if key is None:
        raise NotByValueError("a time zone from a file")
    return [key]


def _fixed(value: dt.timezone) -> list[Any]:
    offset, *name = dt.timezone.__getinitargs__(value)  # type: ignore[attr-defined]
    return [offset, name[0] if name else None]


def _made_fixed(offset: dt.timedelta, name: str | None) -> dt.timezone:
    if name is None and not offset:
        return dt.UTC
    return dt.timezone(offset) if name is None else dt.timezone(offset, name)


def _pytz(value: Any) -> list[Any]:
    zone = getattr(value, "zone", None)
    if type(zone) is not str:
        raise NotByValueError("a time zone without a name")
    return [zone]


def _made_pytz(zone: str) -> Any:
    import pytz

    return pytz.timezone(zone)


def _datetime(value: dt.datetime) -> list[Any]:
    zone = dt.datetime.tzinfo.__get__(value)
    plain = dt.datetime.replace(value, tzinfo=None)
    by_standard = zone is None or isinstance(zone, dt.timezone | ZoneInfo)
    if not by_standard:  # pytz: a zone's object stands for one of its offsets
        plain = dt.datetime.astimezone(value, dt.UTC).replace(tzinfo=None)
    names = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return [*(getattr(plain, name) for name in names), plain.fold, zone, not by_standard]


def _made_datetime(*parts: Any) -> dt.datetime:
    *numbers, fold, zone, in_utc = parts
    if in_utc and zone is not None:
        there: dt.datetime = zone.fromutc(dt.datetime(*numbers).replace(tzinfo=zone))  # noqa: DTZ001
        return there
    return dt.datetime(*numbers).replace(tzinfo=zone, fold=fold)  # noqa: DTZ001


def _made_time(*parts: Any) -> dt.time:
    *numbers, fold, zone = parts
    return dt.time(*numbers).replace(tzinfo=zone, fold=fold)


_DAY = (int, int, int)
_CLOCK = (int, int, int, int)

# --- exact numbers, ranges, paths ----------------------------------------------------------------

_DECIMAL = re.compile(
    r"[+-]?(\d+(\.\d*)?|\.\d+)(E[+-]?\d+)?|[+-]?Infinity|[+-]?s?NaN\d*", re.IGNORECASE | re.ASCII
)


def _decimal(value: Decimal) -> list[Any]:
    if Decimal.is_finite(value) and abs(Decimal.adjusted(value)) > LARGEST_EXPONENT:
        raise NotByValueError("a decimal number with a large exponent")
    text = Decimal.__str__(value)
    if len(text) > LONGEST_DECIMAL:
        raise NotByValueError("a decimal number with many digits")
    return [text]


def _made_decimal(text: str) -> Decimal:
    if len(text) > LONGEST_DECIMAL or not _DECIMAL.fullmatch(text):
        raise ValueError("no decimal number")
    made = Decimal(text)
    if made.is_finite() and abs(made.adjusted()) > LARGEST_EXPONENT:
        raise ValueError("an exponent that is too large")
    return made


def _range(value: range) -> list[Any]:
    if _range_length(value.start, value.stop, value.step) > LONGEST_RANGE:
        raise NotByValueError("a long range")
    return [value.start, value.stop, value.step]


def _range_length(start: int, stop: int, step: int) -> int:
    return max(0, -((start - stop) // step))


def _made_range(start: int, stop: int, step: int) -> range:
    if _range_length(start, stop, step) > LONGEST_RANGE:
        raise ValueError("a range that is too long")
    return range(start, stop, step)


def _made_fraction(numerator: int, denominator: int) -> Fraction:
    if denominator <= 0 or math.gcd(numerator, denominator) != 1:
        raise ValueError("a fraction that is not in lowest terms")
    return Fraction(numerator, denominator)


def _pairs(value: Any) -> list[Any]:
    return [list(value)]


def _made_items(pairs: list[Any]) -> Any:
    if not all(type(pair) is tuple and len(pair) == 2 for pair in pairs):  # noqa: PLR2004
        raise ValueError("items that are no pairs")
    return dict(pairs).items()


def _memory(value: memoryview) -> list[Any]:
    if value.format != "B" or value.ndim != 1:
        raise NotByValueError("a view of what is no bytes")
    return [bytes(value)]


def _refill_bytes(target: bytearray, other: bytearray) -> None:
    target[:] = other


# --- named tuples --------------------------------------------------------------------------------

_OWN_NAMES = frozenset(
    {
        "__doc__", "__slots__", "_fields", "_field_defaults", "__new__", "_make", "__replace__",
        "_replace", "__repr__", "_asdict", "__getnewargs__", "__match_args__", "__module__",
        "__orig_bases__", "__annotations__", "__static_attributes__", "__firstlineno__",
        "__annotate__", "__annotate_func__", "__annotations_cache__", "__dict__", "__weakref__",
        "__qualname__",
    }
)  # fmt: skip


def is_named_tuple(kind: type) -> bool:
    """Tell whether a class is a named tuple, and nothing beside that."""
    names = vars(kind).get("_fields")
    if type(names) is not tuple or not _may_be_fields(names) or kind.__bases__ != (tuple,):
        return False
    return set(vars(kind)) <= _OWN_NAMES | set(names)


def _may_be_fields(names: tuple[Any, ...]) -> bool:
    if len(names) > MOST_FIELDS or len(set(names)) != len(names):
        return False
    return all(
        type(name) is str and name.isidentifier() and not iskeyword(name) and name[0] != "_"
        for name in names
    )


def _named_tuple(value: Any) -> list[Any]:
    kind = type(value)
    return [kind.__name__, vars(kind)["_fields"], list(tuple.__iter__(value))]


def _made_named_tuple(name: str, names: tuple[Any, ...], items: list[Any]) -> Any:
    if not name.isidentifier() or len(name) > LONGEST_NAME or not _may_be_fields(names):
        raise ValueError("names that are none")
    if len(names) != len(items):
        raise ValueError("as many names as items")
    return tuple.__new__(_tuple_class(name, names), items)


@lru_cache(256)
def _tuple_class(name: str, names: tuple[str, ...]) -> type:
    """Return a class that does what a named tuple's does; no text is compiled to make it."""

    def new(cls: Any, *args: Any, **kwargs: Any) -> Any:
        given = dict(zip(names, args, strict=False)) | kwargs
        if len(args) + len(kwargs) != len(names) or set(given) != set(names):
            raise TypeError(f"{name}() takes {', '.join(names)}")
        return tuple.__new__(cls, [given[one] for one in names])

    def make(cls: Any, iterable: Any) -> Any:
        return cls(*iterable)

    def replace(self: Any, /, **kwargs: Any) -> Any:
        return type(self)(**{**asdict(self), **kwargs})

    def asdict(self: Any) -> dict[str, Any]:
        return dict(zip(names, self, strict=True))

    def text(self: Any) -> str:
        shown = ", ".join(f"{one}={item!r}" for one, item in asdict(self).items())
        return f"{name}({shown})"

    return type(name, (tuple,), {
        "__slots__": (), "__new__": new, "_make": classmethod(make), "_replace": replace,
        "_asdict": asdict, "__repr__": text, "_fields": names, "_field_defaults": {},
        "__match_args__": names, "__module__": "__main__",
        **{one: property(itemgetter(place)) for place, one in enumerate(names)},
    })  # fmt: skip


NAMED_TUPLE = Kind("named tuple", (), _named_tuple, _made_named_tuple, (str, tuple, list),
                   weight=500)  # fmt: skip

TABLE.add(
    BUILTIN,
    NAMED_TUPLE,
    Kind("date", (dt.date,), fields(dt.date, "year", "month", "day"), dt.date, _DAY),
    Kind("datetime", (dt.datetime,), _datetime, _made_datetime,
         (*_DAY, *_CLOCK, int, is_timezone, bool)),
    Kind("time", (dt.time,),
         fields(dt.time, "hour", "minute", "second", "microsecond", "fold", "tzinfo"),
         _made_time, (*_CLOCK, int, is_timezone)),
    Kind("timedelta", (dt.timedelta,), fields(dt.timedelta, "days", "seconds", "microseconds"),
         dt.timedelta, _DAY),
    Kind("timezone", (dt.timezone,), _fixed, _made_fixed, (dt.timedelta, (str, NoneType))),
    Kind("ZoneInfo", (ZoneInfo,), _zone, ZoneInfo, (str,), weight=5_000),
    Kind("pytz", ("BaseTzInfo",), _pytz, _made_pytz, (str,), module="pytz.tzinfo", weight=5_000),
    Kind("Decimal", (Decimal,), _decimal, _made_decimal, (str,)),
    Kind("Fraction", (Fraction,), fields(Fraction, "numerator", "denominator"), _made_fraction,
         (int, int)),
    Kind("range", (range,), _range, _made_range, (int, int, int)),
    Kind("slice", (slice,), fields(slice, "start", "stop", "step"), slice,
         (object, object, object)),
    Kind("bytearray", (bytearray,), lambda value: [bytes(value)], bytearray, (bytes,),
         refill=_refill_bytes, copy=bytearray),
    # A view of a dict that nobody has: what it shows, as it was.
    Kind("keys", (type({}.keys()),), _pairs, lambda keys: dict.fromkeys(keys).keys(), (list,)),
    Kind("values", (type({}.values()),), _pairs, lambda found: dict(enumerate(found)).values(),
         (list,)),
    Kind("items", (type({}.items()),), _pairs, _made_items, (list,)),
    Kind("memoryview", (memoryview,), _memory, memoryview, (bytes,)),
    Kind("Path", (Path,), lambda value: [PurePath.__str__(value)], Path, (str,)),
    Kind("PurePath", (PurePosixPath,), lambda value: [PurePath.__str__(value)], PurePosixPath,
         (str,)),
)  # fmt: skip
