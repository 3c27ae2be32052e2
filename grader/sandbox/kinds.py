"""`isinstance`, `type` and their like for tests that look at a student's objects.

A test finds these among its names instead of Python's own. Of a plain value they say what Python
says. Of a reference a library's class is asked by its name, and a student's class by its number:
both are claims of the student's process, and a value that would have travelled is never one.
"""

import builtins
import types
import typing
from collections.abc import Iterator
from typing import Any

from . import libraries
from .asking import ask, is_reference, key_of, session_of
from .classes import base_of, class_of, is_class, travels
from .raised import class_of_error, is_made


def _each(kinds: Any) -> Iterator[Any]:
    """Yield the classes of a tuple, of a union, or the class itself."""
    if type(kinds) is tuple:
        for one in kinds:
            yield from _each(one)
    elif isinstance(kinds, types.UnionType) or typing.get_origin(kinds) is typing.Union:
        yield from _each(typing.get_args(kinds))
    elif kinds is type_of:
        yield type
    else:
        yield kinds


def isinstance_of(value: Any, kinds: Any) -> bool:
    """Say whether a value is of one of some classes, as `isinstance` does."""
    return any(_is_of(value, kind) for kind in _each(kinds))


def _is_of(value: Any, kind: Any) -> bool:
    if is_reference(value):
        return _reference_is_of(value, kind)
    if is_reference(kind):
        plain = type(value)
        return libraries.public_name(plain) is not None and _asked(kind, "isbase", plain)
    return isinstance(value, kind)


def _reference_is_of(value: Any, kind: Any) -> bool:
    if is_reference(kind):
        return session_of(value) is session_of(kind) and _asked(value, "isinstance", kind)
    if kind is object:
        return True
    if not isinstance(kind, type):
        return isinstance(value, kind)
    base = base_of(value)
    if base is not None and issubclass(base, kind):
        return True
    return _can_be_asked(kind) and _asked(value, "isinstance", kind)


def _can_be_asked(kind: type) -> bool:
    return not is_made(kind) and not travels(kind) and libraries.public_name(kind) is not None


def _asked(reference: Any, operation: str, kind: Any) -> bool:
    return ask(reference, operation, kind) is True


def issubclass_of(kind: Any, kinds: Any) -> bool:
    """Say whether a class derives from one of some classes, as `issubclass` does."""
    kind = type if kind is type_of else kind
    return any(_derives(kind, one) for one in _each(kinds))


def _derives(kind: Any, base: Any) -> bool:
    if is_reference(kind):
        if not is_class(kind):
            raise TypeError("issubclass() arg 1 must be a class")
        if is_reference(base):
            return session_of(kind) is session_of(base) and _asked(kind, "issubclass", base)
        if base is object:
            return True
        named = isinstance(base, type) and libraries.public_name(base) is not None
        return named and _asked(kind, "issubclass", base)
    if is_reference(base):
        return libraries.public_name(kind) is not None and _asked(base, "isbase", kind)
    return issubclass(kind, base)


class _TypeOfType(type):
    """Makes `type_of` a class that stands for `type` itself."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs:
            is_there = is_reference(args[0])
            return class_of(args[0]) if is_there else class_of_error(type(args[0]))
        return type(*args, **kwargs)

    def __eq__(cls, other: object) -> bool:
        return other is type or other is type_of

    def __hash__(cls) -> int:
        return hash(type)

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance_of(value, type)

    def __repr__(cls) -> str:
        return repr(type)


class type_of(type, metaclass=_TypeOfType):  # noqa: N801 - it stands for a builtin
    """`type`: of a reference, a reference to its class."""


def hasattr_of(value: Any, name: str) -> bool:
    """Say whether an object has an attribute; a reference has Python's own only by claim."""
    return ask(value, "hasattr", name) is True if is_reference(value) else hasattr(value, name)


def id_of(value: Any) -> int:
    """Return what no other object has; one object of the student's has one, by any name."""
    return -1 - key_of(value) if is_reference(value) else id(value)


# What a test finds instead of Python's own.
FOR_TESTS: dict[str, Any] = {
    "isinstance": isinstance_of,
    "issubclass": issubclass_of,
    "type": type_of,
    "hasattr": hasattr_of,
    "id": id_of,
}
assert all(hasattr(builtins, name) for name in FOR_TESTS)  # noqa: S101
