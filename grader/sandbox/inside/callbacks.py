"""Functions of the judge's in the child: a call of one travels there, while the judge waits.

Nothing of such a function is here but its number and its name.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from typing import Any

from ..wire.protocol import Callback, Threw

# Puts a question to the judge: the function, its arguments and its keyword arguments.
Ask = Callable[["GivenFunction", tuple[Any, ...], dict[str, Any]], Any]


class GivenFunction:
    """A function that a test has passed; it is called where the test is."""

    # What is copied from a function to what wraps it is in its `__dict__`.
    __slots__ = ("__dict__", "__weakref__", "_ask", "number")

    def __init__(self, node: Callback, ask: Ask) -> None:
        self.number = node.number
        self._ask = ask
        self.__name__ = self.__qualname__ = node.name
        self.__doc__ = node.doc

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask(self, args, kwargs)

    def __repr__(self) -> str:
        return f"<function {self.__name__}>"


class GivenFunctions:
    """The functions of a test's, by their numbers: the same one is the same object."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._known: dict[int, Any] = {}

    def made(self, node: Callback) -> Any:
        """Return what stands here for a function or for an iterator of the test's."""
        if node.number not in self._known:
            function = GivenFunction(node, self._ask)
            self._known[node.number] = _items(function) if node.is_iterator else function
        return self._known[node.number]

    def clear(self) -> None:
        self._known.clear()


def _items(function: GivenFunction) -> Iterator[Any]:
    """Yield what an iterator of the test's gives; each answer is a list of one item or of none."""
    while found := function():
        yield found[0]


def error_of(message: Threw) -> Exception:
    """Return a builtin exception that a function of the judge's raised."""
    kind = getattr(builtins, message.builtin, RuntimeError)
    if not isinstance(kind, type) or not issubclass(kind, Exception):
        kind = RuntimeError
    try:
        error: Exception = kind(message.message)
    except TypeError:  # one that wants more arguments
        error = RuntimeError(message.message)
    return error
