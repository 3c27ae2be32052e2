"""The only user of nbformat: read what students hand in, fill stubs, keep hand-outs clean.

A submission is read leniently, straight from its JSON, because nbformat's validation costs more
than judging a question does; only formats before 4 go through nbformat's own conversion.
"""

import ast
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.errors import AssignmentError
from grader.model import Limits

CURRENT_FORMAT = 4
# What otter says to cheer, what a cell measures, where an object lies: new with every run.
CHEER = re.compile(r"passed! \S+")
DURATION = re.compile(r"\b\d+(?:\.\d+)? (ms|µs|s|seconds)\b")
ADDRESS = re.compile(r"0x[0-9a-f]{8,}")
MOMENT = re.compile(r"\d{4}_\d{2}_\d{2}T\d{2}_\d{2}_\d{2}_\d+")  # in the name of otter's zip
KERNEL_SECONDS = 120  # for one cell of a notebook that staff run
IGNORE_TAG = "otter_ignore"  # otter's: a cell with it shows something and is not run for a grade
CHECK = re.compile(r"^[^#\n]*\b\w+\.check\(\s*[\"']([^\"'\n]+)[\"']", re.MULTILINE)
NOTEBOOK_NAME = re.compile(r"[\"']([^\"'\n/]+\.ipynb)[\"']")
HEADING = re.compile(r"^#\s+(.{1,80})", re.MULTILINE)
BINDING = re.compile(
    r"^(?:async\s+def|def|class)\s+(\w+)|^(\w+)\s*(?::[^=\n]+)?=(?!=)", re.MULTILINE
)


class NotebookUnreadableError(Exception):
    """A student's file cannot be read as a notebook; the sentence says what it is instead."""


@dataclass(frozen=True, slots=True)
class CodeCell:
    """One code cell; `number` counts code cells from 1, as a student would."""

    number: int
    source: str
    checks: tuple[str, ...]
    ignored: bool = False  # by its tag; what a student has tagged is run all the same


@dataclass(frozen=True, slots=True)
class Notebook:
    """A submission's notebook: its code in order, and its prose by cell id."""

    cells: tuple[CodeCell, ...]
    prose: dict[str, str]
    heading: str | None

    def check_position(self, question: str) -> int:
        """Return how many cells run before a question is judged: up to its last check cell."""
        for position in range(len(self.cells), 0, -1):
            if question in self.cells[position - 1].checks:
                return position
        return len(self.cells)

    def binds(self, names: Iterable[str]) -> bool:
        """Say whether any code cell defines or assigns one of the names at its top level."""
        wanted = frozenset(names)
        return any(wanted.intersection(_bound_names(cell.source)) for cell in self.cells)

    def seems_to_be(self) -> str:
        """Describe the notebook for a message: the file that it names, or its heading."""
        for cell in self.cells:
            found = NOTEBOOK_NAME.search(cell.source)
            if found:
                return f"it seems to be {found[1]}"
        if self.heading:
            return f"its heading is “{self.heading}”"
        return f"it has {len(self.cells)} code cells and no heading"


def _bound_names(source: str) -> set[str]:
    return {one or other for one, other in BINDING.findall(source)}


def read(content: bytes, limits: Limits | None = None) -> Notebook:
    """Read a notebook of any format; NotebookUnreadableError says what the file is instead."""
    limits = limits or Limits()
    data = _parse(content, limits)
    cells = data.get("cells")
    if not isinstance(cells, list):
        raise NotebookUnreadableError("The file is JSON but no notebook: it has no list of cells.")
    if len(cells) > limits.notebook_cells:
        raise NotebookUnreadableError(
            f"The notebook has {len(cells):,} cells; the limit is {limits.notebook_cells:,}."
        )
    code: list[CodeCell] = []
    prose: dict[str, str] = {}
    for cell in cells:
        kind = cell.get("cell_type") if isinstance(cell, dict) else None
        if kind == "code":
            source = _source(cell)
            checks = tuple(CHECK.findall(source)) if ".check(" in source else ()
            code.append(CodeCell(len(code) + 1, source, checks, _is_ignored(cell)))
        elif kind in {"markdown", "raw"}:
            prose.setdefault(str(cell.get("id", f"cell-{len(prose)}")), _source(cell))
    if not code:
        raise NotebookUnreadableError("The notebook has no code cell.")
    headings = (HEADING.search(text) for text in prose.values())
    first = next((found[1].strip() for found in headings if found), None)
    return Notebook(tuple(code), prose, first)


def ignored_sources(content: bytes) -> frozenset[str]:
    """Return the sources of the hand-out's cells that need not run for a grade, as handed out."""
    return frozenset(cell.source.strip() for cell in read(content).cells if cell.ignored)


def question_prose(content: bytes, question: str) -> str:
    """Return what a hand-out asks: its cell of that id, else the first that names the question."""
    prose = read(content).prose
    named = (text for text in prose.values() if re.search(rf"`{re.escape(question)}`", text))
    return prose.get(question) or next(named, "")


def _is_ignored(cell: Mapping[str, Any]) -> bool:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return isinstance(tags, list) and IGNORE_TAG in tags


def _parse(content: bytes, limits: Limits) -> dict[str, Any]:
    if len(content) > limits.notebook_bytes:
        size, limit = len(content) / 1e6, limits.notebook_bytes / 1e6
        raise NotebookUnreadableError(f"The file is {size:.0f} MB; the limit is {limit:.0f} MB.")
    if not content.strip():
        raise NotebookUnreadableError("The file is empty.")
    try:
        data = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise NotebookUnreadableError(
            f"The file is no notebook: it is not text ({_kind_of(content)})."
        ) from None
    except RecursionError:
        raise NotebookUnreadableError("The file's JSON is nested too deeply to read.") from None
    except ValueError as problem:
        raise NotebookUnreadableError(
            f"The file is not JSON, so it is no notebook ({_kind_of(content)}): {problem}."
        ) from None
    if not isinstance(data, dict):
        raise NotebookUnreadableError("The file is JSON but no notebook.")
    if data.get("nbformat") != CURRENT_FORMAT and "cells" not in data:
        return _convert(content, data.get("nbformat"))
    return data


