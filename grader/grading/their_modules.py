"""Modules that a notebook has written: a test that imports one gets what its process imports.

Nothing of such a file is run here. What stands for the module asks the student's process for each
of its names, as for a name of the notebook's.
"""

import contextlib
import functools
import importlib.abc
import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

from grader.course.otter.packages import imported
from grader.sandbox import Session
from grader.sandbox.asking import ask
from grader.sandbox.libraries import is_known
from grader.sandbox.replaced import StandingModule

BY_WORDS = re.compile(r"""\b(?:import_module|__import__)\(\s*["']([\w.]+)["']""")


@functools.lru_cache(maxsize=10_000)
def that_may_be_theirs(text: str) -> frozenset[str]:
    """Return the modules that a test imports and that neither Python nor a library has."""
    by_words = (one.partition(".")[0] for one in BY_WORDS.findall(text))
    names = {*imported([text]), *by_words} - sys.stdlib_module_names
    return frozenset(name for name in names if not is_known(name) and not _is_here(name))


def _is_here(name: str) -> bool:
    try:
        return name in sys.modules or importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


class _Module(StandingModule):
    """Stands for a module of the student's."""

    def __init__(self, name: str, session: Session) -> None:
        super().__init__(name)
        vars(self)["__session"] = session

    def __getattr__(self, name: str) -> Any:
        session = vars(self)["__session"]
        if name == "__all__":  # all that `import *` takes
            return [one for one in ask(self._found(), "dir") if not one.startswith("_")]
        if name.startswith("__"):
            raise AttributeError(name)
        live, module = session.current.live, self._found()
        return getattr(module, name) if live is None else live.attribute(module, name)

    def _found(self) -> Any:
        return vars(self)["__session"].module(self.__name__)


class _Modules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds modules of which the student's process has the files, and nobody else has any."""

    def __init__(self, names: frozenset[str], session: Session) -> None:
        self._names = names
        self._session = session
        self.made: list[str] = []

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        root = name.partition(".")[0]
        if root not in self._names:
            return None
        files = self._session.files.listed()
        way = name.replace(".", "/")
        if f"{way}.py" not in files and f"{way}/__init__.py" not in files:
            return None
        is_package = f"{way}/__init__.py" in files
        return importlib.machinery.ModuleSpec(name, self, is_package=is_package)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        self._session.module(spec.name)  # which runs there, and fails here as it does there
        self.made.append(spec.name)
        return _Module(spec.name, self._session)

    def exec_module(self, _module: ModuleType) -> None:
        """Run nothing."""


@contextlib.contextmanager
def for_case(text: str, session: Session | None) -> Iterator[None]:
    """Let one case import what the notebook has written. text: of the test."""
    names = that_may_be_theirs(text)
    if not names or session is None or session.current.live is None:
        yield
        return
    finder = _Modules(names, session)
    sys.meta_path.insert(0, finder)  # before what a test has put on the path of modules
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in finder.made:
            sys.modules.pop(name, None)
