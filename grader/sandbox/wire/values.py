"""What an encoder and a decoder share: limits, errors, and how a value of parts is written down.

`containers` and `kinds` are the tables of all that is more than a number, a text or an array. Both
sides run this file; in the child it is executed from source, so it may import only its neighbours,
the standard library, and numpy and torch where a value needs them.
"""

import sys
from typing import Any

from . import generators, hints, numpy_kinds, pandas_kinds, standard, sympy_kinds, tables
from .containers import CLASSES, FORMS, OBJECTS, Form
from .kinds import TABLE, Kind
from .memory import about, library_of, write
from .nodes import Array, Collection, Made, Mapping, Node, ProtocolViolationError, Sequence

MAX_BIG_INT_DIGITS = 4_096
MAX_KEYS = 1_000_000
_KINDS_ARE_KNOWN = (
    generators,
    hints,
    numpy_kinds,
    pandas_kinds,
    standard,
    sympy_kinds,
    tables,
)  # each has entered its own

mro = type.__dict__["__mro__"].__get__  # a class can lie about its own


class ValueRefusedError(Exception):
    """A value cannot travel: it is too large, too deep, or of no kind that crosses."""


# What a call may change in place: lists, dicts and other containers, and frames.
Container = Any


def form_of(value: Any) -> Form | Kind | None:
    """Return what a container or another value of parts is written down as; None of the rest."""
    for base in mro(type(value)):
        if base in CLASSES:
            return FORMS[CLASSES[base]]
        if (kind := TABLE.of_class(base)) is not None:
            return kind
        if "numpy" in sys.modules and base is sys.modules["numpy"].ndarray:
            records = numpy_kinds.RECORDS if value.dtype.names is not None else None
            return OBJECTS if value.dtype == object else records
    return None


def refill(target: Any, held: Any) -> None:
    """Give a container, a frame or an array what another of its form holds, where it lies."""
    form = form_of(target)
    if form is not None:
        if form.refill is None:
            raise ProtocolViolationError("a changed argument of a kind that does not change")
        form.refill(target, held)
    elif library_of(target) is None or about(target) != about(held):
        raise ProtocolViolationError("a changed argument of another kind")
    else:
        write(target, held)


def fits(target: Any, node: Node) -> bool:
    """Say whether a node holds what can be given to a container, a frame or an array."""
    if isinstance(node, Array):
        library = library_of(target)
        return form_of(target) is None and library is not None and library.name == node.library
    return form_of(target) is not None and form_of(target) is form_of_node(node)


def form_of_node(node: Node) -> Form | Kind | None:
    """Return what a node writes a value down as; None where it is no container's."""
    match node:
        case Sequence():
            return FORMS["tuple" if node.is_tuple else "list"]
        case Mapping():
            return FORMS["dict"]
        case Collection():
            return FORMS.get(node.form)
        case Made():
            return TABLE.named(node.kind)
    return None
