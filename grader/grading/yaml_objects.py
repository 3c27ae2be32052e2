"""YAML that a test reads: of a text of a student's, nothing is made that its tags name.

A loader that is not the safe one makes objects of any class, and calls any function, that a
document names: `!!python/object/apply:os.system [...]`.
"""

import contextlib
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
FINDERS = ("find_python_module", "find_python_name")  # as every tag of an object asks for them


@contextlib.contextmanager
def of_own_text(case: Case, *, may_import: bool) -> Iterator[None]:
    """Have YAML name no class and no function meanwhile but those that the test's text names.

    may_import: whether modules of the course are there, which may import the library.
    """
    if "yaml" not in sys.modules and (may_import or "yaml" in case.text):
        with contextlib.suppress(ImportError):
            importlib.import_module("yaml")
    library = sys.modules.get("yaml.constructor")
    kinds = [] if library is None else [library.FullConstructor, library.UnsafeConstructor]
    held = [(kind, name, vars(kind)[name]) for kind in kinds for name in FINDERS]
    for kind, name, function in held:
        setattr(kind, name, _guarded(function, case))
    try:
        yield
    finally:
        for kind, name, function in held:
            setattr(kind, name, function)


def _guarded(function: Callable[..., Any], case: Case) -> Callable[..., Any]:
    def find(constructor: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        if name not in case.text:
            sentence = NOT_MADE.format(name=f"{name:.40}")
            case.refusals.append(sentence)
            raise CannotCrossError(sentence)
        return function(constructor, name, *args, **kwargs)

    return find
