"""What a text that a test evaluates does: which names it reads and binds, and what it calls.

A text of a student's may compute with what the test gives it by name, with names of the notebook,
and with numbers and elementary functions of public libraries. The test's own names are not for it:
what the test expects is among them.
"""

import ast
import builtins
import cmath
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import CodeType, FrameType, ModuleType
from typing import Any

from grader.sandbox import libraries
from grader.sandbox.proxies import StudentObject

# Of Python's own, those that only compute.
COMPUTING = frozenset({
    "abs", "all", "any", "bool", "complex", "dict", "divmod", "float", "int", "len", "list", "max",
    "min", "pow", "range", "round", "set", "sorted", "str", "sum", "tuple", "zip",
})  # fmt: skip
COMPUTES = (
    ast.Expression, ast.Module, ast.Expr, ast.Assign, ast.Pass, ast.BoolOp, ast.BinOp, ast.UnaryOp,
    ast.IfExp, ast.Dict, ast.Set, ast.List, ast.Tuple, ast.Compare, ast.Constant, ast.Name,
    ast.Attribute, ast.Subscript, ast.Slice, ast.Starred, ast.expr_context, ast.boolop,
    ast.operator, ast.unaryop, ast.cmpop, ast.keyword,
)  # fmt: skip
CALLS = (
    "the test evaluates a text that is not its own and calls something; nothing that a student's "
    "process says is run here: have the test compare what it does"
)
READS = (
    "the test evaluates a text that is not its own where {name!r} is a name of the test's; have it "
    "say which names the text may use, as in eval(text, {{'x': 3}})"
)
LETTERS = re.compile(r"\w\w?([, ]+\w\w?)*").fullmatch  # as in "x y z"
WORDS = (ast.Expr, ast.Assign)
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
Source = str | bytes | ast.AST


@dataclass(frozen=True)
class Case:
    """One case: its test's file and text, the names that it asks the notebook for, and refusals.

    stored: names that texts of the student's have bound meanwhile.
    """

    path: str
    text: str
    refusals: list[str]
    parameters: frozenset[str] = frozenset()
    stored: set[str] = field(default_factory=set)

    def is_of(self, frame: FrameType) -> bool:
        """Say whether a frame runs code of the test."""
        file = frame.f_code.co_filename
        return file == self.path or file.startswith("<doctest ")

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
        lines = [line for text in self._texts for line in text.splitlines()]
        return frozenset(map(_without_blanks, [*self._texts, *lines]))

    @cached_property
    def literals(self) -> frozenset[str]:
        """The names that the test's text says as texts or keywords, as where it gives them."""
        found: set[str] = set()
        for text in self._texts:
            found |= {text} if text.isidentifier() else set()
            found |= {*text.replace(",", " ").split()} if LETTERS(text) else set()
        keywords = (node for node in ast.walk(self._parsed) if isinstance(node, ast.keyword))
        return frozenset(found | {node.arg for node in keywords if node.arg is not None})

    @cached_property
    def _trees(self) -> frozenset[str]:
        """The texts within the test's text, as Python would write them."""
        return frozenset(_unparsed(tree) for tree in map(parsed, self._texts) if tree is not None)

    @cached_property
    def _texts(self) -> list[str]:
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
        if name in self.case.stored or _is_of_student(value):
            return True
        is_ours = self._is_of_test(name, value, place)
        if is_given and not is_ours:
            return True
        return name in self.case.parameters or _is_public(value)

    def _is_of_test(self, name: str, value: Any, place: Mapping[str, Any]) -> bool:
        """Say whether a place is the names of the test's code, or a copy of them."""
        for frame in self.frames:
            for own in _names_of(frame):
                if place is own:
                    return True
                is_copy = len(own) > 1 and _own_names(own) <= _own_names(place)
                is_same = _holds(own, name) and dict.__getitem__(own, name) is value
                if is_copy and is_same and name not in self.case.literals:
                    return True
        return False

    def is_callable(self, name: str) -> bool:
        """Say whether a text may call what has a name: of the notebook, or what only computes."""
        value, is_there, _ = self.found(name)
        if not is_there:
            return name in COMPUTING
        return _is_of_student(value) or _only_computes(value)

    def is_bound_by_test(self, name: str) -> bool:
        """Say whether a text that binds a name would take it from the test."""
        if not self.places or name in self.case.stored:
            return False
        place, is_given = self.places[0]
        if is_given and not any(place is own for one in self.frames for own in _names_of(one)):
            return False
        return hasattr(builtins, name) or any(_holds(one, name) for one, _ in self.places)


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _names_of(frame: FrameType) -> tuple[dict[str, Any], dict[str, Any]]:
    return frame.f_locals, frame.f_globals


