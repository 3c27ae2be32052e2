"""Values of NumPy, torch and SciPy beside plain arrays: dtypes, texts, records, masks, sparse ones.

Both sides run this file; in the child it is executed from source.
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import dtypes
from .kinds import TABLE, Kind, NotByValueError

if TYPE_CHECKING:
    import numpy as np

TITLED = 3  # what there is of a field that has a title
LARGEST_ITEM = 1 << 20  # bytes, of one record
LONGEST_SIDE = 10_000_000  # of a sparse matrix
LONGEST_CODE = 40
PLAIN_CODES = "?bhilqBHILQefdgFDGOUSVmM"


def is_array(value: Any) -> bool:
    import numpy as np

    return type(value) is np.ndarray


def _is_dtype(value: Any) -> bool:
    import numpy as np

    return isinstance(value, np.dtype)


def _list_of(wanted: Any) -> Any:
    def check(value: Any) -> bool:
        if type(value) is not list:
            return False
        if isinstance(wanted, type):
            return all(type(item) is wanted for item in value)
        return all(map(wanted, value))

    return check


# --- dtypes --------------------------------------------------------------------------------------


def _dtype(value: "np.dtype") -> list[Any]:
    if value.subdtype is not None:
        base, shape = value.subdtype
        return ["subarray", [base], list(shape)]
    if value.names is None:
        if value.char not in PLAIN_CODES:
            raise NotByValueError("a dtype of another kind")
        return ["plain", [], [value.str]]
    import numpy as np

    fields: list[Any] = [value.fields[name] for name in value.names]  # type: ignore[index]
    offsets = [field[1] for field in fields]
    titles = [field[2] if len(field) == TITLED else None for field in fields]
    is_record = issubclass(value.type, np.record)
    about = [list(value.names), offsets, titles, value.itemsize, is_record]
    return ["fields", [field[0] for field in fields], about]


def _made_dtype(form: str, inner: list[Any], about: list[Any]) -> "np.dtype":
    import numpy as np

    if form == "plain":
        [code] = about
        if type(code) is not str or len(code) > LONGEST_CODE or "," in code or "(" in code:
            raise ValueError("a code of a dtype that is none")
        return np.dtype(code)
    if form == "subarray":
        [base] = inner
        made = np.dtype((base, tuple(about)))
    else:
        names, offsets, titles, size, is_record = about
        if type(size) is not int or not 0 <= size <= LARGEST_ITEM:
            raise ValueError("a record of an impossible size")
        made = np.dtype({"names": names, "formats": inner, "offsets": offsets, "titles": titles,
                         "itemsize": size})  # fmt: skip
        if is_record:
            made = np.dtype((np.record, made))
    if made.itemsize > LARGEST_ITEM:
        raise ValueError("an element that is too large")
    return made


# --- records -------------------------------------------------------------------------------------


def _record_parts(value: Any) -> list[Any]:
    import numpy as np

    plain = np.asarray(value).view(np.ndarray)
    if plain.dtype.hasobject or plain.dtype.names is None:
        raise NotByValueError("records that hold objects")
    is_recarray = isinstance(value, np.recarray)
    return [plain.dtype, list(plain.shape), plain.tobytes(), is_recarray]


def _made_records(dtype: Any, shape: list[int], raw: bytes, is_recarray: bool) -> "np.ndarray":
    import numpy as np

    if dtype.names is None or dtype.hasobject or min(shape, default=0) < 0:
        raise ValueError("records of a dtype without fields")
    if not dtype.itemsize or math.prod(shape) * dtype.itemsize != len(raw):
        raise ValueError("records of another size")
    made: np.ndarray = np.frombuffer(bytearray(raw), dtype).reshape(shape)
    for text in _texts(made):
        if dtypes.holds_no_character(text).any():
            raise ValueError("a record with what is no character")
    return made.view(np.recarray) if is_recarray else made


def _texts(array: "np.ndarray") -> Iterator["np.ndarray"]:
    """Yield what texts an array of records holds."""
    for name in array.dtype.names or ():
        part = array[name]
        if part.dtype.names is not None:
            yield from _texts(part)
        elif part.dtype.kind == "U" and part.size:
            yield part


def _refill(target: "np.ndarray", other: "np.ndarray") -> None:
    if target.shape != other.shape or target.dtype != other.dtype:
        raise ValueError("another shape or dtype")
    target[...] = other


def _copy(value: Any) -> Any:
    return value.copy()


RECORDS = Kind(
    "records", (), _record_parts, _made_records,
    (_is_dtype, _list_of(int), bytes, bool), refill=_refill, copy=_copy,
)  # fmt: skip


def _made_record(dtype: Any, shape: list[int], raw: bytes, _is_recarray: bool) -> Any:
    return _made_records(dtype, shape, raw, False)[()]


# --- masked arrays -------------------------------------------------------------------------------


def _masked(value: Any) -> list[Any]:
    import numpy as np

    if value is np.ma.masked:
        return [None, None, None]
    mask = np.ma.getmask(value)
    data = np.ndarray.view(value, np.ndarray)
    if data.dtype.names is not None:
        raise NotByValueError("masked records")
    return [data, None if mask is np.ma.nomask else mask, value._fill_value]  # noqa: SLF001


def _made_masked(data: Any, mask: Any, fill: Any) -> Any:
    import numpy as np

    if data is None:
        return np.ma.masked
    if mask is not None and mask.shape != data.shape:
        raise ValueError("a mask of another shape")
    masked_array: Any = np.ma.array  # of no stated type
    made = masked_array(data, copy=False, mask=np.ma.nomask if mask is None else mask)
    if fill is not None:
        made.fill_value = fill
    return made


def _refill_masked(target: Any, other: Any) -> None:
    import numpy as np

    data = np.ndarray.view(target, np.ndarray)
    _refill(data, np.ndarray.view(other, np.ndarray))
    target.mask = np.ma.getmask(other)
    target.fill_value = other._fill_value  # noqa: SLF001


def _is_array_or_none(value: Any) -> bool:
    return value is None or is_array(value)


def _made_matrix(array: "np.ndarray") -> Any:
    import numpy as np

    if array.ndim != 2:  # noqa: PLR2004
        raise ValueError("a matrix without rows and columns")
    return array.view(np.matrix)


def _matrix(value: Any) -> list[Any]:
    import numpy as np

    return [np.ndarray.view(value, np.ndarray)]


# --- SciPy's sparse matrices ---------------------------------------------------------------------

COMPRESSED = ("csr", "csc")
FORMATS = (*COMPRESSED, "coo", "bsr", "dia", "dok", "lil")


def _sparse(value: Any) -> list[Any]:
    import scipy.sparse

    form = value.format
    if form not in FORMATS or value.ndim != 2 or max(value.shape) > LONGEST_SIDE:  # noqa: PLR2004
        raise NotByValueError("a sparse array of another form")
    inner = value if form in COMPRESSED else value.tocoo()
    names = ("indices", "indptr") if form in COMPRESSED else ("row", "col")
    is_array_api = isinstance(value, scipy.sparse.sparray)
    places = [getattr(inner, name) for name in names]
    return [form, is_array_api, [int(n) for n in value.shape], inner.data, *places]


def _made_sparse(form: str, is_array_api: bool, shape: list[int], *inner_arrays: Any) -> Any:
    import scipy.sparse

    data, first, second = inner_arrays

    if form not in FORMATS or len(shape) != 2 or not 0 <= min(shape) <= max(shape) <= LONGEST_SIDE:  # noqa: PLR2004
        raise ValueError("a form or shape of no sparse matrix")
    if not data.ndim == first.ndim == second.ndim == 1:
        raise ValueError("a sparse matrix of other arrays")
    inner = form if form in COMPRESSED else "coo"
    kind = getattr(scipy.sparse, f"{inner}_{'array' if is_array_api else 'matrix'}")
    if form in COMPRESSED:
        made = kind((data, first, second), shape=tuple(shape))
        made.check_format(full_check=True)
        return made
    return kind((data, (first, second)), shape=tuple(shape)).asformat(form)


def _refill_sparse(target: Any, other: Any) -> None:
    if type(target) is not type(other):
        raise ValueError("a sparse matrix of another form")
    target.__dict__.update(other.copy().__dict__)


# --- torch ---------------------------------------------------------------------------------------


def _torch_dtype(value: Any) -> list[Any]:
    return [str(value).removeprefix("torch.")]


def _made_torch_dtype(name: str) -> Any:
    import torch

    found = getattr(torch, name) if name.isidentifier() else None
    if not isinstance(found, torch.dtype):
        raise TypeError("no dtype of torch's")
    return found


def _numpy_text(text: str) -> Any:
    import numpy as np

    return np.str_(text)


def _numpy_bytes(raw: bytes) -> Any:
    import numpy as np

    return np.bytes_(raw)


TABLE.add(
    RECORDS,
    Kind("np.str_", ("str_",), lambda value: [str.__str__(value)], _numpy_text, (str,),
         module="numpy"),
    Kind("np.bytes_", ("bytes_",), lambda value: [bytes.__getitem__(value, slice(None))],
         _numpy_bytes, (bytes,), module="numpy"),
    Kind("dtype", ("dtype",), _dtype, _made_dtype, (str, _list_of(_is_dtype), list),
         module="numpy"),
    Kind("record", ("void",), _record_parts, _made_record,
         (_is_dtype, _list_of(int), bytes, bool), module="numpy"),
    Kind("masked array", ("MaskedArray",), _masked, _made_masked,
         (_is_array_or_none, _is_array_or_none, object), module="numpy.ma", weight=1_000,
         refill=_refill_masked, copy=_copy),
    Kind("matrix", ("matrix",), _matrix, _made_matrix, (is_array,), module="numpy",
         refill=_refill, copy=_copy),
    Kind("sparse matrix", ("spmatrix", "sparray", "dok_matrix", "dok_array"), _sparse, _made_sparse,
         (str, bool, _list_of(int), is_array, is_array, is_array), module="scipy.sparse",
         weight=20_000, refill=_refill_sparse, copy=_copy),
    Kind("torch.dtype", ("dtype",), _torch_dtype, _made_torch_dtype, (str,), module="torch"),
)  # fmt: skip
