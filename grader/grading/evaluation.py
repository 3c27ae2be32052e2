"""Text that is evaluated while a case runs: the test's own, or what only computes.

SymPy evaluates a text where an expression is expected, typing one that stands for a type, pandas a
query, and a test may evaluate an answer itself. What a student's process sends would be run where
it judges, so that no such text may call anything, but SymPy's classes where SymPy reads it.
"""

import ast
import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

from grader.sandbox import CannotCrossError
from grader.sandbox.proxies import StudentObject

SYMPY, LAMBDIFY = "sympy.parsing.sympy_parser", "sympy.utilities.lambdify"
PANDAS = "pandas.core.computation.expr"
OF_TYPES = frozenset({"inspect", "typing"})
SYMPYS_OWN = "from sympy import *"
# Of SymPy's functions, those which formulas have.
FUNCTIONS = frozenset({"cbrt", "diff", "integrate", "real_root", "root", "sqrt", "Matrix"})
# Of Python's own, those that only compute.
COMPUTING = frozenset({
    "abs", "all", "any", "bool", "complex", "dict", "divmod", "float", "int", "len", "list", "max",
    "min", "pow", "range", "round", "set", "sorted", "str", "sum", "tuple", "zip",
})  # fmt: skip
COMPUTES = (
    ast.Expression, ast.Module, ast.Expr, ast.Assign, ast.BoolOp, ast.BinOp, ast.UnaryOp,
    ast.IfExp, ast.Dict, ast.Set, ast.List, ast.Tuple, ast.Compare, ast.Constant, ast.Name,
    ast.Attribute, ast.Subscript, ast.Slice, ast.expr_context, ast.boolop, ast.operator,
    ast.unaryop, ast.cmpop, ast.keyword,
)  # fmt: skip
NOT_EVALUATED = (
    "the test evaluates a text that is not its own and calls something; nothing that a student's "
    "process says is run here: have the test compare what it does"
)


@dataclass(frozen=True, slots=True)
class _Case:
    """One case: the file of its test, that file's text, and where refusals are noted."""

    path: str
    text: str
    refusals: list[str]


class _Hook:
    """Hears of each text that Python compiles, and looks at those of a case."""

    def __init__(self) -> None:
        self._is_there = False
        self.case: _Case | None = None

    def begin(self, case: _Case | None) -> None:
        if case is not None and not self._is_there:
            sys.addaudithook(self._hear)
            self._is_there = True
        self.case = case

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "compile" or self.case is None:
            return
        if isinstance(arguments[0], str | bytes):
            _look_at(arguments[0], sys._getframe(1), self.case)  # noqa: SLF001


_hook = _Hook()


@contextlib.contextmanager
def of_own_text(path: str, text: str, refusals: list[str]) -> Iterator[None]:
    """Have no text evaluated for one case that is not its own and does more than compute.

    path: of the test's file. text: in it. refusals: where it is noted what was not evaluated.
    """
    before = _hook.case
    _hook.begin(_Case(path, text, refusals))
    try:
        yield
    finally:
        _hook.begin(before)


def _look_at(source: bytes | str, frame: FrameType, case: _Case) -> None:
    """Refuse what is about to be compiled by a frame's code, if it is nothing of a case's."""
    only_parses = frame.f_code.co_filename == ast.__file__
    if only_parses and frame.f_back is not None:
        frame = frame.f_back  # who may mean to change it before it is compiled
    file, module = frame.f_code.co_filename, str(frame.f_globals.get("__name__"))
    text = source if isinstance(source, str) else bytes(source).decode("utf-8", "replace")
    if module == SYMPY:
        _look_at_expression(text, frame, case)
    elif module == LAMBDIFY:
        for one in _texts_in(frame.f_locals.get("expr")):
            fine = _is_own(one, case) or _only_computes(one, _is_of_sympy, by_sympy=True)
            _refuse_unless(fine, case)
    elif module == "doctest":  # whose lines are those of a test's, without what begins them
        own = all(line.strip() in case.text for line in text.splitlines())
        _refuse_unless(own or _only_computes(text), case)
    elif (
        module == PANDAS
        or (module in OF_TYPES and _asks(frame, case))
        or (not only_parses and _is_of(file, case))
    ):
        _refuse_unless(_is_own(text, case) or _only_computes(text, _known_in(frame)), case)


def _known_in(frame: FrameType) -> Callable[[str], bool]:
    """Return what says whether a name is Python's own that computes, or a student's function."""

    def is_known(name: str) -> bool:
        held = frame.f_locals if name in frame.f_locals else frame.f_globals
        found = held[name] if name in held else None  # noqa: SIM401 - not every dict's `get`
        return name in COMPUTING if found is None else issubclass(type(found), StudentObject)

    return is_known


def _look_at_expression(text: str, frame: FrameType, case: _Case) -> None:
    """Refuse a text that SymPy reads as an expression, where it calls what is none of SymPy's."""
    if text == SYMPYS_OWN:
        return
    parsing: FrameType | None = frame
    while parsing is not None and parsing.f_code.co_name != "parse_expr":
        parsing = parsing.f_back
    given = {} if parsing is None else parsing.f_locals
    if isinstance(given.get("s"), str) and _is_own(given["s"], case):
        return
    known = frozenset(given.get("local_dict") or ())
    fine = _only_computes(text, lambda name: name in known or _is_of_sympy(name), by_sympy=True)
    _refuse_unless(fine, case)


def _is_of(file: str, case: _Case) -> bool:
    return file == case.path or file.startswith("<doctest ")


def _asks(frame: FrameType | None, case: _Case) -> bool:
    """Say whether it is a test that asks for types, and no library that it imports."""
    while frame is not None and frame.f_globals.get("__name__") in OF_TYPES:
        frame = frame.f_back
    return frame is not None and _is_of(frame.f_code.co_filename, case)


def _refuse_unless(is_fine: bool, case: _Case) -> None:
    if not is_fine:
        case.refusals.append(NOT_EVALUATED)
        raise CannotCrossError(NOT_EVALUATED)


def _texts_in(value: Any) -> Iterator[str]:
    """Yield the texts among what is to become a function."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts_in([*value, *value.values()])
    elif isinstance(value, list | tuple | set):
        for one in value:
            yield from _texts_in(one)


def _is_own(text: str, case: _Case) -> bool:
    """Say whether a text stands in the test; blanks aside, which pandas sets as it likes."""
    return text in case.text or "".join(text.split()) in "".join(case.text.split())


def _only_computes(
    text: str, may_call: Callable[[str], bool] = lambda _name: False, *, by_sympy: bool = False
) -> bool:
    """Say whether a text calls nothing but some names; by_sympy: of nothing's attributes."""
    try:
        nodes = list(ast.walk(ast.parse(text.strip())))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True  # it will not be compiled either
    return all(_is_harmless(node, may_call, by_sympy=by_sympy) for node in nodes)


def _is_harmless(node: ast.AST, may_call: Callable[[str], bool], *, by_sympy: bool) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) if name.startswith("__"):
            return False
        case ast.Attribute() if by_sympy:
            return False
        case ast.Call(func=ast.Name(id=name)):
            return may_call(name)
    return isinstance(node, COMPUTES)


def _is_of_sympy(name: str) -> bool:
    import sympy

    found = getattr(sympy, name, None)
    return name in FUNCTIONS or (isinstance(found, type) and issubclass(found, sympy.Basic))
