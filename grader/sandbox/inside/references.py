"""The objects that stay in the child, by number, and what a judge may have done with them.

An object keeps its number while it has one, so that the judge can tell it from another. What is
done here is ordinary Python, with a student's own methods: nothing of it is believed to be more
than what this process says.
"""

import asyncio
import builtins
import contextlib
import copy
import dataclasses
import importlib
import inspect
import math
import operator
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from ..wire.comparing import COMPARING
from ..wire.nodes import Kind, Named, Opaque
from ..wire.plain import plain_base

MOST_KINDS = 50  # of one exception's classes
LONGEST_NAME = 200
FIXED = frozenset({bool, int, float, complex, str, bytes, type(None)})
MAX_SAID = 2_000

BINARY = (
    "add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow", "lshift", "rshift",
    "and", "or", "xor",
)  # fmt: skip
ORDERINGS = ("eq", "ne", "lt", "le", "gt", "ge")


def _operator(name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(operator, f"__{name}__")
    return found


def _swapped(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda right, left: function(left, right)


def _enter(manager: Any) -> Any:
    return type(manager).__enter__(manager)


def _array(value: Any) -> Any:
    import numpy as np

    return np.asarray(value)


def _leave(manager: Any, error: BaseException | str) -> bool:
    """Leave a context, and say whether the manager wants the error to be forgotten.

    error: one of this process's, or the name of a class of Python's own, "" for none.
    """
    met = _of_pythons_own(error) if isinstance(error, str) else error
    kind = None if met is None else type(met)
    trace = None if met is None else met.__traceback__
    return bool(type(manager).__exit__(manager, kind, met, trace))


def _of_pythons_own(name: str) -> BaseException | None:
    """Return an exception of a class that Python has, which says nothing; None for no name."""
    kind = getattr(builtins, name, None) if name else None
    if not (isinstance(kind, type) and issubclass(kind, BaseException)):
        return None
    try:
        return kind()
    except TypeError:  # it wants to know what it is about
        return Exception()


def _signature(function: Callable[..., Any]) -> tuple[list[Any], bool, Any]:
    """Return the parameters, and whether what is returned has an annotation, and which.

    Of each: name, kind, whether there is a default, it, and an annotation.
    """
    nothing, found = inspect.Parameter.empty, inspect.signature(function)
    parameters = [
        (
            one.name, int(one.kind),
            one.default is not nothing, None if one.default is nothing else one.default,
            one.annotation is not nothing, None if one.annotation is nothing else one.annotation,
        )
        for one in found.parameters.values()
    ]  # fmt: skip
    has_return = found.return_annotation is not nothing
    return parameters, has_return, found.return_annotation if has_return else None


def _awaited(awaitable: Any) -> Any:
    """Return what an awaitable gives, in a loop of its own."""

    async def whole() -> Any:
        return await awaitable

    with asyncio.Runner() as runner:
        return runner.run(whole())


def _source(function: Callable[..., Any]) -> tuple[str, int]:
    """Return the cell in which a function is, and in which of its lines it begins, from 0."""
    lines, line = inspect.findsource(function)
    return "".join(lines), line


def _names_of_kinds(value: Any) -> list[tuple[str, str]]:
    """Return the module and the name of an object's class and of all that it derives from."""
    kinds = value.__mro__ if isinstance(value, type) else type(value).__mro__
    return [(_text(one, "__module__"), _text(one, "__qualname__")) for one in kinds[:MOST_KINDS]]


def _in_place(name: str) -> Callable[..., Any]:
    return _operator(f"i{name}")


OPERATIONS: dict[str, Callable[..., Any]] = {
    "getattr": getattr, "setattr": setattr, "delattr": delattr, "hasattr": hasattr,
    "getitem": operator.getitem, "setitem": operator.setitem, "delitem": operator.delitem,
    "len": len, "iter": iter, "next": next, "reversed": reversed, "contains": operator.contains,
    "str": str, "repr": repr, "format": format, "bool": bool, "hash": hash, "dir": dir,
    "abs": abs, "neg": operator.neg, "pos": operator.pos, "invert": operator.invert,
    "float": float, "int": int, "index": operator.index, "complex": complex, "round": round,
    "trunc": math.trunc, "floor": math.floor, "ceil": math.ceil, "bytes": bytes,
    "is": operator.is_, "class": type, "isinstance": isinstance, "issubclass": issubclass,
    "isbase": _swapped(issubclass), "kinds": _names_of_kinds, "signature": _signature,
    "source": _source, "await": _awaited, "isabstract": inspect.isabstract,
    "is_dataclass": dataclasses.is_dataclass, "fields": dataclasses.fields,
    "asdict": dataclasses.asdict, "astuple": dataclasses.astuple, "replace": dataclasses.replace,
    "copy": copy.copy, "deepcopy": copy.deepcopy,
    "array": _array, "enter": _enter, "exit": _leave,
    "divmod": divmod, "rdivmod": _swapped(divmod),
    **{name: _operator(name) for name in (*BINARY, *ORDERINGS)},
    **{f"r{name}": _swapped(_operator(name)) for name in BINARY},
    **{f"i{name}": _in_place(name) for name in BINARY},
}  # fmt: skip


def operate(operation: str, target: Any, *args: Any, **kwargs: Any) -> Any:
    """Do something with an object that stayed here."""
    function = target if operation == "call" else OPERATIONS[operation]
    return function(*args, **kwargs) if operation == "call" else function(target, *args, **kwargs)


def named(node: Named) -> Any:
    """Return what a library calls by this name, as the judge asks for it."""
    found = importlib.import_module(node.module)
    for part in node.name.split(".") if node.name else ():
        found = getattr(found, part)
    return found


class References:
    """The objects that stayed here, by number; the same object has the same one."""

    def __init__(self) -> None:
        self.is_asked = False  # whether a case may ask for more than a call
        self._objects: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}  # by identity, while the object is kept
        self._streams: dict[int, Iterator[Any]] = {}
        self._errors: dict[int, BaseException] = {}  # that ended a stream, once it is told
        self._next = 0

    def __getitem__(self, key: int) -> Any:
        return self._objects[key]

    def start_case(self, forget: int) -> None:
        """Forget what has a lower number, and say from now on what a judge can ask about."""
        self.is_asked = True
        for key in [key for key in self._objects if key < forget]:
            self._numbers.pop(id(self._objects.pop(key)), None)
            self._streams.pop(key, None)
            self._errors.pop(key, None)

    def keep(self, value: Any) -> Opaque:
        """Return an object as its number."""
        number = self._number(value)
        kind = type(value)
        # A class is one by whatever class it is made.
        said = "type" if issubclass(kind, type) else _text(kind, "__name__")[:100]
        found = Opaque(number, said, callable(value))
        found.base = plain_base(kind) if self.is_asked else ""
        if issubclass(kind, types.ModuleType):
            found.module = _text(value, "__name__")
        elif self.is_asked and issubclass(kind, type) and issubclass(value, BaseException):
            found.lineage = self._lineage(value)
        elif self.is_asked and issubclass(kind, BaseException):
            found.lineage = self._lineage(kind)
            found.is_callable = False
            found.said = _said(value)
        elif self.is_asked and found.is_callable:
            found.comparing = _comparing(value)
        return found

    def _number(self, value: Any) -> int:
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = self._next
            self._objects[number] = value
            self._next += 1
        return number

    def _lineage(self, kind: type) -> list[Kind]:
        """Return an exception class with all that it derives from; Python's own have no number."""
        classes = [one for one in kind.__mro__ if issubclass(one, BaseException)][:MOST_KINDS]
        places = {one: number for number, one in enumerate(classes)}
        return [
            Kind(
                -1 if getattr(builtins, one.__name__, None) is one else self._number(one),
                _text(one, "__module__"),
                _text(one, "__qualname__"),
                [places[base] for base in one.__bases__ if base in places],
            )
            for one in classes
        ]

    def take(self, key: int, count: int) -> list[Any]:
        """Return up to so many items; an error that follows some is raised when more are asked."""
        if key in self._errors:
            raise self._errors.pop(key)
        if key not in self._streams:
            kind = type(self._objects[key])
            if self.is_asked and not hasattr(kind, "__next__"):
                raise TypeError(f"'{_text(kind, '__name__')}' object is not an iterator")
            self._streams[key] = iter(self._objects[key])
        items: list[Any] = []
        # What can change is asked for one by one: it is looked at before the next one is made.
        while len(items) < count and (not items or _is_fixed(items[-1]) or not self.is_asked):
            try:
                items.append(next(self._streams[key]))
            except StopIteration:
                break
            except BaseException as error:
                if not items:
                    raise
                self._errors[key] = error
                break
        return items


def _is_fixed(value: Any) -> bool:
    """Say whether a value is what it is, whatever student code does next."""
    if type(value) in {tuple, frozenset}:
        return all(map(_is_fixed, value))
    numpy = sys.modules.get("numpy")
    return type(value) in FIXED or (numpy is not None and issubclass(type(value), numpy.number))


def _text(holder: Any, name: str) -> str:
    found = getattr(holder, name, "")
    return str.__str__(found)[:LONGEST_NAME] if isinstance(found, str) else ""


def _said(error: BaseException) -> str:
    try:
        return str(error)[:MAX_SAID]
    except BaseException:  # noqa: BLE001 - an exception's own __str__ is student code
        return ""


def _comparing(value: Any) -> str:
    """Return the name of a library's function that compares; "" for all else."""
    with contextlib.suppress(Exception):  # of a module that a student has replaced
        for name in COMPARING:
            module, _, function = name.rpartition(".")
            if getattr(sys.modules.get(module), function, None) is value:
                return name
    return ""
