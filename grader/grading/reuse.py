"""Whether later cells of a notebook leave what earlier ones defined as it was.

A question is judged as the notebook stands at its check. A child that has run cells beyond it can
be asked all the same where these define names that nothing before them uses: functions, imports,
constants, and the try cells of the hand-out. Where that is not certain, the answer is no, and the
cells run once more in a fresh child.
"""

import ast
import re
import symtable
from collections.abc import Iterable, Iterator
from functools import lru_cache

from grader.course.notebooks import UNREADABLE

IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
# By these a function reads or writes names that its text does not show.
BY_NAME = frozenset(
    {
        "globals",
        "locals",
        "vars",
        "eval",
        "exec",
        "dir",
        "get_ipython",
        "__main__",
        "sys",
        "inspect",
    }
)
PLAIN = (ast.Import, ast.ImportFrom, ast.Pass)
AT_ONCE = frozenset({"listcomp", "setcomp", "dictcomp"})  # scopes that end where they begin
# A class shares the lesson's cells, and each is asked about at every question.
KEPT = 2_000
DOING = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.Starred)


def leave_alone(
    before: Iterable[str], after: Iterable[str], handed_out: frozenset[str], asked: frozenset[str]
) -> bool:
    """Say whether code asked for by the names `asked` does the same before and after some cells.

    before, after: sources of cells, in order. handed_out: those of the hand-out, whose author is
    trusted not to undo what was defined before, and whose calls may be made.
    """
    bound: set[str] = set()
    for source in after:
        found = _bound(source, may_call=source in handed_out)
        if found is None:
            return False
        bound |= found
    if not bound:
        return True
    read = {name for source in before for name in _read_later(source, source in handed_out)}
    return not (read & BY_NAME or bound & (read | asked))


@lru_cache(KEPT)
def _bound(source: str, *, may_call: bool) -> frozenset[str] | None:
    """Return the names that a cell binds, or None where it may do more than that."""
    try:
        tree, table = ast.parse(source), symtable.symtable(source, "cell", "exec")
        return _bound_by(tree, table, may_call=may_call)
    except UNREADABLE:  # magics among them
        return None


def _bound_by(
    tree: ast.Module, table: symtable.SymbolTable, *, may_call: bool
) -> frozenset[str] | None:
    if any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in tree.body):
        return None
    if not may_call and not all(_only_defines(statement) for statement in tree.body):
        return None
    own = frozenset(symbol.get_name() for symbol in table.get_symbols() if _is_bound(symbol))
    return own | {
        symbol.get_name()
        for inner in _inside(table)
        for symbol in inner.get_symbols()
        if symbol.is_declared_global() and symbol.is_assigned()
    }


def _is_bound(symbol: symtable.Symbol) -> bool:
    return symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()


def _only_defines(statement: ast.stmt) -> bool:
    """Say whether a statement defines names and calls nothing."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            defaults = [*statement.args.defaults, *filter(None, statement.args.kw_defaults)]
            return not _does(*statement.decorator_list, *defaults)
        case ast.ClassDef():
            parts = [*statement.decorator_list, *statement.bases]
            inside = all(_only_defines(part) for part in statement.body)
            return inside and not statement.keywords and not _does(*parts)
        case ast.Assign():
            return all(isinstance(one, ast.Name) for one in statement.targets) and not _does(
                statement.value
            )
        case ast.AnnAssign():
            values = [statement.value] if statement.value is not None else []
            return isinstance(statement.target, ast.Name) and not _does(*values)
        case ast.Expr():
            return _is_check(statement.value) or not _does(statement.value)
        case _:
            return isinstance(statement, PLAIN)


def _does(*parts: ast.AST) -> bool:
    return any(isinstance(node, DOING) for part in parts for node in ast.walk(part))


def _is_check(call: ast.expr) -> bool:
    """Say whether an expression is `grader.check(...)`, which does nothing while grading."""
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and ast.unparse(call.func) in {"grader.check", "grader.check_all"}
        and not _does(*call.args)
    )


@lru_cache(KEPT)
def _read_later(source: str, is_handed_out: bool) -> frozenset[str]:
    """Return the names of the notebook that what a cell defines may read once the cell has run.

    The hand-out's author is trusted to keep no generator for later.
    """
    at_once = AT_ONCE | {"genexpr"} if is_handed_out else AT_ONCE
    try:
        table = symtable.symtable(source, "cell", "exec")
    except UNREADABLE:
        return frozenset(IDENTIFIER.findall(source))
    return frozenset(
        symbol.get_name()
        for one in table.get_children()
        if one.get_name() not in at_once
        for inner in (one, *_inside(one))
        for symbol in inner.get_symbols()
        if symbol.is_global()
    )


def _inside(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for inner in table.get_children():
        yield inner
        yield from _inside(inner)
