"""Which names the lines of a cell bind, and what they need for it: read, never run."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from .cells import BINDING
from .python import parsed

STAR = "*"  # of `from m import *`, which can bind any name
# Magics whose cell is Python all the same.
PYTHON_MAGICS = frozenset({"time", "timeit", "capture", "prun", "memit", "matplotlib", "lprun"})
CELL_MAGIC = re.compile(r"\A\s*%%(\w+)([^\n]*)\n?")
LINE_MAGIC = re.compile(r"^([ \t]*)[%!].*$", re.MULTILINE)
ASSIGNED_MAGIC = re.compile(r"^([ \t]*[\w, ]+=)[ \t]*[%!].*$", re.MULTILINE)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(frozen=True, slots=True)
class Binding:
    """One name that a statement at the top level of a cell binds.

    last_line: the statement's last; where an earlier line fails, or one of its own, it has not run.
    uses: the names that it needs, now or when what it defines is called.
    inside: the function or class in which the name is bound, "" at the top level.
    """

    name: str
    last_line: int
    uses: frozenset[str] = frozenset()
    inside: str = ""


@lru_cache(maxsize=4096)
def bindings(source: str) -> tuple[Binding, ...]:
    """Return what a cell binds, in order; by its lines alone where it is no valid Python."""
    magic = CELL_MAGIC.match(source)
    if magic is not None and magic[1] not in PYTHON_MAGICS:
        return ()
    tree = parsed(_without_magics(source))
    if tree is None:
        return tuple(_by_lines(source))
    try:
        return tuple(_bound(tree.body))
    except RecursionError:
        return tuple(_by_lines(source))


def written_to(source: str) -> str | None:
    """Return the file into which a cell is written instead of being run, None where it is run."""
    magic = CELL_MAGIC.match(source)
    if magic is None or magic[1] not in {"writefile", "file"}:
        return None
    words = magic[2].split()
    return words[-1] if words else None


def defines(source: str, name: str) -> bool:
    """Say whether some lines define a name, be they run or not."""
    return any(name in found for found in BINDING.findall(source))


def is_python(source: str) -> bool:
    """Say whether a cell can be read as Python, its magics left out."""
    return parsed(_without_magics(source)) is not None


def _without_magics(source: str) -> str:
    """Return a cell as Python of as many lines, with nothing in the place of its magics."""
    source = CELL_MAGIC.sub("\n", source)
    source = ASSIGNED_MAGIC.sub(r"\1 None", source)
    return LINE_MAGIC.sub(r"\1pass", source)


def _by_lines(source: str) -> Iterator[Binding]:
    for number, line in enumerate(source.splitlines(), 1):
        for one, other in BINDING.findall(line):
            yield Binding(one or other, number)


def _bound(body: list[ast.stmt], inside: str = "") -> Iterator[Binding]:
    for node in body:
        last = node.end_lineno or node.lineno
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield Binding(node.name, last, _needs(node), inside)
            yield from _bound(node.body, inside or node.name)
            continue
        blocks = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
        blocks += [one.body for one in getattr(node, "handlers", [])]
        blocks += [one.body for one in getattr(node, "cases", [])]
        if any(blocks):
            for block in blocks:
                yield from _bound(block, inside)
        head = _Head()
        head.visit(node)
        uses = _needs(node) if not any(blocks) else frozenset()
        for name in head.names:
            yield Binding(name, node.lineno if any(blocks) else last, uses, inside)


class _Head(ast.NodeVisitor):
    """Collects what a statement itself binds, without the statements in it."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._is_first = True

    def generic_visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.stmt):
            if not self._is_first:
                return
            self._is_first = False
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            self.names.append(node.id)
        if isinstance(node, ast.alias):
            self.names.append(node.asname or node.name.split(".")[0])
        if not isinstance(node, SCOPES):
            super().generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        """Leave out what a comprehension goes by, which is bound in it alone."""
        for part in (node.iter, *node.ifs):
            self.visit(part)


def _needs(node: ast.AST) -> frozenset[str]:
    """Return the names that a statement reads and does not bind itself."""
    read: set[str] = set()
    own: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.Name):
            (read if isinstance(one.ctx, ast.Load) else own).add(one.id)
        elif isinstance(one, ast.arg):
            own.add(one.arg)
    return frozenset(read - own)
