"""Make mutants of a reference: one small change each, in code that some question reaches."""

import ast
import difflib
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from grader.errors import UsageError
from grader.model import Assignment

from . import operators
from .agreement import reference_text

MOST_OCCURRENCES = 1000  # of one operator in one function


@dataclass(frozen=True, slots=True)
class Unit:
    """One definition of the reference: its name, its lines, and the questions that reach it."""

    name: str
    node: ast.stmt
    first: int  # the lines that may be changed, counted from 1
    last: int
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A reference with one change; the first of its questions owns it."""

    function: str
    operator: str
    questions: tuple[str, ...]
    line: int
    before: str
    after: str
    source: str

    @property
    def question(self) -> str:
        return self.questions[0]

    def describe(self) -> str:
        """Return the change as a diff of its own lines."""
        head = f"{self.question}, {self.function}, line {self.line} ({self.operator})"
        return f"{head}\n- {self.before}\n+ {self.after}"


def mutants_of(assignment: Assignment) -> list[Mutant]:
    """Return every mutant of an assignment's reference, each text once."""
    source = reference_text(assignment)
    found: dict[str, Mutant] = {}
    plain = ast.dump(ast.parse(source))
    for unit in units_of(assignment, source):
        for operator, mutated in _mutations(source, unit):
            if mutated in found or not _compiles(mutated, plain):
                continue
            line, before, after = _changed(source, mutated)
            found[mutated] = Mutant(
                unit.name, operator, unit.questions, line, before, after, mutated
            )
    return list(found.values())


def units_of(assignment: Assignment, source: str) -> list[Unit]:
    """Return the definitions that answer a question, or that such a definition uses."""
    nodes = _definitions(ast.parse(source).body)
    uses = {
        name: {item.id for item in ast.walk(node) if isinstance(item, ast.Name)} & nodes.keys()
        for name, node in nodes.items()
    }
    reached: dict[str, list[str]] = {}
    for question in assignment.questions:
        if question.kind != "code" or question.requires is not None:
            continue
        for name in _closure(question.names, uses):
            reached.setdefault(name, []).append(question.name)
    # What a question answers is its own, even where an earlier one uses it as well.
    owner = {name: question.name for question in assignment.questions for name in question.names}
    units = []
    for name, node in nodes.items():
        if name in reached:
            own = [question for question in reached[name] if question == owner.get(name)]
            others = [question for question in reached[name] if question not in own]
            units.append(Unit(name, node, *_changeable(node), (*own, *others)))
    return units


def _definitions(body: Iterable[ast.stmt]) -> dict[str, ast.stmt]:
    """Return what a module defines, also under a condition or a try."""
    found: dict[str, ast.stmt] = {}
    for node in body:
        match node:
            case ast.FunctionDef():
                found[node.name] = node
            case ast.Assign(targets=[ast.Name(id=name)]):
                found[name] = node
            case ast.If() | ast.Try():
                found |= _definitions(item for item in node.body if not _is_import(item))
    return found


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _closure(names: Iterable[str], uses: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = [name for name in names if name in uses]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(uses[name])
    return reached


def _changeable(node: ast.stmt) -> tuple[int, int]:
    """Return the lines of a definition after its signature and docstring, which are fixed."""
    last = node.end_lineno or node.lineno
    if not isinstance(node, ast.FunctionDef):
        return node.lineno, last
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (body[0].lineno if body else last), last


def _mutations(source: str, unit: Unit) -> Iterator[tuple[str, str]]:
    yield from _numerical(source, unit)
    yield from _general(source, unit)


def _numerical(source: str, unit: Unit) -> Iterator[tuple[str, str]]:
    for node in ast.walk(unit.node):
        line = getattr(node, "lineno", 0)
        if not unit.first <= line <= unit.last:
            continue
        for operator in operators.NUMERICAL:
            for target, text in operator(node):
                yield operator.__name__.replace("_", " "), _replaced(source, target, text)


def _replaced(source: str, node: ast.AST, text: str) -> str:
    """Return the source with one node's text replaced; columns count bytes."""
    place: Any = node  # operators yield statements and expressions, which all have a place
    lines = source.encode().splitlines(keepends=True)
    first, last = place.lineno - 1, place.end_lineno - 1
    before = b"".join(lines[:first]) + lines[first][: place.col_offset]
    after = lines[last][place.end_col_offset :] + b"".join(lines[last + 1 :])
    changed: bytes = before + text.encode() + after
    return changed.decode()


def _general(source: str, unit: Unit) -> Iterator[tuple[str, str]]:
    """Apply cosmic-ray's operators to the lines of one definition."""
    try:
        from cosmic_ray.mutating import mutate_code
        from cosmic_ray.plugins import get_operator
    except ImportError:
        raise UsageError(
            "Mutation testing needs cosmic-ray; install it with `pip install ulp-grader[verify]`."
        ) from None
    lines = source.splitlines(keepends=True)
    head, tail = "".join(lines[: unit.first - 1]), "".join(lines[unit.last :])
    body = "".join(lines[unit.first - 1 : unit.last])
    part = textwrap.dedent(body)
    margin = body[: len(body) - len(body.lstrip(" "))]
    for name in operators.COSMIC_RAY:
        operator = get_operator(f"core/{name}")()
        for occurrence in range(MOST_OCCURRENCES):
            mutated = mutate_code(part, operator, occurrence)
            if mutated is None:
                break
            yield _readable(name), head + textwrap.indent(mutated, margin) + tail


def _readable(name: str) -> str:
    return name.replace("ReplaceBinaryOperator_", "operator ").replace(
        "ReplaceComparisonOperator_", "comparison "
    )


def _compiles(source: str, plain: str) -> bool:
    try:
        return ast.dump(ast.parse(source)) != plain
    except SyntaxError:
        return False


def _changed(source: str, mutated: str) -> tuple[int, str, str]:
    """Return the first line that differs, and what stood and stands there."""
    old, new = source.splitlines(), mutated.splitlines()
    blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    tag, first, last, start, end = next(item for item in blocks if item[0] != "equal")
    del tag
    return first + 1, _joined(old[first:last]), _joined(new[start:end])


def _joined(lines: list[str]) -> str:
    return " ".join(" ".join(line.split()) for line in lines)
