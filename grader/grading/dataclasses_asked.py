"""The functions of `dataclasses` for objects of the student's: done where these are.

Python's own look at an object's class without asking it, and so find no dataclass.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

from grader.sandbox.asking import ask, is_reference

NAMES = ("asdict", "astuple", "fields", "is_dataclass", "replace")


def _asking(name: str) -> Callable[..., Any]:
    own = getattr(dataclasses, name)

    @functools.wraps(own)
    def function(of: Any, /, *args: Any, **kwargs: Any) -> Any:
        return ask(of, name, *args, **kwargs) if is_reference(of) else own(of, *args, **kwargs)

    return function


# By Python's own, which a test may have imported by their names.
ASKING = {getattr(dataclasses, name): _asking(name) for name in NAMES}


@contextlib.contextmanager
def of_the_students(text: str) -> Iterator[None]:
    """Have the module's functions ask, for one case.

    text: of the test; where it does not speak of them nothing is changed.
    """
    if "dataclasses" not in text:
        yield
        return
    for own, ours in ASKING.items():
        setattr(dataclasses, own.__name__, ours)
    try:
        yield
    finally:
        for own in ASKING:
            setattr(dataclasses, own.__name__, own)
