"""JSON in a test takes a list or dict that a student's object holds for what it is.

Python's encoder knows its own lists and dicts alone, and not what stands for one here.
"""

import contextlib
from collections.abc import Callable, Iterator
from json import JSONEncoder
from typing import Any

from grader.sandbox.references import held_by, is_container


@contextlib.contextmanager
def of_the_students(text: str) -> Iterator[None]:
    """Have Python's encoder write what an object holds, for one case.

    text: of the test; where it does not speak of JSON nothing is changed.
    """
    if "json" not in text:
        yield
        return
    begin, default = JSONEncoder.__init__, JSONEncoder.default

    def begun(self: JSONEncoder, *args: Any, **keywords: Any) -> None:
        begin(self, *args, **keywords)
        vars(self)["default"] = _before(self.default)

    methods = {"__init__": begun, "default": lambda self, item: _before(
        lambda one: default(self, one))(item)}  # fmt: skip
    for name, function in methods.items():
        setattr(JSONEncoder, name, function)
    try:
        yield
    finally:
        JSONEncoder.__init__, JSONEncoder.default = begin, default  # type: ignore[method-assign]


def _before(default: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda item: held_by(item) if is_container(item) else default(item)
