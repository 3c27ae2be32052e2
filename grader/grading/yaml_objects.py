"""YAML that a test reads: of a text of a student's, nothing is made that its tags name.

A loader that is not the safe one makes objects of any class, and calls any function, that a
document names: `!!python/object/apply:os.system [...]`.
"""

import contextlib
import functools
import importlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from grader.grading.text_read import Case
from grader.sandbox import CannotCrossError

NOT_MADE = (
    "the test reads YAML that makes a Python object ({name}) and is not its own; nothing that a "
    "student's process says is run here: have the test read it with yaml.safe_load"
)
Function = Callable[..., Any]
FINDERS = ("find_python_module", "find_python_name")  # as every tag of an object asks for them


@contextlib.contextmanager
def of_own_text(case: Case, *, may_import: bool) -> Iterator[None]:
    """Have YAML name no class and no function meanwhile but those that the test's text names.

    may_import: whether modules of the course are there, which may import the library.
    """
    if "yaml" not in sys.modules and (may_import or "yaml" in case.text):
        with contextlib.suppress(ImportError):
            importlib.import_module("yaml")
    _put_in_place()
    _cases.append(case)
    try:
        yield
    finally:
        _cases.pop()


_cases: list[Case] = []  # that are judged, innermost last
_made: dict[Function, Function] = {}  # what stands in for each function


def _put_in_place() -> None:
    """Have the library ask here, from now on; between two cases it does what it always does."""
    library = sys.modules.get("yaml.constructor")
    for kind in () if library is None else (library.FullConstructor, library.UnsafeConstructor):
        for name in FINDERS:
            found = vars(kind)[name]
            if found not in _made.values():
                if found not in _made:
                    _made[found] = _guarded(found)
                setattr(kind, name, _made[found])


def _guarded(function: Function) -> Function:
    @functools.wraps(function)
    def find(constructor: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        if _cases and name not in _cases[-1].text:
            sentence = NOT_MADE.format(name=f"{name:.40}")
            _cases[-1].refusals.append(sentence)
            raise CannotCrossError(sentence)
        return function(constructor, name, *args, **kwargs)

    return find
