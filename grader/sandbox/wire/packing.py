"""Many items of one kind in one piece: a list of a million integers, a column of words.

Both sides run this file; in the child it is executed from source, beside `protocol`.
"""

import sys
from array import array
from collections.abc import Sequence
from datetime import date
from importlib import import_module
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from .nodes import ProtocolViolationError

FEWEST = 256  # items; fewer are no longer as nodes
# What stands where there is no text; a byte each.
PRESENT, NONE, NAN, NAT, NA = range(5)
NUMBERS = {"int": "q", "float": "d", "date": "i"}  # the code of a number's C type
# Bytes that one item takes at most in the memory of the other side, without its characters.
WEIGHTS = {"int": 40, "float": 32, "date": 40, "bool": 8, "str": 72}
WIDEST_CHARACTER = 4
LAST_DAY = date.max.toordinal()


class Pack(NamedTuple):
    """Items of one kind: how many, and the memory that holds them."""

    kind: str
    size: int
    data: memoryview
    lengths: memoryview | None = None  # of texts, in characters, as uint32
    missing: memoryview | None = None  # of texts, what there is of each

    @property
    def weight(self) -> int:
        """The bytes that the items take at most when they are unpacked."""
        characters = WIDEST_CHARACTER * self.data.nbytes if self.kind == "str" else 0
        return WEIGHTS[self.kind] * self.size + characters


def pack(items: Sequence[Any]) -> Pack | None:
    """Return items in one piece, or None where they are not of one exact kind."""
    kinds = set(map(type, items))
    if str in kinds:
        return _pack_texts(items, kinds)
    if len(kinds) != 1:
        return None
    [kind] = kinds
    if kind is bool:
        return Pack("bool", len(items), memoryview(bytes(items)))
    if kind not in {int, float, date}:
        return None
    numbers = map(date.toordinal, items) if kind is date else items
    try:
        packed = array(NUMBERS[kind.__name__], numbers)
    except OverflowError:
        return None
    return Pack(kind.__name__, len(items), memoryview(packed).cast("B"))


def _pack_texts(items: Sequence[Any], kinds: set[type]) -> Pack | None:
    missing = None
    if kinds != {str}:
        codes = _codes(items)
        if codes is None:
            return None
        missing = memoryview(codes)
        items = ["" if code else item for code, item in zip(codes, items, strict=True)]
    text = "".join(items).encode("utf-8", "replace")
    lengths = array("I", map(len, items))
    return Pack("str", len(items), memoryview(text), memoryview(lengths).cast("B"), missing)


def _codes(items: Sequence[Any]) -> bytes | None:
    pandas = sys.modules.get("pandas")
    known = {id(None): NONE}
    if pandas is not None:
        known |= {id(pandas.NaT): NAT, id(pandas.NA): NA}
    codes = bytearray(len(items))
    for number, item in enumerate(items):
        kind = type(item)
        if kind is str:
            continue
        code = NAN if kind is float and item != item else known.get(id(item))  # noqa: PLR0124
        if code is None:
            return None
        codes[number] = code
    return bytes(codes)


def unpack(found: Pack) -> list[Any]:
    """Return the items; ProtocolViolationError where the memory does not hold as many of them."""
    if found.kind == "str":
        return _unpack_texts(found)
    if found.kind == "bool":
        raw = bytes(found.data)
        if len(raw) != found.size or raw.strip(b"\x00\x01"):
            raise ProtocolViolationError("packed truth values that are none")
        return [value == 1 for value in raw]
    numbers = array(NUMBERS[found.kind])
    if found.data.nbytes != found.size * numbers.itemsize:
        raise ProtocolViolationError("packed numbers of another size")
    numbers.frombytes(found.data)
    if found.kind == "date":
        if numbers and not 1 <= min(numbers) <= max(numbers) <= LAST_DAY:
            raise ProtocolViolationError("a packed date before the first or after the last")
        return [date.fromordinal(day) for day in numbers]
    return numbers.tolist()


def _unpack_texts(found: Pack) -> list[Any]:
    lengths = array("I")
    if found.lengths is None or found.lengths.nbytes != found.size * lengths.itemsize:
        raise ProtocolViolationError("packed texts of another number")
    lengths.frombytes(found.lengths)
    try:
        text = str(found.data, "utf-8")
    except UnicodeDecodeError:
        raise ProtocolViolationError("packed texts that are no UTF-8") from None
    if sum(lengths) != len(text):
        raise ProtocolViolationError("packed texts of another length")
    items: list[Any] = [text[start:end] for start, end in pairwise(accumulate(lengths, initial=0))]
    if found.missing is not None:
        _take_away(items, bytes(found.missing))
    return items


def _take_away(items: list[Any], codes: bytes) -> None:
    if len(codes) != len(items) or max(codes, default=0) > NA:
        raise ProtocolViolationError("packed texts whose missing ones are not told")
    absent = {NONE: None, NAN: float("nan")}
    if "numpy" in sys.modules:
        absent[NAN] = sys.modules["numpy"].nan
    if max(codes, default=0) >= NAT:
        pandas = import_module("pandas")
        absent |= {NAT: pandas.NaT, NA: pandas.NA}
    for number, code in enumerate(codes):
        if code:
            items[number] = absent[code]
