"""What an object's class is, as the child claims: no claim makes it one that travels by value."""

import sys
from typing import Any

from . import libraries
from .asking import ask, is_reference, own, refuse, type_name_of
from .wire.plain import PLAIN, plain_base

CLASSES = frozenset({"type", "ABCMeta", "EnumMeta", "EnumType"})


def is_class(reference: Any) -> bool:
    """Say whether a reference is to a class, as the child claims."""
    return type_name_of(reference) in CLASSES


def base_of(reference: Any) -> type | None:
    """Return the plain class that an object's class derives from, as claimed; None without one."""
    module, _, name = str(own(reference, "_base")).partition(".")
    if module == "builtins":
        return next((kind for kind in PLAIN if kind.__name__ == name), None)
    found = getattr(sys.modules.get(module), name, None) if name else None
    return found if isinstance(found, type) and plain_base(found) else None


def held_by(reference: Any) -> Any:
    """Return the plain value that an object of such a class holds."""
    value = ask(reference, "storage")
    if is_reference(value) or not plain_base(type(value)):
        refuse(reference, "What it holds")
    return value


def plain(value: Any) -> Any:
    """Return a value with what references hold in their places; one that holds none is refused."""
    if is_reference(value):
        if base_of(value) is None:
            refuse(value, "A function of a library's")
        return held_by(value)
    if type(value) in {list, tuple}:
        return type(value)(plain(one) for one in value)
    return value


def module_of(reference: Any) -> str:
    """Return the module of an object's class, as the child claims."""
    kinds = kinds_of(reference)
    return kinds[0][0] if kinds else ""


def kinds_of(reference: Any) -> list[tuple[str, str]]:
    """Return the module and the name of a class and of all that it derives from, as claimed."""
    found = ask(reference, "kinds")
    if not isinstance(found, list):
        return []
    return [
        (one[0], one[1])
        for one in found
        if isinstance(one, tuple) and len(one) == 2 and all(type(part) is str for part in one)  # noqa: PLR2004
    ]


def library_class_of(reference: Any) -> type | None:
    """Return the class of a known library that an object is of; None where it is of no such."""
    for module, name in kinds_of(reference):
        found = None if is_class(reference) else libraries.known_class(module, name)
        if found is not None and found is not object and not travels(found):
            return found
        if module.partition(".")[0] not in libraries.KNOWN:
            return None
    return None


def class_of(reference: Any) -> Any:
    """Return a reference to an object's class."""
    return ask(reference, "class")


def travels(kind: type) -> bool:
    """Say whether a class's objects cross by value, so that no reference is one of them."""
    return bool(plain_base(kind))
