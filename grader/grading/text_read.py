"""Where a text that a test evaluates finds its names, and which of them are the test's own.

A text of a student's may compute with what the test gives it by name, with names of the notebook,
and with numbers and elementary functions of public libraries. The test's own names are not for it:
what the test expects is among them.
"""

import ast
import builtins
import cmath
import contextlib
import functools
import importlib.machinery
import importlib.util
import math
import re
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from grader.course import text_file
from grader.sandbox import libraries
from grader.sandbox.proxies import StudentObject

# Of Python's own, those that only compute.
COMPUTING = frozenset({
    "abs", "all", "any", "bool", "complex", "dict", "divmod", "float", "int", "len", "list", "max",
    "min", "pow", "range", "round", "set", "sorted", "str", "sum", "tuple", "zip",
})  # fmt: skip
LETTERS = re.compile(r"\w\w?([, ]+\w\w?)*").fullmatch  # as in "x y z"
WORDS = (ast.Expr, ast.Assign)
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
Source = str | bytes | ast.AST


TEXT = "<text of a test>"  # the file of what a test has had compiled
OF_A_CLOCK = 0.1  # seconds by which a file's time may lag behind
LAID_OUT = 946_684_800  # seconds: the time of the course's files, which no later write has


def is_laid_out(path: str | Path) -> bool:
    """Say whether a file beside a test is the course's, as it was laid out."""
    return Path(path).lstat().st_mtime == LAID_OUT


class CourseLoader(importlib.machinery.SourceFileLoader):
    """Loads a module of the course's beside the notebook, and leaves nothing in its folder."""

    def set_data(self, path: str, data: Any, *, _mode: int = 0o666) -> None:
        """Write no bytecode."""


class ReferenceLoader(importlib.machinery.SourceFileLoader):
    """Loads a reference, which a case that asks for it first may find as new as itself."""


def _now() -> float:
    return time.time() - OF_A_CLOCK


@dataclass(frozen=True)
class Case:
    """One case: its test's file and text, the names that it asks the notebook for, and refusals.

    stored: names that texts of the student's have bound meanwhile. began: seconds; what has been
    written since then, a student's files among it, is not run here.
    """

    path: str
    text: str
    refusals: list[str]
    parameters: frozenset[str] = frozenset()
    stored: set[str] = field(default_factory=set)
    began: float = field(default_factory=_now)

    def is_new(self, path: str | Path) -> bool:
        """Say whether a file has been written since the case began; False where there is none.

        One from the future was written by a clock that is none of this machine's.
        """
        with contextlib.suppress(OSError, ValueError):
            return self.began <= Path(path).stat().st_mtime <= time.time() + OF_A_CLOCK
        return False

    def is_of(self, frame: FrameType) -> bool:
        """Say whether a frame runs code of the test, a text of its, or a module of the course's."""
        file = frame.f_code.co_filename
        if file in {self.path, TEXT} or file.startswith("<doctest "):
            return True
        return isinstance(frame.f_globals.get("__loader__"), CourseLoader)

    def wrote(self, source: Source) -> bool:
        """Say whether the test itself says a text that is evaluated, and not only its words.

        Blanks aside, which pandas sets as it likes. A name alone may be anybody's.
        """
        if isinstance(source, ast.AST):
            return _unparsed(source) in self._trees
        text = text_of(source)
        if text.strip().isidentifier():
            return False
        return _without_blanks(text) in self._said or self._has_code(text)

    def _has_code(self, text: str) -> bool:
        """Say whether a text is code of the test's file that is more than an expression."""
        tree = parsed(text) if text in self.text else None
        return tree is not None and not all(isinstance(one, WORDS) for one in tree.body)

    @cached_property
    def _said(self) -> frozenset[str]:
        """The texts within the test's text, and their lines, without blanks."""
        lines = [line for text in self.texts for line in text.splitlines()]
        return frozenset(map(_without_blanks, [*self.texts, *lines]))

    @cached_property
    def literals(self) -> frozenset[str]:
        """The names that the test's text says as texts or keywords, as where it gives them."""
        found: set[str] = set()
        for text in self.texts:
            found |= {text} if text.isidentifier() else set()
            found |= {*text.replace(",", " ").split()} if LETTERS(text) else set()
        keywords = (node for node in ast.walk(self._parsed) if isinstance(node, ast.keyword))
        return frozenset(found | {node.arg for node in keywords if node.arg is not None})

    @cached_property
    def bound(self) -> frozenset[str]:
        """The names that the test's own code binds, at any time."""
        names = (node for node in ast.walk(self._parsed) if isinstance(node, ast.Name))
        return frozenset(node.id for node in names if isinstance(node.ctx, ast.Store))

    @cached_property
    def _trees(self) -> frozenset[str]:
        """The texts within the test's text, as Python would write them."""
        return frozenset(_unparsed(tree) for tree in map(parsed, self.texts) if tree is not None)

    @cached_property
    def texts(self) -> list[str]:
        """The texts that the test says."""
        return [
            node.value
            for node in ast.walk(self._parsed)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]

    @cached_property
    def _parsed(self) -> ast.AST:
        import doctest

        tree = parsed(self.text)
        if tree is None:  # a doctest's
            examples = doctest.DocTestParser().get_examples(self.text)
            tree = parsed("".join(example.source for example in examples))
        return ast.Module([], []) if tree is None else tree


