"""Modules that Colab, Kaggle and Deepnote bring, as stand-ins that do nothing and say so.

Executed from source in the worker. A line that only moves files or formats code must not keep a
notebook from running, so what such a module offers is an empty text that can be called.
"""

import ast
import importlib
import importlib.abc
import importlib.machinery
import linecache
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Self

NOTICE = "{name} does nothing while the notebook is graded."
# What the platforms have installed for themselves, and what only formats cells or fetches files.
NAMES = frozenset({
    "google.colab", "colabtools", "condacolab", "kaggle", "kaggle_datasets", "kaggle_gcp",
    "kaggle_secrets", "kaggle_session", "kaggle_web_client", "kagglehub", "deepnote_core",
    "deepnote_toolkit", "gdown", "nb_black", "lab_black", "jupyter_black", "jupyterthemes",
})  # fmt: skip
# Where the platforms keep a user's files, which a notebook enters and which are not here.
FOLDERS = ("/content", "/kaggle", "/datasets", "/work/", "/home/jovyan")
PARENTS = frozenset(name.rpartition(".")[0] for name in NAMES) - {""}
# Names that Deepnote puts into a notebook without an import.
GIVEN = ("_dntk", "DeepnoteChart")
CATCHES = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


class StandIn(str):
    """An empty text, which can also be called, opened as a context, and asked for anything.

    A text, since keys and paths are what most notebooks ask a platform for.
    """

    __slots__ = ("__dict__",)

    def __new__(cls, name: str = "") -> Self:
        made = super().__new__(cls)
        made.__dict__["asked"] = name
        return made

    def __getattr__(self, name: str) -> "StandIn":
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn(f"{self.__dict__['asked']}.{name}")

    def __call__(self, *_args: Any, **_kwargs: Any) -> "StandIn":
        name = self.__dict__["asked"]
        sys.stdout.write(NOTICE.format(name=name) + "\n")
        return StandIn(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        return


class _StandInModule(ModuleType):
    """A module of which every name is a stand-in."""

    def __getattr__(self, name: str) -> StandIn:
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn(f"{self.__name__}.{name}")


class _Finder:
    """Finds a stand-in for what is not installed, where a cell imports it and counts on it.

    `try: import google.colab` asks where the notebook runs, and gets the true answer.
    """

    @staticmethod
    def find_spec(
        name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        stands_in = any(name == known or name.startswith(f"{known}.") for known in NAMES)
        if not stands_in and name not in PARENTS:
            return None
        if not _is_imported_for_good(sys._getframe(1)):  # noqa: SLF001 - who imports it
            return None
        return importlib.machinery.ModuleSpec(name, _Loader(), is_package=True)


class _Loader(importlib.abc.Loader):
    """Makes an empty module, and nothing runs to fill it."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        made = _StandInModule(spec.name, NOTICE.format(name=spec.name))
        made.__all__ = []  # type: ignore[attr-defined]
        return made

    def exec_module(self, module: ModuleType) -> None:
        """Leave it as it is."""


def _is_imported_for_good(frame: FrameType | None) -> bool:
    """Say whether an import statement of a cell, or of a file beside it, asks for the module."""
    while frame is not None and "importlib._bootstrap" in frame.f_code.co_filename:
        frame = frame.f_back
    if frame is None:
        return False
    file = frame.f_code.co_filename
    lies_here = Path(file).is_absolute() and Path(file).resolve().is_relative_to(Path.cwd())
    is_theirs = file.startswith("<cell ") or lies_here
    return is_theirs and not _is_ready_for_an_error(file, frame.f_lineno)


def _is_ready_for_an_error(file: str, line: int) -> bool:
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError, RecursionError):
        return False
    return any(
        node.body[0].lineno <= line <= (node.body[-1].end_lineno or 0)
        and any(_catches(handler.type) for handler in node.handlers)
        for node in ast.walk(tree)
        if isinstance(node, ast.Try)
    )


def _catches(kind: ast.expr | None) -> bool:
    if kind is None:
        return True
    names = {node.id for node in ast.walk(kind) if isinstance(node, ast.Name)}
    return bool(names & CATCHES)


def enter_no_platforms_folder() -> None:
    """Let a cell go on that enters a folder of a platform's; for a child that has its own already.

    What locks a child down must hear of a folder that cannot be entered.
    """
    change = os.chdir

    def chdir(path: Any) -> None:
        try:
            change(path)
        except OSError:
            if not str(path).startswith(FOLDERS):
                raise
            sys.stdout.write(NOTICE.format(name="os.chdir") + "\n")

    os.chdir = chdir


def _keep_older_names() -> None:
    """Give IPython the names that it has dropped and that the platforms' version still has."""
    shown, core = importlib.import_module("IPython.display"), "IPython.core.display"
    for name in ("set_matplotlib_formats", "set_matplotlib_close"):
        if not hasattr(shown, name):
            setattr(shown, name, StandIn(f"IPython.display.{name}"))
    for name in ("display", "HTML", "Image", "Markdown", "clear_output"):
        module = importlib.import_module(core)
        if not hasattr(module, name):
            setattr(module, name, getattr(shown, name))


def install(builtins: dict[str, Any]) -> None:
    """Stand in from now on for what is not installed; it costs an import that works nothing."""
    sys.meta_path.append(_Finder())
    _keep_older_names()
    for name in GIVEN:
        builtins[name] = StandIn(name)
