"""Otter's own classes of test files, without what else `import otter` brings.

Its `__init__` brings pandas, nbconvert and a Jupyter client, which cost a grader process more of
its start than all else but torch, and reading test files needs none of them.
"""

import contextlib
import importlib.util
import sys
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def _without_otters_front_door() -> Iterator[None]:
    """Let otter's submodules be imported without its `__init__`."""
    spec = importlib.util.find_spec("otter")
    if spec is None or "otter" in sys.modules:
        yield
        return
    package = importlib.util.module_from_spec(spec)  # made, never run
    sys.modules["otter"] = package
    try:
        yield
    finally:
        del sys.modules["otter"]  # whoever imports otter after this gets all of it


with warnings.catch_warnings(), _without_otters_front_door():
    # Otter's import chain announces the retirement of what it uses itself.
    warnings.simplefilter("ignore")
    from otter.test_files import ExceptionTestFile, TestCase, TestFile
    from otter.test_files.ok_test import OKTestFile

__all__ = ["ExceptionTestFile", "OKTestFile", "TestCase", "TestFile"]
