"""Functions and objects of a test's in the child: what is done with one travels to the judge.

Nothing of such a function or object is here but its number and its name.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from typing import Any

from ..wire.nodes import Callback
from ..wire.protocol import GIVEN_OPERATIONS, Threw

# Puts a question to the judge: the number, what is done, its arguments and keyword arguments.
Ask = Callable[[int, str, tuple[Any, ...], dict[str, Any]], Any]


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
        return self._ask(self.number, "call", args, kwargs)

    def __repr__(self) -> str:
        return f"<function {self.__name__}>"


class GivenObject:
    """An object of a class of the test's; what is asked of it is asked where the test is."""

    __slots__ = ("_ask", "_number", "_type_name")

    def __init__(self, node: Callback, ask: Ask) -> None:
        for name, value in (("_number", node.number), ("_ask", ask), ("_type_name", node.name)):
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"{self._type_name!r} object has no attribute {name!r}")
        return ask_of(self, "getattr", name)

    def __setattr__(self, name: str, value: Any) -> None:
        ask_of(self, "setattr", name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return ask_of(self, "call", *args, **kwargs)

    def __enter__(self) -> Any:
        return ask_of(self, "enter")

    def __exit__(self, kind: type[BaseException] | None, _error: object, _trace: object) -> bool:
        name = kind.__name__ if kind is not None and kind.__module__ == "builtins" else ""
        return ask_of(self, "exit", name or ("Exception" if kind is not None else "")) is True


def ask_of(given: GivenObject, operation: str, *args: Any, **kwargs: Any) -> Any:
    """Have something done with an object of the test's."""
    ask: Ask = object.__getattribute__(given, "_ask")
    return ask(number_of(given), operation, args, kwargs)


def number_of(given: GivenObject) -> int:
    """Return the number of an object of the test's."""
    number: int = object.__getattribute__(given, "_number")
    return number


def _asking(operation: str) -> Callable[..., Any]:
    return lambda self, *args: ask_of(self, operation, *args)


for _name in GIVEN_OPERATIONS - {"call", "getattr", "setattr", "enter", "exit"}:
    setattr(GivenObject, f"__{_name}__", _asking(_name))


class GivenFunctions:
    """The functions of a test's, by their numbers: the same one is the same object."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._known: dict[int, Any] = {}

    def made(self, node: Callback) -> Any:
        """Return what stands here for a function or for an iterator of the test's."""
        if node.number not in self._known:
            kind = GivenObject if node.is_object else GivenFunction
            made = kind(node, self._ask)
            self._known[node.number] = _items(made) if node.is_iterator else made
        return self._known[node.number]

    def clear(self) -> None:
        self._known.clear()


def _items(function: Callable[[], Any]) -> Iterator[Any]:
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
