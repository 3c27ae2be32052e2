"""Text that is evaluated while a case runs: the test's own, or what only computes.

SymPy evaluates a text where an expression is expected, typing one that stands for a type, pandas a
query, and a test may evaluate an answer itself. What a student's process sends would be run where
it judges, so that no such text may call anything, but SymPy's classes where SymPy reads it.
"""

import ast
import contextlib
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any

from grader.grading import outside
from grader.grading.text_read import (
    TEXT,
    Case,
    CourseLoader,
    ReferenceLoader,
    Source,
    Space,
    decoded,
    text_of,
)
from grader.grading.text_rules import CALLS, Compiled, is_of_printer, what_is_wrong
from grader.sandbox import CannotCrossError

TREES = "sympy.parsing.ast_parser"
SYMPY, LAMBDIFY = "sympy.parsing.sympy_parser", "sympy.utilities.lambdify"
PANDAS = "pandas.core.computation.expr"
PANDAS_FUNCTIONS = "pandas.core.computation.ops"
OF_TYPES = frozenset({"inspect", "typing"})
SYMPYS_OWN = "from sympy import *"
# Of SymPy's functions, those which formulas have.
FUNCTIONS = frozenset({"cbrt", "diff", "integrate", "real_root", "root", "sqrt", "Matrix"})
# What evaluates a text for somebody else, by the root of its module's name.
FOR_OTHERS = frozenset({
    "IPython", "bdb", "cProfile", "code", "codeop", "concurrent", "formulaic", "logging", "mako",
    "patsy", "pdb", "plotnine", "profile", "rlcompleter", "runpy", "threading", "trace",
})  # fmt: skip
NUMEXPR = "numexpr.necompiler"
OF_FUNCTIONS = frozenset({"_stmt()", "_setup()"})  # as timeit calls one that it is given


class _Hook:
    """Hears of each text and tree that Python compiles, and looks at those of a case."""

    def __init__(self) -> None:
        self._is_there = False
        self.case: Case | None = None
        self.is_looked_at = False  # what is compiled next

    def begin(self, case: Case | None) -> None:
        if case is not None and not self._is_there:
            sys.addaudithook(self._hear)
            self._is_there = True
        self.case = case

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "compile" or self.case is None:
            return
        if self.is_looked_at:
            self.is_looked_at = False
        elif isinstance(arguments[0], str | bytes):
            # Bytes may have been a text, in which it says nothing that they name a coding.
            for text in {text_of(arguments[0]), decoded(arguments[0])}:
                _look_at(text, sys._getframe(1), self.case)  # noqa: SLF001
        elif isinstance(arguments[0], ast.AST):
            _look_at_tree(arguments[0], sys._getframe(1), self.case)  # noqa: SLF001


_hook = _Hook()
_compiled = Compiled([])


@contextlib.contextmanager
def of_own_text(case: Case) -> Iterator[None]:
    """Have no text evaluated for one case that is not its own and does more than compute."""
    before = _hook.case
    _hook.begin(case)
    try:
        yield
    finally:
        _hook.begin(before)
        _compiled.held.clear()


def _look_at(text: str, frame: FrameType, case: Case) -> None:
    """Refuse what is about to be compiled by a frame's code, if it is nothing of a case's."""
    only_parses = frame.f_code.co_filename == ast.__file__
    if only_parses and frame.f_back is not None:
        frame = frame.f_back  # who may mean to change it before it is compiled
    module = str(frame.f_globals.get("__name__"))
    if module.startswith(outside.IMPORTS) and _is_new_code(frame, case):
        _refuse_unless_fine(text, Space.of(case, frame), case)
    if not module.startswith("grader.") and not outside.is_by_test(frame, case):
        return  # a library that is imported meanwhile makes its own templates and functions
    if module in EVALUATE:
        EVALUATE[module](text, frame, case)
    elif module in OF_TYPES:
        if _asks(frame, case) and not case.wrote(text):
            space = Space.of(case, frame)
            _refuse_for(what_is_wrong(text, space, space.is_callable, of_types=True), case)
    elif module.partition(".")[0] in FOR_OTHERS or (case.is_of(frame) and not only_parses):
        _refuse_unless_fine(text, Space.of(case, frame), case)


def _is_new_code(frame: FrameType, case: Case) -> bool:
    """Say whether a file that is loaded as code was written since the case began.

    The course's own modules may be as new, and its reference; those of a library are not.
    """
    asked: FrameType | None = frame
    while asked is not None and asked.f_code.co_name != "source_to_code":
        asked = asked.f_back
    if asked is None or isinstance(asked.f_locals.get("self"), CourseLoader | ReferenceLoader):
        return False
    return case.is_new(str(asked.f_locals.get("path")))


