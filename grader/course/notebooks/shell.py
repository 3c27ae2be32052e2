"""What a notebook has a shell do, and which of its names come of that: read, never run."""

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from .cells import CodeCell
from .python import parsed

OUTPUT = "_output_of_the_shell_"  # stands for what a command would have printed
CELL = re.compile(r"\A\s*%%(?:bash|sh|script|system|sx|!|perl|ruby)\b[^\n]*\n?(?P<command>[^\n]*)")
ASSIGNED = re.compile(
    r"^(?P<before>[ \t]*[\w, ]+=)[ \t]*(?:!|%(?:sx|system)\b)(?P<command>.*)$", re.MULTILINE
)
INSTALLS = r"%(?=(?:pip|conda|mamba|uv)\b)"
LINE = re.compile(rf"^[ \t]*(?:!{{1,2}}|%(?:sx|system)\b|{INSTALLS})(?P<command>.*)$", re.MULTILINE)
MAGIC = re.compile(r"^([ \t]*)[%!].*$", re.MULTILINE)
CALLED = "getoutput"  # of IPython's shell
LONGEST = 60


@dataclass(frozen=True, slots=True)
class Command:
    """A command that a cell gives to a shell."""

    cell: int
    text: str

    @property
    def installs(self) -> bool:
        """Whether it is to install a package."""
        return "install" in self.text.split()


@dataclass(frozen=True, slots=True)
class _Step:
    """What one statement binds or changes, and what it reads."""

    makes: frozenset[str]
    reads: frozenset[str]


def commands(cells: Iterable[CodeCell]) -> list[Command]:
    """Return the commands of some cells, in their order."""
    return [Command(cell.number, text) for cell in cells for text in _commands(cell.source)]


@lru_cache(maxsize=1024)
def _commands(source: str) -> tuple[str, ...]:
    if (whole := CELL.match(source)) is not None:
        return (whole["command"].strip()[:LONGEST],)
    found = [one for pattern in (ASSIGNED, LINE) for one in pattern.finditer(source)]
    found.sort(key=lambda one: one.start())
    return tuple(one["command"].strip()[:LONGEST] for one in found)


def made_of_output(cells: Iterable[CodeCell]) -> dict[str, Command]:
    """Return the names that are made of what a command prints, each with the first of those.

    A statement that reads such a name makes others of what it binds or changes.
    """
    found: dict[str, Command] = {}
    imported: set[str] = set()
    for cell in cells:
        said = iter(_assigned(cell.source))
        for step, is_import in _steps(cell.source):
            if is_import:
                imported |= step.makes
                continue
            command = next((found[name] for name in sorted(step.reads & found.keys())), None)
            if OUTPUT in step.reads:
                command = Command(cell.number, next(said, ""))
            for name in step.makes - imported:
                if command is not None:
                    found[name] = command
                elif name not in step.reads:
                    found.pop(name, None)
    return found


def _assigned(source: str) -> list[str]:
    return [one["command"].strip()[:LONGEST] for one in ASSIGNED.finditer(source)]


@lru_cache(maxsize=1024)
def _steps(source: str) -> tuple[tuple[_Step, bool], ...]:
    text = ASSIGNED.sub(rf"\g<before> {OUTPUT}", source)
    tree = parsed(MAGIC.sub(r"\1pass", text))
    if tree is None:
        return ()
    return tuple((_step(node), isinstance(node, ast.Import | ast.ImportFrom)) for node in tree.body)


def _step(statement: ast.stmt) -> _Step:
    nodes = [*ast.walk(statement)]
    return _Step(
        frozenset(name for node in nodes for name in _made(node)),
        frozenset(name for node in nodes for name in _read(node)),
    )


def _made(node: ast.AST) -> tuple[str, ...]:
    """Return the names that a piece of code binds, or may change by a method."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            return (name,)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return (name,)
        case ast.alias(name=name, asname=asname):
            return (asname or name.partition(".")[0],)
        case (
            ast.Call(func=ast.Attribute(value=ast.Name(id=name)))
            | ast.Subscript(value=ast.Name(id=name), ctx=ast.Store())
            | ast.Attribute(value=ast.Name(id=name), ctx=ast.Store())
        ):
            return (name,)
    return ()


def _read(node: ast.AST) -> tuple[str, ...]:
    match node:
        case ast.Name(id=name, ctx=ast.Load()):
            return (name,)
        case ast.Call(func=ast.Attribute(attr=called)) if called == CALLED:
            return (OUTPUT,)
    return ()
