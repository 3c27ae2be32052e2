"""A notebook as otter runs it for a grade: in parts that end where a question is checked.

Otter checks a question in the very line that asks for it, and a script is one cell. It leaves out
the cells that are to be ignored, and checks what a cell's metadata asks for right after the cell.
Where the text of a notebook does not say for certain what it checks, running it does.
"""

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from .cells import CodeCell, Notebook
from .python import parsed

Checked = tuple[str, int]  # a question, and the line of its cell that checked it
SIMPLE = (ast.Expr, ast.Assign, ast.AnnAssign)  # statements that run whenever they are come to
LATER = (ast.Lambda, ast.IfExp, ast.BoolOp, ast.comprehension)
MENTION = re.compile(r"\bcheck\b")


def as_otter_runs(
    notebook: Notebook, checked: Mapping[int, Iterable[Checked]] | None = None
) -> Notebook:
    """Return the notebook in parts, each with the number of its cell and its lines where they were.

    checked: what each cell has checked when it ran, by its number; by its text where it is None. A
    part of no code stands for a check that a cell's metadata asks for.
    """
    parts: list[CodeCell] = []
    for cell in notebook.cells:
        parts += _parts(cell, None if checked is None else list(checked.get(cell.number, ())))
    return replace(notebook, cells=tuple(parts))


def says_what_it_checks(notebook: Notebook) -> bool:
    """Say whether the text of a notebook leaves no doubt about what it checks, if it runs."""
    return all(_is_certain(cell) for cell in notebook.cells if not cell.ignored)


def _is_certain(cell: CodeCell) -> bool:
    mentions = len(MENTION.findall(cell.source))
    if not mentions:
        return True
    body = _statements(cell)
    found = [name for statement in body or () for name in _checks(statement)]
    return body is not None and mentions == len(found)


def _parts(cell: CodeCell, checked: list[Checked] | None) -> Iterator[CodeCell]:
    if cell.ignored:
        yield replace(cell, source="", checks=(), asked=())
        return
    body = _statements(cell)
    if body is None:  # magics among them
        checks = cell.checks if checked is None else tuple(name for name, _ in checked)
        yield replace(cell, checks=checks, asked=())
    elif checked is None:
        yield from _split(cell, body, _checks)
    else:
        yield from _split(cell, body, lambda statement: _within(statement, checked))
    if cell.asked:
        yield replace(cell, source="pass", checks=cell.asked, asked=())


def _statements(cell: CodeCell) -> list[ast.stmt] | None:
    tree = parsed(cell.source)
    return None if tree is None else tree.body


def _split(
    cell: CodeCell, body: list[ast.stmt], checks_of: Callable[[ast.stmt], Iterable[str]]
) -> Iterator[CodeCell]:
    lines = cell.source.splitlines(keepends=True)
    start, checks = 0, []
    for number, statement in enumerate(body):
        found = list(checks_of(statement))
        checks += found
        end = statement.end_lineno or 0
        following = body[number + 1].lineno if number + 1 < len(body) else None
        if found and following is not None and following > end:
            yield _part(cell, lines, (start, end), checks)
            start, checks = end, []
    yield _part(cell, lines, (start, len(lines)), checks)


def _part(
    cell: CodeCell, lines: list[str], between: tuple[int, int], checks: list[str]
) -> CodeCell:
    start, end = between
    source = "\n" * start + "".join(lines[start:end])
    return replace(cell, source=source, checks=tuple(checks), asked=(), continues=start > 0)


def _within(statement: ast.stmt, checked: Iterable[Checked]) -> list[str]:
    end = statement.end_lineno or statement.lineno
    return [name for name, line in checked if statement.lineno <= line <= end]


def _checks(statement: ast.stmt) -> Iterator[str]:
    """Yield the questions that a statement checks whenever it runs, in order."""
    if not isinstance(statement, SIMPLE):
        return
    nodes = list(ast.walk(statement))
    if any(isinstance(node, LATER) for node in nodes):
        return
    for node in nodes:
        match node:
            case ast.Call(func=ast.Attribute(attr="check"), args=given, keywords=named):
                questions = [*given[:1], *(one.value for one in named if one.arg == "question")]
                for one in questions:
                    if isinstance(one, ast.Constant) and isinstance(one.value, str):
                        yield one.value