def _look_at_lambdified(text: str, frame: FrameType, case: Case) -> None:
    """Refuse a function that SymPy has written, of a text or with names that are none."""
    for one in _texts_in(frame.f_locals.get("expr")):
        if not case.wrote(one):
            _refuse_for(what_is_wrong(one, None, _is_of_sympy, by_sympy=True), case)
    is_import = frame.f_code.co_name == "_import" or text == frame.f_locals.get("ln")
    if not is_import and not is_of_printer(text, frame.f_locals.get("namespace") or {}):
        _refuse_for(CALLS, case)


def _look_at_doctest(text: str, _frame: FrameType, case: Case) -> None:
    """Refuse an example whose lines are none of a test's, without what begins them there."""
    if not all(line.strip() in case.text for line in text.splitlines()):
        _refuse_for(what_is_wrong(text, None, lambda _name: False), case)


def _look_at_template(_text: str, frame: FrameType, case: Case) -> None:
    """Refuse a template that a test has not said itself: what stands in one is evaluated."""
    asked: FrameType | None = frame
    while asked is not None and asked.f_code.co_name != "from_string":
        is_jinja = str(asked.f_globals.get("__name__")).startswith("jinja2.")
        asked = asked.f_back if is_jinja else None
    said = None if asked is None else asked.f_locals.get("source")
    if isinstance(said, str) and "{" in said and not case.wrote(said):
        _refuse_for(CALLS, case)


def _look_at_timed(_text: str, frame: FrameType, case: Case) -> None:
    for one in (frame.f_locals.get("stmt"), frame.f_locals.get("setup")):
        if isinstance(one, str) and one not in OF_FUNCTIONS:
            _refuse_unless_fine(one, Space.of(case, frame), case)


def _look_at_query(text: str, frame: FrameType, case: Case) -> None:
    said = frame.f_locals.get("node")  # before pandas has put names of its own in place of @
    if isinstance(said, str) and case.wrote(said):
        return
    space, functions = _space_of_pandas(frame, case), sys.modules[PANDAS_FUNCTIONS].MATHOPS
    if not space.wrote(text):
        may_call = lambda name: space.is_callable(name) or name in functions  # noqa: E731
        _refuse_for(what_is_wrong(text, space, may_call), case)


def _look_at_tree(tree: ast.AST, frame: FrameType, case: Case) -> None:
    """Refuse a tree that a test is about to compile, which may have been made of an answer."""
    if case.is_of(frame):
        _refuse_unless_fine(tree, Space.of(case, frame), case)


def _refuse_unless_fine(source: Source, space: Space, case: Case) -> None:
    if not space.wrote(source):
        _refuse_for(what_is_wrong(source, space, space.is_callable), case)


def _space_of_pandas(frame: FrameType, case: Case) -> Space:
    """Return where pandas looks names up: among a table's columns first."""
    env = getattr(frame.f_locals.get("self"), "env", None)
    columns = {} if env is None else dict(env.resolvers)
    asked: FrameType | None = frame
    while asked is not None and asked.f_code.co_name != "eval":
        asked = asked.f_back
    given = {} if asked is None else asked.f_locals
    return Space.of(case, frame, columns, given.get("local_dict"), given.get("global_dict"))


def _look_at_numexpr(text: str, frame: FrameType, case: Case) -> None:
    """Refuse what numexpr is about to compile, whose own functions such a text may call."""
    functions = sys.modules["numexpr.expressions"].functions
    asked: FrameType | None = frame
    while asked is not None and asked.f_code.co_name not in {"evaluate", "validate"}:
        asked = asked.f_back
    given = {} if asked is None else asked.f_locals
    space = Space.of(case, frame, given.get("local_dict"), given.get("global_dict"))
    if not case.wrote(text):
        _refuse_for(what_is_wrong(text, space, lambda name: name in functions), case)


def _look_at_expression(text: str, frame: FrameType, case: Case) -> None:
    """Refuse a text that SymPy reads as an expression, where it calls what is none of SymPy's."""
    if text == SYMPYS_OWN:
        return
    parsing: FrameType | None = frame
    while parsing is not None and parsing.f_code.co_name != "parse_expr":
        parsing = parsing.f_back
    given = {} if parsing is None else parsing.f_locals
    if isinstance(given.get("s"), str) and case.wrote(given["s"]):
        return
    known = given.get("local_dict") or {}
    space = Space.of(case, frame, known)
    _refuse_for(
        what_is_wrong(text, space, lambda name: name in known or _is_of_sympy(name), by_sympy=True),
        case,
    )


