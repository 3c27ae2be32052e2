"""Which masked arrays and frames of a test's came from a student's process, or are made of those.

What is masked or missing in them was left out by the student, and by no choice of the test's.
"""

import sys
from collections.abc import Collection
from typing import Any

NOTE = "_is_of_a_student"
LIBRARIES = frozenset({"babypandas", "numpy", "pandas"})


def note(value: Any, columns: Collection[Any] | None = None) -> None:
    """Note of a value that has come that it is a student's; NumPy hands that on by itself.

    columns: of a frame, the labels of those that are, where not all of it is.
    """
    if columns is not None:
        object.__setattr__(value, NOTE, frozenset(columns))
        return
    numpy, pandas = sys.modules.get("numpy.ma"), sys.modules.get("pandas")
    if numpy is not None and issubclass(type(value), numpy.MaskedArray):
        if value is not numpy.masked:
            value._optinfo[NOTE] = True  # noqa: SLF001 - what goes with all that is made of it
            vars(value)[NOTE] = True
    elif _is_known(value) and hasattr(value, "_pd"):  # babypandas' frame around one of pandas
        note(value._pd)  # noqa: SLF001
    elif pandas is not None and isinstance(value, pandas.Series | pandas.DataFrame):
        object.__setattr__(value, NOTE, True)
        for array in value._mgr.arrays:  # noqa: SLF001 - what `.values` gives without a note
            note(array)
    elif pandas is not None and _is_known(value) and _is_array(value, pandas):
        object.__setattr__(value, NOTE, True)


def _is_array(value: Any, pandas: Any) -> bool:
    return isinstance(value, pandas.Index | pandas.api.extensions.ExtensionArray)


def forget(value: Any) -> None:
    """Take the note from a test's own object, which holds what it did before."""
    if _is_known(value):
        vars(value).pop(NOTE, None)
        getattr(value, "_optinfo", {}).pop(NOTE, None)


def is_of_a_student(value: Any) -> bool:
    """Say whether a value came from a student's process, or was made of one that did."""
    return _is_known(value) and NOTE in vars(value)


def hand_on(made: Any, *values: Any) -> None:
    """Note the same of what pandas has made of some values."""
    marks = [_handed_on(made, value) for value in values if is_of_a_student(value)]
    if any(marks):
        mark = True if True in marks else frozenset().union(*marks)
        object.__setattr__(made, NOTE, mark)


def _handed_on(made: Any, value: Any) -> Any:
    """Return what is noted of what was made of a student's: True, or the labels of its columns."""
    mark = vars(value)[NOTE]
    if mark is True or hasattr(made, "columns"):
        return mark
    is_column = made.name is not None and made.name in value.columns
    return not is_column or made.name in mark


def _is_known(value: Any) -> bool:
    is_of_library = type(value).__module__.partition(".")[0] in LIBRARIES
    return is_of_library and hasattr(value, "__dict__")