def _convert(content: bytes, version: Any) -> dict[str, Any]:
    import nbformat

    if version not in {2, 3}:
        raise NotebookUnreadableError("The file is JSON but no notebook: it names no format.")
    try:
        text = content.decode("utf-8-sig")
        converted: dict[str, Any] = nbformat.convert(nbformat.reader.reads(text), CURRENT_FORMAT)
    except Exception as problem:
        raise NotebookUnreadableError(
            f"The notebook is of format {version} and cannot be converted: {problem}."
        ) from problem
    return converted


def _kind_of(content: bytes) -> str:
    for magic, kind in {
        b"PK\x03\x04": "a zip archive or an office document",
        b"%PDF": "a PDF",
        b"\x89PNG": "a picture",
        b"\x1f\x8b": "a gzip archive",
        b"<!DOCTYPE": "an HTML page",
        b"<html": "an HTML page",
        b"import ": "a Python script",
        b"{": "cut off or damaged JSON",
    }.items():
        if content.lstrip().startswith(magic):
            return f"it looks like {kind}"
    return f"it begins with {content[:20]!r}"


def _source(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        return "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""


# Filling stubs: how `demo`, `verify` and `release` make notebooks from solution files.


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
        source = _source(cell)
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
    try:
        tree = ast.parse(source)
    except SyntaxError:  # magics: no stub lives in such a cell
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
        try:
            tree = ast.parse(_source(cell))
        except SyntaxError:
            continue
        lines = _source(cell).splitlines()
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
        source = _source(cell)
        sets_up = "otter.Notebook(" in source
        return sets_up or bool(CHECK.search(source)) or bool(_bound_names(source) & wanted)

    data["cells"] = [c for c in data["cells"] if c["cell_type"] == "code" and is_needed(c)]
    return dump(data)


def executed(content: bytes, folder: Path) -> bytes:
    """Return the notebook with its outputs, run by a fresh Jupyter kernel in a folder.

    A cell that raises keeps its error as output, and the next one runs all the same.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.reads(content.decode(), as_version=CURRENT_FORMAT)
    client = NotebookClient(
        notebook,
        timeout=KERNEL_SECONDS,
        kernel_name="python3",
        allow_errors=True,
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--IPKernelApp.log_level=40"],  # it warns of its own sockets
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    text: str = nbformat.writes(notebook)
    return f"{text}\n".encode()


def with_tests(content: bytes, name: str, tests: Mapping[str, str]) -> bytes:
    """Return the notebook with test files by question in its metadata, where otter reads them."""
    data = json.loads(content)
    otter = {"assignment_name": name, "OK_FORMAT": False, "tests": dict(tests)}
    data["metadata"] = {**data["metadata"], "otter": otter}
    return dump(data)


def with_cell_before_setup(content: bytes, identity: str, source: str) -> bytes:
    """Return the notebook with one more code cell, folded, just before otter is set up."""
    data = json.loads(content)
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": identity,
        "metadata": {"cellView": "form", "jupyter": {"source_hidden": True}},
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }
    position = next(
        (
            number
            for number, item in enumerate(data["cells"])
            if item["cell_type"] == "code" and "otter.Notebook(" in _source(item)
        ),
        0,
    )
    data["cells"].insert(position, cell)
    return dump(data)


def without_chance(content: bytes) -> bytes:
    """Return an executed notebook without what differs from run to run: moments, chance, times."""
    data = json.loads(content)
    for cell in data["cells"]:
        cell.get("metadata", {}).pop("execution", None)
        for output in cell.get("outputs", []):
            if "text" in output:
                output["text"] = _steady(output["text"])
            for kind, value in output.get("data", {}).items():
                if kind.startswith("text/"):
                    output["data"][kind] = _steady(value)
    return dump(data)


def _steady(text: Any) -> Any:
    if isinstance(text, list):
        return [_steady(part) for part in text]
    text = CHEER.sub("passed!", text)
    text = DURATION.sub(r"… \1", text)
    text = MOMENT.sub("…", text)
    return ADDRESS.sub("0x…", text)


def html(content: bytes, title: str) -> str:
    """Return a notebook as one web page, as nbconvert renders it."""
    import nbformat
    from nbconvert import HTMLExporter

    notebook = nbformat.reads(content.decode(), as_version=CURRENT_FORMAT)
    page, _ = HTMLExporter().from_notebook_node(notebook, resources={"metadata": {"name": title}})
    return str(page)


def dump(data: Mapping[str, Any]) -> bytes:
    """Return a notebook's JSON as Jupyter writes it: one space, sorted keys, a final newline."""
    text = json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False)
    return (text + "\n").encode()


def faults(content: bytes) -> list[str]:
    """Return what keeps a notebook from being a clean hand-out, one sentence each."""
    import nbformat

    data = json.loads(content)
    found = []
    try:
        nbformat.validate(nbformat.from_dict(data))
    except nbformat.ValidationError as problem:
        found.append(f"it is no valid notebook: {str(problem).splitlines()[0]}")
    seen: set[str] = set()
    for position, cell in enumerate(data["cells"], 1):
        identity = cell.get("id")
        if not identity or identity in seen:
            found.append(f"cell {position} has no id of its own")
        seen.add(identity or "")
        if cell.get("outputs") or cell.get("execution_count") is not None:
            found.append(f"cell {identity} has outputs or an execution count")
    return found