def text_of(source: str | bytes) -> str:
    """Return the text that is about to be compiled."""
    return source if isinstance(source, str) else bytes(source).decode("utf-8", "replace")


def decoded(source: str | bytes) -> str:
    """Return the text of a program, in the coding that its first lines name."""
    if isinstance(source, str):
        return source
    try:
        return importlib.util.decode_source(source)
    except (SyntaxError, ValueError, LookupError):
        return text_of(source)


def _without_blanks(text: str) -> str:
    return "".join(text.split())


def parsed(text: str) -> ast.Module | None:
    """Return a text's tree; None where Python would not compile it either."""
    try:
        return ast.parse(text.strip())
    except UNREADABLE:
        return None


def _unparsed(tree: ast.AST) -> str:
    try:
        return ast.unparse(tree)
    except (AttributeError, RecursionError):
        return ""


@dataclass(frozen=True)
class Space:
    """Where the names of a text are looked up: places in their order, and whether the test said so.

    frames: of the test's code, whose names a text is not given by chance.
    """

    case: Case
    places: tuple[tuple[Mapping[str, Any], bool], ...]
    frames: tuple[FrameType, ...]

    @classmethod
    def of(cls, case: Case, frame: FrameType | None, *given: Mapping[str, Any] | None) -> "Space":
        """Return where names are looked up: locals and globals, or None for those of the test.

        frame: of whoever evaluates the text.
        """
        frames = tuple(one for one in _outwards(frame) if case.is_of(one))
        own: list[Mapping[str, Any]] = []
        if frames:
            own = [frames[0].f_locals, frames[0].f_globals]
        explicit = [one for one in given if one is not None]
        places = [(one, True) for one in explicit]
        if len(explicit) < len(given) or not given:
            places += [(one, False) for one in own]
        return cls(case, tuple(places), frames)

    def wrote(self, source: Source) -> bool:
        """Say whether the test says a text, or a module of the course's which evaluates it."""
        loaders = (frame.f_globals.get("__loader__") for frame in self.frames)
        modules = (one.path for one in loaders if isinstance(one, CourseLoader))
        return self.case.wrote(source) or any(_module(path).wrote(source) for path in modules)

    def found(self, name: str) -> tuple[Any, bool, bool]:
        """Return a name's value, whether it has one, and whether it is none of a text's to read."""
        for place, is_given in self.places:
            if _holds(place, name):
                value = dict.__getitem__(place, name) if isinstance(place, dict) else place[name]
                return value, True, not self._may_read(name, value, place, is_given=is_given)
        value = self._of_notebook(name)
        return value, value is not None, False

    def _of_notebook(self, name: str) -> Any:
        if hasattr(builtins, name):
            return None
        for place, _ in self.places:
            try:
                return place[name]
            except KeyError:
                continue
        return None

    def _may_read(self, name: str, value: Any, place: Mapping[str, Any], *, is_given: bool) -> bool:
        if name in self.case.stored or is_of_student(value):
            return True
        is_ours = self._is_of_test(name, value, place)
        if is_given and not is_ours:
            return True
        return name in self.case.parameters or _is_public(value)

    def _is_of_test(self, name: str, value: Any, place: Mapping[str, Any]) -> bool:
        """Say whether a place is the names of the test's code, or has a value from there.

        But for what the test gives by a name that it says.
        """
        for frame in self.frames:
            for own in _names_of(frame):
                is_same = _holds(own, name) and dict.__getitem__(own, name) is value
                if place is own or (is_same and name not in self.case.literals):
                    return True
        return False

    def is_callable(self, name: str) -> bool:
        """Say whether a text may call what has a name: of the notebook, or what only computes."""
        value, is_there, _ = self.found(name)
        if not is_there:
            return name in COMPUTING
        return is_of_student(value) or only_computes(value)

    def is_bound_by_test(self, name: str) -> bool:
        """Say whether a text that binds a name would take it from the test."""
        if not self.places or name in self.case.stored:
            return False
        place, is_given = self.places[0]
        if is_given and not any(place is own for one in self.frames for own in _names_of(one)):
            return False
        is_held = any(_holds(one, name) for one, _ in self.places)
        return is_held or name in self.case.bound or hasattr(builtins, name)


@functools.lru_cache(maxsize=100)
def _module(path: str) -> Case:
    return Case(path, text_file.read(Path(path)), [])


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _names_of(frame: FrameType) -> tuple[dict[str, Any], dict[str, Any]]:
    return frame.f_locals, frame.f_globals


def is_of_student(value: Any) -> bool:
    return issubclass(type(value), StudentObject)  # it may say what it likes of its class


def _holds(place: Mapping[str, Any], name: str) -> bool:
    """Say whether a place has a name of its own, and not by asking the notebook."""
    return dict.__contains__(place, name) if isinstance(place, dict) else name in place


def _is_public(value: Any) -> bool:
    """Say whether a value is a module that only computes, or a function or constant of one."""
    if isinstance(value, ModuleType):
        return libraries.judging_module(value.__name__) is not None
    is_constant = type(value) is float and value in {math.pi, math.e, math.tau, math.inf}
    return is_constant or only_computes(value)


def only_computes(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ufunc):
        return True
    own = getattr(value, "__self__", None)
    return callable(value) and (own is math or own is cmath)
