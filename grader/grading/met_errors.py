"""What `pytest.raises` tells a test of an exception of the student's: its class as Python has it.

What a student's code raises is raised here as a class of our own that derives from Python's.
"""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from grader.sandbox.raised import class_of_error

WHERE = "_pytest._code.code"


@contextlib.contextmanager
def as_python_has_them(text: str) -> Iterator[None]:
    """Have `.type` of what pytest has caught be Python's own class, for one case.

    text: of the test; where it does not speak of pytest nothing is changed.
    """
    found = getattr(sys.modules.get(WHERE), "ExceptionInfo", None) if "pytest" in text else None
    if found is None:
        yield
        return
    before = found.type

    def kind(self: Any) -> type:
        return class_of_error(before.fget(self))

    found.type = property(kind)
    try:
        yield
    finally:
        found.type = before
