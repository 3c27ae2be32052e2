"""Split an otter test file in two: what students may have, and what only staff may.

Points and names are written out, since otter works them out over all cases of a file.
"""

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.course import text_file
from grader.course.otter.cases import execute, is_doctest
from grader.model import Question, TestCase

PLAIN = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
WRITTEN_AGAIN = frozenset({"OK_FORMAT", "name", "points", "all_or_nothing"})


@dataclass(frozen=True, slots=True)
class Halves:
    """The two files, "" for one without a case; `whole` where the file could not be split."""

    public: str
    hidden: str
    whole: bool = False


def split(path: Path, question: Question) -> Halves:
    """Return a test file's public and hidden half, for a question of the file's name.

    A file whose cases are made by code stays whole and hidden, with its public cases in it.
    """
    text = text_file.read(path)
    file = execute(path)
    paid = list(question.cases)
    is_whole = bool(file.all_or_nothing)
    if is_doctest(text):
        bodies = [str(case.body) for case in file.test_cases]
        rows = list(zip(paid, bodies, strict=True))
        public, hidden = (
            [row for row in rows if row[0].hidden is is_hidden] for is_hidden in (False, True)
        )
        return Halves(
            _doctests(path.stem, public, all_or_nothing=is_whole),
            _doctests(path.stem, hidden, all_or_nothing=is_whole),
        )
    tree = ast.parse(text)
    functions = [_function_name(case) for case in file.test_cases]
    named = {name: case for name, case in zip(functions, paid, strict=True) if name}
    if len(named) != len(paid) or not _is_plain(tree, named):
        return Halves("", text, whole=True)
    source = _Source(text, tree, named)
    head = _head(path.stem, all_or_nothing=is_whole)
    return Halves(source.half(head, hidden=False), source.half(head, hidden=True))


def _function_name(case: object) -> str:
    function = getattr(getattr(case, "body", None), "test_func", None)
    return str(getattr(function, "__name__", ""))


def _head(name: str, *, all_or_nothing: bool) -> str:
    whole = "all_or_nothing = True\n" if all_or_nothing else ""
    return f"OK_FORMAT = False\nname = {name!r}\n{whole}\n"


# Doctests


def _doctests(name: str, rows: Sequence[tuple[TestCase, str]], *, all_or_nothing: bool) -> str:
    """Return a file of otter's OK format, "" for no case."""
    if not rows:
        return ""
    lines = ["OK_FORMAT = True", "", "test = {", f"    'name': {name!r},",
             f"    'all_or_nothing': {all_or_nothing},", "    'suites': [{",
             "        'type': 'doctest',", "        'cases': ["]  # fmt: skip
    for case, body in rows:
        lines += ["            {", f"                'name': {case.name!r},",
                  f"                'points': {case.points!r},",
                  f"                'hidden': {case.hidden},"]  # fmt: skip
        lines += [f"                {key!r}: {said!r}," for key, said in _messages(case)]
        lines += [f"                'code': {_quoted(body)},", "            },"]
    lines += ["        ],", "    }],", "}"]
    return "\n".join(lines) + "\n"


def _messages(case: TestCase) -> list[tuple[str, str]]:
    found = (("success_message", case.success_message), ("failure_message", case.promise))
    return [(key, said) for key, said in found if said]


def _quoted(body: str) -> str:
    """Return a doctest as it is best read, in a raw text of several lines where that can be."""
    text = body.strip("\n")
    if '"""' in text or text.endswith(('"', "\\")) or "\r" in text:
        return repr(body)
    return f'r"""\n{text}\n"""'


# Functions


def _is_plain(tree: ast.Module, cases: Mapping[str, TestCase]) -> bool:
    """Say whether every statement of a file binds names, and each case is one function."""
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return all(isinstance(node, PLAIN) or _is_text(node) for node in tree.body) and all(
        defined.count(name) == 1 for name in cases
    )


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


class _Source:
    """A file's text by its statements, each with the comments before it."""

    def __init__(self, text: str, tree: ast.Module, cases: Mapping[str, TestCase]) -> None:
        self._lines = text.splitlines()
        self._tree = tree
        self._cases = cases

    def half(self, head: str, *, hidden: bool) -> str:
        """Return the cases of one kind, and what they need; staff's half keeps everything else."""
        wanted = {name for name, case in self._cases.items() if case.hidden is hidden}
        if not wanted:
            return ""
        kept = {id(node) for node in self._tree.body if _case_name(node) not in self._cases}
        if not hidden:
            kept = self._needed(wanted)
        parts, before = [], 0
        for node in self._tree.body:
            start, end = before, node.end_lineno or node.lineno
            before = end
            is_kept = id(node) in kept or _case_name(node) in wanted
            if is_kept and not _binds(node) & WRITTEN_AGAIN:
                parts.append(self._text(node, start, end, comments=hidden))
        return head + "\n".join(parts).strip("\n") + "\n"

    def _text(self, node: ast.stmt, start: int, end: int, *, comments: bool) -> str:
        if not isinstance(node, ast.FunctionDef) or node.name not in self._cases:
            first = start if comments else _first_line(node) - 1
            return "\n".join(self._lines[first:end])
        above = self._lines[start : _first_line(node) - 1] if comments else [""]
        return "\n".join(
            [*above, _decorator(node, self._cases[node.name]), *self._lines[node.lineno - 1 : end]]
        )

    def _needed(self, cases: Iterable[str]) -> set[int]:
        """Return the statements that some cases need, and what these need in turn."""
        body = self._tree.body
        functions = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
        waiting: list[ast.stmt] = [functions[name] for name in cases]
        others = [node for node in body if _case_name(node) not in self._cases]
        found: set[int] = set()
        while waiting:
            used = _uses(waiting.pop())
            for node in others:
                if id(node) not in found and _binds(node) & used:
                    found.add(id(node))
                    waiting.append(node)
        return found


def _case_name(node: ast.stmt) -> str:
    return node.name if isinstance(node, ast.FunctionDef) else ""


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(one.lineno for one in decorators)])


def _decorator(node: ast.FunctionDef, case: TestCase) -> str:
    """Return the line above a case with all that otter has worked out of its file written out."""
    called = [ast.unparse(one.func) for one in node.decorator_list if isinstance(one, ast.Call)]
    name = next((one for one in called if one.endswith("test_case")), "test_case")
    given = [f"name={case.name!r}", f"points={case.points!r}", f"hidden={case.hidden}"]
    given += [f"{key}={said!r}" for key, said in _messages(case)]
    return f"@{name}({', '.join(given)})"


def _binds(node: ast.stmt) -> set[str]:
    match node:
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return {(one.asname or one.name).partition(".")[0] for one in names}
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Assign(targets=targets):
            return {one.id for target in targets for one in ast.walk(target)
                    if isinstance(one, ast.Name)}  # fmt: skip
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
    return set()


def _uses(node: ast.stmt) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
