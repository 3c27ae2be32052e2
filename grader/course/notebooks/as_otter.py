"""A notebook as otter runs it for a grade: in parts that end where a question is checked.

Otter checks a question in the very line that asks for it, and a script is one cell. It leaves out
the cells that are to be ignored, and checks what a cell's metadata asks for right after the cell.
"""

import ast
from collections.abc import Iterator
from dataclasses import replace

from .cells import CodeCell, Notebook


def as_otter_runs(notebook: Notebook) -> Notebook:
    """Return the notebook in parts, each with the number of its cell and its lines where they were.

    A part of no code stands for a check that a cell's metadata asks for.
    """
    parts = [part for cell in notebook.cells for part in _parts(cell)]
    return replace(notebook, cells=tuple(parts))


def _parts(cell: CodeCell) -> Iterator[CodeCell]:
    if cell.ignored:
        yield replace(cell, source="", checks=(), asked=())
        return
    yield from _split(cell)
    if cell.asked:
        yield replace(cell, source="pass", checks=cell.asked, asked=())


def _split(cell: CodeCell) -> Iterator[CodeCell]:
    try:
        body = ast.parse(cell.source).body
    except (SyntaxError, ValueError, RecursionError):  # magics among them
        yield cell
        return
    lines = cell.source.splitlines(keepends=True)
    start, checks = 0, []
    for number, statement in enumerate(body):
        found = list(_checks(statement))
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


def _checks(statement: ast.stmt) -> Iterator[str]:
    """Yield the questions that a statement checks, in order."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return
    for node in ast.walk(statement):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="check"), args=[ast.Constant(value=str(name)), *_]
            ):
                yield name
            case ast.Call(func=ast.Attribute(attr="check"), args=[], keywords=keywords):
                for item in keywords:
                    if item.arg == "question" and isinstance(item.value, ast.Constant):
                        yield str(item.value.value)
