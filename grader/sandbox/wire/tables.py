"""Tables of the packages `datascience` and `babypandas`, read at their storage.

Both sides run this file; in the child it is executed from source, and a package is imported where
a value of it is read or built.
"""

from typing import Any

from .kinds import TABLE, Kind, library


def _table(value: Any) -> list[Any]:
    columns = object.__getattribute__(value, "_columns")
    return [list(columns.keys()), list(columns.values())]


def _made_table(labels: list[Any], columns: list[Any]) -> Any:
    import numpy as np

    if len(labels) != len(columns) or len(set(labels)) != len(labels):
        raise ValueError("a table whose labels are not one a column")
    if not all(isinstance(column, np.ndarray) and column.ndim for column in columns):
        raise ValueError("a column that is no array")
    if not all(isinstance(label, str) for label in labels):
        raise ValueError("a label that is no text")
    lengths = {len(column) for column in columns}
    if len(lengths) > 1:
        raise ValueError("columns of several lengths")
    made = library("datascience").Table()
    made._columns.update(zip(labels, columns, strict=True))  # noqa: SLF001
    made._num_rows = max(lengths, default=0)  # noqa: SLF001
    return made


def _refill_table(target: Any, other: Any) -> None:
    target._columns.clear()  # noqa: SLF001
    target._columns.update(other._columns)  # noqa: SLF001
    target._num_rows = other._num_rows  # noqa: SLF001


def _row(value: Any) -> list[Any]:
    return [list(type(value)._table._columns), list(tuple.__iter__(value))]  # noqa: SLF001


def _made_row(labels: list[Any], items: list[Any]) -> Any:
    import numpy as np

    if len(labels) != len(items):
        raise ValueError("as many labels as items")
    columns = []
    for item in items:
        column = np.empty(1, dtype=object)
        column[0] = item
        columns.append(column)
    kind = library("datascience").Table.Row
    return tuple.__new__(type("Row", (kind,), {"_table": _made_table(labels, columns)}), items)


def _inner(value: Any) -> list[Any]:
    return [object.__getattribute__(value, "_pd")]


def _made_outer(name: str) -> Any:
    def build(inner: Any) -> Any:
        import pandas as pd

        if not isinstance(inner, getattr(pd, name)):
            raise TypeError("another class within")
        return getattr(library("babypandas"), name)(data=inner)

    return build


def _refill_outer(target: Any, other: Any) -> None:
    target.__dict__.update(other.__dict__)


def _copied_outer(value: Any) -> Any:
    return type(value)(data=value._pd.copy())  # noqa: SLF001


TABLE.add(
    Kind("Table", ("Table",), _table, _made_table, (list, list), module="datascience",
         weight=20_000, refill=_refill_table, copy=lambda value: value.copy()),
    Kind("Row", ("Table.Row",), _row, _made_row, (list, list), module="datascience",
         weight=10_000),
    *(Kind(f"babypandas {name}", (name,), _inner, _made_outer(name), (object,),
           module="babypandas", weight=250_000, refill=_refill_outer, copy=_copied_outer)
      for name in ("DataFrame", "Series")),
)  # fmt: skip