def _own_names(place: Mapping[str, Any]) -> frozenset[str]:
    """Return the names that a place has, and not those that it would ask the notebook for."""
    return frozenset(dict.__iter__(place) if isinstance(place, dict) else place)


def _is_of_student(value: Any) -> bool:
    return issubclass(type(value), StudentObject)  # it may say what it likes of its class


def _holds(place: Mapping[str, Any], name: str) -> bool:
    """Say whether a place has a name of its own, and not by asking the notebook."""
    return dict.__contains__(place, name) if isinstance(place, dict) else name in place


def _is_public(value: Any) -> bool:
    """Say whether a value is a module that only computes, or a function or constant of one."""
    if isinstance(value, ModuleType):
        return libraries.judging_module(value.__name__) is not None
    is_constant = type(value) is float and value in {math.pi, math.e, math.tau, math.inf}
    return is_constant or _only_computes(value)


def _only_computes(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ufunc):
        return True
    own = getattr(value, "__self__", None)
    return callable(value) and (own is math or own is cmath)


def what_is_wrong(
    source: Source,
    space: Space | None,
    may_call: Callable[[str], bool],
    *,
    by_sympy: bool = False,
) -> str:
    """Return why a text is not to be evaluated, or "".

    space: where its names are looked up, None where no name of it is of the test's. by_sympy: it
    takes no attributes, and knows names that are not Python's.
    """
    tree = source if isinstance(source, ast.AST) else parsed(text_of(source))
    if tree is None:
        return ""  # it will not be compiled
    nodes = list(ast.walk(tree))
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    if by_sympy and any(isinstance(node, ast.Attribute) for node in nodes):
        return CALLS
    if not all(_is_harmless(node, stored, space, may_call) for node in nodes):
        return CALLS
    names = {node.id for node in nodes if isinstance(node, ast.Name)} - stored
    return "" if space is None else _taken(names, stored, space, by_sympy=by_sympy)


def _taken(names: set[str], stored: set[str], space: Space, *, by_sympy: bool) -> str:
    """Return what is wrong with reading some names and binding others, or ""."""
    for name in sorted(stored):
        if space.is_bound_by_test(name):
            return READS.format(name=name)
    for name in sorted(names):
        _, is_there, is_refused = space.found(name)
        is_of_python = not is_there and not by_sympy and hasattr(builtins, name)
        if is_refused or (is_of_python and name not in COMPUTING):
            return READS.format(name=name)
    space.case.stored.update(stored)
    return ""


def _is_harmless(
    node: ast.AST, stored: set[str], space: Space | None, may_call: Callable[[str], bool]
) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) if name.startswith("__"):
            return False
        case ast.Call(func=ast.Name(id=name)):
            return name not in stored and may_call(name)
        case ast.Call(func=ast.Attribute() as function):
            return _only_computes(_of_library(function, space))
        case ast.Attribute(ctx=ast.Load()):
            return _may_be_read(_of_library(node, space))
        case ast.Attribute() | ast.Subscript(ctx=ast.Store()):
            return _binds_only_names(node, stored)
    return isinstance(node, COMPUTES)


def _binds_only_names(node: ast.AST, stored: set[str]) -> bool:
    """Say whether what is bound is no attribute, and no item but of what the text has made."""
    value = node.value if isinstance(node, ast.Subscript) else None
    return isinstance(value, ast.Name) and value.id in stored


NOT_OF_LIBRARY = object()


def _of_library(node: ast.AST, space: Space | None) -> Any:
    """Return what a name with attributes stands for that begins with a public module."""
    found: Any = NOT_OF_LIBRARY
    if isinstance(node, ast.Name) and space is not None:
        value, is_there, _ = space.found(node.id)
        found = value if is_there and isinstance(value, ModuleType) else found
    elif isinstance(node, ast.Attribute):
        base = _of_library(node.value, space)
        found = base if base is NOT_OF_LIBRARY else getattr(base, node.attr, None)
    return found


def _may_be_read(value: Any) -> bool:
    if value is NOT_OF_LIBRARY:
        return True
    if isinstance(value, ModuleType):
        return libraries.judging_module(value.__name__) is not None
    return isinstance(value, int | float | complex) or _only_computes(value)


@dataclass
class Compiled:
    """What a test has compiled that is not its own: each code with the text or tree it is of."""

    held: list[tuple[CodeType, Source]] = field(default_factory=list)

    def source_of(self, code: Any) -> Source | None:
        """Return what a code object was compiled from, None of the test's own."""
        return next((source for one, source in self.held if one is code), None)