def _asks(frame: FrameType | None, case: Case) -> bool:
    """Say whether it is a test that asks for types, and no library that it imports."""
    while frame is not None and frame.f_globals.get("__name__") in OF_TYPES:
        frame = frame.f_back
    return frame is not None and case.is_of(frame)


def _refuse_for(sentence: str, case: Case) -> None:
    if sentence:
        case.refusals.append(sentence)
        raise CannotCrossError(sentence)


def _texts_in(value: Any) -> Iterator[str]:
    """Yield the texts among what is to become a function."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts_in([*value, *value.values()])
    elif isinstance(value, list | tuple | set):
        for one in value:
            yield from _texts_in(one)


def _is_of_sympy(name: str) -> bool:
    import sympy

    found = getattr(sympy, name, None)
    return name in FUNCTIONS or (isinstance(found, type) and issubclass(found, sympy.Basic))


# By module: what looks at a text that it is about to compile.
EVALUATE: dict[str, Callable[[str, FrameType, Case], None]] = {
    SYMPY: _look_at_expression,
    TREES: _look_at_expression,
    LAMBDIFY: _look_at_lambdified,
    PANDAS: _look_at_query,
    NUMEXPR: _look_at_numexpr,
    "doctest": _look_at_doctest,
    "grader.grading.fresh_memory": _look_at_doctest,
    "jinja2.environment": _look_at_template,
    "timeit": _look_at_timed,
}


# What a test finds instead of Python's own, which says where names are looked up.


def _evaluated(
    source: Any, mode: str, frame: FrameType, given: tuple[Any, Any]
) -> tuple[Any, dict[str, Any], Any]:
    """Return a text as code, with the globals and locals that Python would evaluate it in."""
    found, local = given
    case = _hook.case
    if found is None:
        asks = frame if case is None else next(Space.of(case, frame).frames.__iter__(), None)
        own = ({}, {}) if asks is None else (asks.f_globals, asks.f_locals)
        found, local = own[0], own[1] if local is None else local
    local = found if local is None else local
    if case is None:
        return source, found, local
    source = _as_text(source)
    text: Source | None = _compiled.source_of(source)
    if isinstance(source, str):
        text = source.lstrip(" \t") if mode == "eval" else source
    if text is not None:
        names = (None, None) if given == (None, None) else (local, found)
        _refuse_unless_fine(text, Space.of(case, frame, *names), case)
        if isinstance(text, str) and not isinstance(source, CodeType):
            source = _compile(text, TEXT, mode, dont_inherit=True)
    return source, found, local


def _as_text(source: Any) -> Any:
    """Return what Python would read as a text, and all else as it is."""
    if isinstance(source, str | CodeType | ast.AST):
        return source
    try:
        return decoded(bytes(memoryview(source)))
    except (TypeError, ValueError):
        return source


def eval_of_test(source: Any, found: Any = None, local: Any = None, /) -> Any:
    """Evaluate as Python does; of a text that is not the test's own, what only computes."""
    given = found, local
    frame = sys._getframe(1)  # noqa: SLF001 - where Python would look names up
    return eval(*_evaluated(source, "eval", frame, given))  # noqa: S307 - this is what it guards


def exec_of_test(source: Any, found: Any = None, local: Any = None, /, **more: Any) -> None:
    """Run as Python does; of a text that is not the test's own, what only computes."""
    given = found, local
    frame = sys._getframe(1)  # noqa: SLF001 - where Python would look names up
    exec(*_evaluated(source, "exec", frame, given), **more)  # noqa: S102 - this is what it guards


def compile_of_test(source: Any, filename: Any, *args: Any, **kwargs: Any) -> Any:
    """Compile as Python does, and remember what is not the test's own."""
    case, frame = _hook.case, sys._getframe(1)  # noqa: SLF001 - where Python would look names up
    source = source if case is None else _as_text(source)
    if case is None or not isinstance(source, str | ast.AST):
        return compile(source, filename, *args, **kwargs)
    space = Space.of(case, frame)
    made = _compile(source, TEXT, *args, **kwargs)
    if isinstance(made, CodeType) and not space.wrote(source):  # of a tree it may only ask
        _refuse_for(what_is_wrong(source, None, space.is_callable), case)
        _compiled.held.append((made, source))
    return made


def _compile(source: Any, *args: Any, **kwargs: Any) -> Any:
    """Compile what is looked at here, and not where the hook hears of it."""
    _hook.is_looked_at = True
    try:
        return compile(source, *args, **kwargs)
    finally:
        _hook.is_looked_at = False


FOR_TESTS: dict[str, Any] = {
    "eval": eval_of_test, "exec": exec_of_test, "compile": compile_of_test,
}  # fmt: skip
