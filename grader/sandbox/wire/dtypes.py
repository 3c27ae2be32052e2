"""Which dtypes arrays may have when they travel, and how they are named on the wire.

Numbers have NumPy's or torch's names. Text, bytes and times have NumPy's codes, such as `<U5`.
Both sides run this file; in the child it is executed from source.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

ITEM_BYTES = {
    "bool": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "float16": 2, "bfloat16": 2,
    "int32": 4, "uint32": 4, "float32": 4, "int64": 8, "uint64": 8, "float64": 8,
    "complex64": 8, "complex128": 16,
}  # fmt: skip
TORCH_DTYPES = frozenset(ITEM_BYTES)
NUMPY_DTYPES = TORCH_DTYPES - {"bfloat16"}

_TEXT = re.compile(r"<U([1-9]\d{0,6})")
_BYTES = re.compile(r"\|S([1-9]\d{0,6})")
_TIMES = re.compile(r"<[mM]8(\[([1-9]\d{0,5})?(Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\])?")
CHARACTER = 4  # bytes, in an array
LAST_CHARACTER = 0x10FFFF
SURROGATES = (0xD800, 0xDFFF)  # no characters, and no file or page can be written with them


@lru_cache(256)
def item_bytes(library: str, name: str) -> int | None:
    """Return the size of one element; None where arrays of that dtype do not travel."""
    if library == "torch":
        return ITEM_BYTES.get(name)
    if library != "numpy":
        return None
    if name in NUMPY_DTYPES:
        return ITEM_BYTES[name]
    if found := _TEXT.fullmatch(name):
        return CHARACTER * int(found[1])
    if found := _BYTES.fullmatch(name):
        return int(found[1])
    return 8 if _TIMES.fullmatch(name) else None


@lru_cache(256)
def name_of(dtype: "np.dtype") -> str | None:
    """Return the name of a NumPy dtype whose arrays travel as they lie in memory, else None."""
    if dtype.kind in "USmM":
        code = dtype.newbyteorder("<").str
        return code if item_bytes("numpy", code) is not None else None
    return dtype.name if dtype.name in NUMPY_DTYPES else None


def holds_no_character(array: "np.ndarray") -> "np.ndarray":
    """Say of each code in an array of text whether no character has it."""
    import numpy as np

    codes = np.ascontiguousarray(array).reshape(-1).view(np.uint32)
    first, last = SURROGATES
    return (codes > LAST_CHARACTER) | ((codes >= first) & (codes <= last))


def without_surrogates(array: "np.ndarray") -> "np.ndarray":
    """Return an array of text with `?` for what is no character, as texts are sent."""
    import numpy as np

    if array.dtype.kind != "U" or not array.size or not (odd := holds_no_character(array)).any():
        return array
    fresh = np.array(array, order="C")
    fresh.reshape(-1).view(np.uint32)[odd] = ord("?")
    return fresh
