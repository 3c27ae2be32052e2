"""A notebook with arrays and frames among its names, and a class that keeps arrays."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from grader.sandbox import Session
from grader.sandbox.handover import Changes
from tests.support.in_thread import notebook

Student = tuple[Session, Changes]

SCORES = np.arange(6.0)
ROWS = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})


class Scaler:
    """A student's class with arrays, tensors and frames in its attributes."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.made = np.zeros(3)
        self.head, self.tail = self.made[:2], self.made[1:]

    def add(self, number: float) -> None:
        self.data += number

    def total(self) -> float:
        return float(np.asarray(self.data, float).sum())

    def of_made(self) -> list[float]:
        return [float(one) for one in self.made]

    def fixed(self) -> Any:
        self.made.flags.writeable = False
        return self.made

    def squares(self) -> Any:
        return self.made**2 + 1

    def given(self) -> Any:
        return self.made

    def frame(self) -> Any:
        self.rows = pd.DataFrame({"a": self.made})
        return self.rows


def rows_in_notebook() -> int:
    return len(ROWS.columns)


def column_in_notebook(name: str) -> list[Any]:
    return list(ROWS[name])


def add_column() -> None:
    ROWS["new"] = [7, 8, 9]


def total_in_notebook() -> float:
    return float(SCORES.sum())


def curve() -> None:
    SCORES[:] = SCORES + 1


def reshape(array: Any) -> None:
    array.shape = (array.size,)


def whole_and_part(keeper: Any, whole: Any) -> float:
    whole[0] += 1
    return float(keeper.data.sum())


MORE = {
    one.__name__: one
    for one in (
        Scaler, rows_in_notebook, column_in_notebook, add_column, total_in_notebook, curve,
        reshape, whole_and_part,
    )
}  # fmt: skip


@contextmanager
def asked_by_a_case() -> Iterator[Student]:
    """Give a notebook with arrays and frames among its names, while a case asks for them."""
    SCORES[:], ROWS["a"] = np.arange(6.0), [1, 2, 3]
    for name in {*ROWS} - {"a", "b"}:
        del ROWS[name]
    ROWS["b"] = ["x", "y", "z"]
    with (
        notebook(SCORES=SCORES, ROWS=ROWS, **MORE) as found,
        found.case(asks=True) as changes,
    ):
        yield found, changes
