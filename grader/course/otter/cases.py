"""What an otter test file declares: its question, and its cases with otter's own points.

A file that states all of this in literals, as `otter assign` writes it, is read as text. Any other
is executed by otter's own classes, as it is when its cases are judged.
"""

import ast
import builtins
import contextlib
import io
import os
import random
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.course import text_file
from grader.errors import AssignmentError
from grader.model import TestCase

if TYPE_CHECKING:
    from grader.course.otter.classes import TestFile

FORMAT = "OK_FORMAT"
# In the order of otter's decorator, which takes them by position as well.
DECORATED = ("name", "points", "hidden", "success_message", "failure_message")
STATED = (FORMAT, "test", "name", "points", "all_or_nothing")
PLAIN = (ast.Import, ast.ImportFrom, ast.ClassDef)  # statements that declare no case


class _NotLiteralError(Exception):
    """A file says by code what it declares; only running it tells."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One test file: the question that it is for, and its cases in the file's order."""

    name: str
    cases: tuple[TestCase, ...]


def read(path: Path, beside: Path | None = None) -> Declared:
    """Return what a test file declares; AssignmentError says why it is none of otter's.

    beside: the folder of the files that it may read where it has to be run.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as problem:
        line = getattr(problem, "lineno", None)
        where = f", line {line}" if line else ""
        raise AssignmentError(f"{path}{where}: {getattr(problem, 'msg', problem)}.") from problem
    try:
        file = _as_text(tree, path)
    except _NotLiteralError:
        file = execute(path, beside)
    names = _distinct(str(case.name) for case in file.test_cases)
    cases = tuple(_case(case, name) for case, name in zip(file.test_cases, names, strict=True))
    if not cases:
        raise AssignmentError(f"{path} has no test case; add one or delete the file.")
    return Declared(str(file.name), cases)


def is_doctest(source: str | bytes) -> bool:
    """Say whether a test file is of otter's OK format, which holds doctests.

    Otter before version 4 wrote nothing but `test = {…}`.
    """
    return _is_doctest(ast.parse(source))


def _is_doctest(tree: ast.Module) -> bool:
    bound = _bound(tree)
    if FORMAT in bound:
        node = bound[FORMAT]
        return not isinstance(node, ast.Constant) or bool(node.value)
    return "test" in bound


def execute(path: Path, beside: Path | None = None) -> "TestFile":
    """Return a test file as otter's own class makes it, by running the file in a folder.

    AssignmentError where it is none, or where running it fails.
    """
    from grader.course.otter.classes import ExceptionTestFile, OKTestFile

    text = text_file.read(path)
    try:
        with (
            _at(beside),
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            _pythons_own(),
        ):
            warnings.simplefilter("ignore")
            if is_doctest(text):
                return OKTestFile.from_file(str(path))
            return ExceptionTestFile.from_string(text, path=str(path))
    except (Exception, SystemExit) as problem:
        raise AssignmentError(_fault(path, problem)) from problem


@contextlib.contextmanager
def _pythons_own() -> Iterator[None]:
    """Leave Python's own functions as they are, whatever a file puts in their places."""
    before = [(module, {**vars(module)}) for module in (builtins, os, random, time)]
    try:
        yield
    finally:
        for module, names in before:
            vars(module).update(names)


@contextlib.contextmanager
def _at(folder: Path | None) -> Iterator[None]:
    """Work in a folder whose modules can be imported, after all others; leave nothing of it."""
    if folder is None or not folder.is_dir():
        yield
        return
    before, writes_none = sys.path[:], sys.dont_write_bytecode
    sys.path[:] = [*(place for place in before if Path(place).is_absolute()), str(folder)]
    sys.dont_write_bytecode = True
    loaded = frozenset(sys.modules)
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        sys.path[:], sys.dont_write_bytecode = before, writes_none
        for name in [*sys.modules.keys() - loaded]:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(f"{folder}{os.sep}"):
                del sys.modules[name]


def _fault(path: Path, problem: BaseException) -> str:
    """Return in a sentence why a file is no test file of otter's."""
    if isinstance(problem, AssertionError):  # which otter raises without a word
        said = "it has to have a name and one suite of doctests, without setup and teardown"
    elif isinstance(problem, KeyError):
        said = f"{problem} is missing"
    elif isinstance(problem, ModuleNotFoundError) and problem.name:
        said = f"{problem}; if it is a package, `pip install` it"
    else:
        said = f"{type(problem).__name__}: {problem}".rstrip(".")
    return f"{path} cannot be read as an otter test: {said}."


def _case(case: Any, name: str) -> TestCase:
    return TestCase(
        name,
        float(case.points),
        bool(case.hidden),
        success_message=_text(case.success_message),
        failure_message=_text(case.failure_message),
    )


def _text(message: Any) -> str:
    return "" if message is None else str(message).strip()


def _distinct(names: Iterable[str]) -> list[str]:
    """Return names of cases of which none is another's; reports are kept by them."""
    found: list[str] = []
    for name in names:
        number, distinct = 1, name
        while distinct in found:
            number += 1
            distinct = f"{name} ({number})"
        found.append(distinct)
    return found


def _bound(tree: ast.Module) -> dict[str, ast.expr]:
    """Return what simple assignments at the top of a file bind, the last of each name."""
    return {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
    }


def _as_text(tree: ast.Module, path: Path) -> "TestFile":
    """Return a test file made of the literals that it is written with."""
    from grader.course.otter.classes import ExceptionTestFile, OKTestFile

    decorated = []
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name()]) | ast.Expr(value=ast.Constant()):
                continue
            case ast.FunctionDef(decorator_list=[]):
                continue
            case ast.FunctionDef(name=name, decorator_list=[ast.Call() as call]):
                decorated.append((name, _decorated(call)))
            case _ if not isinstance(node, PLAIN):
                raise _NotLiteralError
    values = {name: _literal(value) for name, value in _bound(tree).items() if name in STATED}
    try:
        if _is_doctest(tree):
            return OKTestFile.from_spec(values["test"], path=str(path))
        return _of_functions(ExceptionTestFile, values, dict(decorated), path)
    except (AssertionError, KeyError, TypeError, ValueError) as problem:
        raise AssignmentError(_fault(path, problem)) from problem


def _of_functions(
    kind: Any, values: dict[str, Any], cases: dict[str, dict[str, Any]], path: Path
) -> "TestFile":
    """Return an exception-based file of its decorated functions, named and paid as otter does."""
    from grader.course.otter.classes import TestCase as OtterCase

    if "name" not in values:
        raise AssignmentError(f"{path} says no name of its question; add `name = …`.")
    made = [
        OtterCase(
            name=f"{values['name']} - {number}" if given["name"] is None else given["name"],
            body=None,
            hidden=given["hidden"] or False,
            points=given["points"],
            success_message=given["success_message"],
            failure_message=given["failure_message"],
        )
        for number, given in enumerate(cases.values(), 1)
    ]
    paid = kind.resolve_test_file_points(values.get("points"), made)
    return kind(values["name"], str(path), paid, bool(values.get("all_or_nothing", False)))


def _decorated(call: ast.Call) -> dict[str, Any]:
    if ast.unparse(call.func).split(".")[-1] != "test_case" or len(call.args) > len(DECORATED):
        raise _NotLiteralError
    given: dict[str, Any] = dict.fromkeys(DECORATED)
    given |= {name: _literal(node) for name, node in zip(DECORATED, call.args, strict=False)}
    for item in call.keywords:
        if item.arg not in given:
            raise _NotLiteralError
        given[item.arg] = _literal(item.value)
    return given


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError):
        raise _NotLiteralError from None
