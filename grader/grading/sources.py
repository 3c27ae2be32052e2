"""A test that reads the source of a student's function reads what stands in the notebook.

The student's process says in which cell a function begins. What is read there is the cell as it was
handed in, and not what that process says of it.
"""

import contextlib
import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from grader.sandbox.asking import ask, is_reference, refuse

WHAT, INSTEAD = "Its source", "compare what it does"


@contextlib.contextmanager
def of_the_students(text: str, sources: Iterable[str]) -> Iterator[None]:
    """Have `inspect` find a student's function in the notebook's cells, for one case.

    text: of the test; where it does not speak of inspect nothing is changed. sources: of the cells.
    """
    if "inspect" not in text:
        yield
        return
    own, cells = inspect.findsource, frozenset(map(_shape, sources))
    of_classes = inspect.isabstract

    def find(item: Any) -> tuple[list[str], int]:
        return _found(item, cells) if is_reference(item) else own(item)

    def is_abstract(item: Any) -> bool:
        return ask(item, "isabstract") is True if is_reference(item) else of_classes(item)

    inspect.findsource = find  # type: ignore[assignment]
    inspect.isabstract = is_abstract  # type: ignore[assignment]
    try:
        yield
    finally:
        inspect.findsource, inspect.isabstract = own, of_classes


def _found(reference: Any, cells: frozenset[str]) -> tuple[list[str], int]:
    """Return the lines of a cell, and in which of them a function of it begins, from 0."""
    said = ask(reference, "source")
    match said:
        case (str() as text, int() as line) if _shape(text) in cells:
            lines = text.splitlines(keepends=True)
            if 0 <= line < len(lines):
                return lines, line
    return refuse(reference, WHAT, INSTEAD)


def _shape(source: str) -> str:
    return source.strip()
