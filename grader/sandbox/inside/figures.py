"""Pyplot's figures as a notebook has them: each cell begins without any.

Executed from source in the worker. Jupyter shows a cell's figures when it ends, and closes them. A
test that asks for the current figure means the one that a cell has drawn last, shown or not.
"""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

PYPLOT = "matplotlib.pyplot"
NOTHING = contextlib.nullcontext()


class Figures:
    """The figures that cells have drawn; those of the last cell that drew any are kept."""

    def __init__(self) -> None:
        self._shown: dict[int, Any] = {}

    @staticmethod
    def _open() -> dict[int, Any] | None:
        """Return pyplot's own table of open figures, None where nobody has imported it."""
        helpers = sys.modules.get("matplotlib._pylab_helpers")
        found: dict[int, Any] | None = getattr(getattr(helpers, "Gcf", None), "figs", None)
        return found

    def put_away(self) -> None:
        """Show the open figures: what is drawn next is drawn elsewhere."""
        figures = self._open()
        if figures:
            self._shown = dict(figures)
            figures.clear()

    def laid_out(self) -> contextlib.AbstractContextManager[None]:
        """Have the figures that were shown last open for a test, where the cell has no other."""
        figures = self._open() if self._shown else None
        return NOTHING if figures is None or figures else self._laid_out(figures)

    @contextlib.contextmanager
    def _laid_out(self, figures: dict[int, Any]) -> Iterator[None]:
        figures.update(self._shown)
        try:
            yield
        finally:
            for number, manager in self._shown.items():
                if figures.get(number) is manager:
                    del figures[number]


shown = Figures()
