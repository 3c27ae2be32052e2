"""Methods that compare an object with what a test expects: not the student's to answer."""

from typing import Any

from .asking import here, is_reference, refuse
from .classes import base_of, held_by, plain
from .wire.comparing import COMPARES, DIFFERS


def method_of(reference: Any, name: str, found: Any) -> Any:
    """Return what a test gets for an attribute, whose value was found in the child.

    A method that compares with what a test expects is the plain class's own, on what the object
    holds; an object that is no such value is not asked.
    """
    if not is_reference(found) or name not in COMPARES | DIFFERS:
        return found
    own = getattr(base_of(reference), name, None)
    if own is None and name not in COMPARES:
        return found

    def compare(*args: Any, **kwargs: Any) -> Any:
        given = [*args, *kwargs.values()]
        if all(map(is_reference, given)):
            here(reference).note_claim(f"`{name}`")
            return found(*args, **kwargs)
        if own is not None:
            named = {key: plain(one) for key, one in kwargs.items()}
            return own(held_by(reference), *map(plain, args), **named)
        if any(hasattr(type(one), name) for one in given if not is_reference(one)):
            refuse(reference, f"`{name}` with a value of the test's")
        return found(*args, **kwargs)

    return compare
