"""Classes of a student's that would be whatever a test expects."""

from typing import Any

import numpy as np

# What a class of the student's may not decide.


class Forged:
    """Is equal to everything, more and less than it, and any number."""

    answers = 0

    def _yes(self, *_args: Any) -> Any:
        type(self).answers += 1
        return True

    def _number(self, *_args: Any) -> Any:
        type(self).answers += 1
        return 5

    def _no(self, *_args: Any) -> Any:
        type(self).answers += 1
        return False

    def _nothing(self, *_args: Any) -> Any:
        type(self).answers += 1
        return 0

    __ne__ = _no  # type: ignore[assignment]
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = _yes  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]
    __sub__ = __rsub__ = _nothing
    __mul__ = __rmul__ = __neg__ = __abs__ = __round__ = _number
    __int__ = __index__ = __trunc__ = __floor__ = __ceil__ = __mod__ = __rmod__ = _number

    def __float__(self) -> float:
        type(self).answers += 1
        return 5.0

    def __array__(self, *_args: Any, **_kwargs: Any) -> Any:
        type(self).answers += 1
        return np.array(5.0)


class Library(Forged):
    """Says that it is of a library that both sides know."""

    __module__ = "sympy.core.numbers"


class Mine:
    """A class of the test's."""
