"""Filling stubs: how `demo`, `verify` and `release` make notebooks from solution files."""

import ast
import json
from collections.abc import Iterable, Mapping
from typing import Any

from grader.errors import AssignmentError

from .cells import CHECK, bound_names, source_of
from .handouts import dump
from .python import parsed


def fill(content: bytes, solution: str, names: Iterable[str], label: str = "solution") -> bytes:
    """Return the notebook with each stub in `names` replaced by the solution's definition.

    What else the solution holds (imports, constants, functions of its own) is put before the first
    stub that it fills. AssignmentError where the solution does not parse or no stub is found.
    """
    data = json.loads(content)
    definitions, support = _split_solution(solution, frozenset(names), label)
    cells = [cell for cell in data["cells"] if cell["cell_type"] == "code"]
    first = True
    for cell in cells:
        source = source_of(cell)
        filled = _fill_cell(source, definitions)
        if filled is not None:
            cell["source"] = f"{support}\n\n\n{filled}".strip() if first else filled
            first = False
    if definitions:
        missing = ", ".join(sorted(definitions))
        raise AssignmentError(f"The notebook has no stub for {missing} of {label}; add one.")
    return dump(data)


def _split_solution(solution: str, names: frozenset[str], label: str) -> tuple[dict[str, str], str]:
    try:
        tree = ast.parse(solution)
    except SyntaxError as problem:
        raise AssignmentError(f"{label}, line {problem.lineno}: {problem.msg}.") from problem
    lines = solution.splitlines()
    definitions: dict[str, str] = {}
    support: list[str] = []
    for position, node in enumerate(tree.body):
        is_docstring = position == 0 and isinstance(node, ast.Expr)
        if is_docstring and isinstance(node.value, ast.Constant):  # type: ignore[attr-defined]
            continue
        text = "\n".join(lines[_first_line(node) - 1 : node.end_lineno])
        bound = _bound_by(node) & names
        if bound:
            for name in bound:
                definitions[name] = text
        else:
            support.append(text)
    return definitions, "\n\n".join(support)


def _first_line(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(int(item.lineno) for item in decorators)])


def _bound_by(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return {node.target.id}
    return set()


def _fill_cell(source: str, definitions: dict[str, str]) -> str | None:
    """Return the cell with its stubs replaced and taken from `definitions`, or None."""
    tree = parsed(source)
    if tree is None:  # magics: no stub lives in such a cell
        return None
    lines = source.splitlines()
    replaced = False
    for node in reversed(tree.body):
        bound = _bound_by(node) & definitions.keys()
        if bound:
            texts = dict.fromkeys(definitions.pop(name) for name in sorted(bound))
            lines[_first_line(node) - 1 : node.end_lineno] = "\n".join(texts).splitlines()
            replaced = True
    return "\n".join(lines) if replaced else None


def stub_sources(content: bytes, names: Iterable[str]) -> dict[str, str]:
    """Return the source of the first top-level definition of each name in the notebook."""
    found: dict[str, str] = {}
    wanted = frozenset(names)
    for cell in json.loads(content)["cells"]:
        if cell["cell_type"] != "code":
            continue
        tree = parsed(source_of(cell))
        if tree is None:
            continue
        lines = source_of(cell).splitlines()
        for node in tree.body:
            for name in _bound_by(node) & wanted:
                text = "\n".join(lines[_first_line(node) - 1 : node.end_lineno])
                found.setdefault(name, text)
    return found


def essential(content: bytes, names: Iterable[str]) -> bytes:
    """Return the notebook with only the cells that judging needs: set-up, stubs and checks.

    Judging many variants of one solution need not draw the lesson's figures each time.
    """
    data = json.loads(content)
    wanted = frozenset(names)

    def is_needed(cell: Mapping[str, Any]) -> bool:
        source = source_of(cell)
        sets_up = "otter.Notebook(" in source
        return sets_up or bool(CHECK.search(source)) or bool(bound_names(source) & wanted)

    data["cells"] = [c for c in data["cells"] if c["cell_type"] == "code" and is_needed(c)]
    return dump(data)
