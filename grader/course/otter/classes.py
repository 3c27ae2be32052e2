"""Otter's own classes of test files, without what else `import otter` brings.

Its `__init__` brings pandas, nbconvert and a Jupyter client, and its modules IPython's shell and
what validates notebooks, which cost a grader process more of its start than all else but torch.
Reading test files and running them needs none of these.
"""

import contextlib
import importlib.util
import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from typing import Any

# Of which otter's modules want a name or two to define themselves, and the rest for other uses.
NAMED = {
    "otter": (),
    "IPython": (),
    "frontmatter": (),
    "nbformat": (("nbformat.notebooknode", "NotebookNode"),),
}


@contextlib.contextmanager
def _without_front_doors() -> Iterator[None]:
    """Let these packages be imported, and modules of theirs, without their `__init__`."""
    before = frozenset(sys.modules)
    made = [name for name in NAMED if name not in before and _stand_in(name)]
    try:
        for name in made:
            for place, wanted in NAMED[name]:
                setattr(sys.modules[name], wanted, getattr(import_module(place), wanted))
        yield
    finally:
        # Whoever imports one after this gets all of it; of otter there is more than one part.
        parts = tuple(f"{name}." for name in made if name != "otter")
        for name in [name for name in sys.modules if name in made or name.startswith(parts)]:
            del sys.modules[name]


def _stand_in(name: str) -> bool:
    """Put a package there that is made and never run; False where there is none of its name."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        return False
    package = importlib.util.module_from_spec(spec)

    def found(wanted: str) -> Any:
        """Return a name of the package itself, for what otter does with it later."""
        if sys.modules.get(name) is package:
            raise AttributeError(wanted)
        return getattr(import_module(name), wanted)

    package.__dict__["__getattr__"] = found
    sys.modules[name] = package
    return True


with warnings.catch_warnings(), _without_front_doors():
    # Otter's import chain announces the retirement of what it uses itself.
    warnings.simplefilter("ignore")
    from otter.test_files import ExceptionTestFile, TestCase, TestFile
    from otter.test_files.ok_test import OKTestFile

__all__ = ["ExceptionTestFile", "OKTestFile", "TestCase", "TestFile"]
