"""Read what students hand in, leniently and straight from its JSON.

nbformat's validation costs more than judging a question does; only formats before 4 go through
nbformat's own conversion.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from grader.model import Limits

from .cells import (
    CHECK,
    IGNORE_TAG,
    Cell,
    CodeCell,
    Notebook,
    NotebookUnreadableError,
    ids_of,
    source_of,
)

CURRENT_FORMAT = 4
ANOTHER = "hand in the .ipynb that Jupyter saves"
LOOKED_AT, QUOTED = 500, 20  # characters of what is no notebook
HEADING = re.compile(r"^#\s+(.{1,80})", re.MULTILINE)


def read(content: bytes, limits: Limits | None = None) -> Notebook:
    """Read a notebook of any format; NotebookUnreadableError says what the file is instead."""
    limits = limits or Limits()
    data = _parse(content, limits)
    cells = data.get("cells")
    if not isinstance(cells, list):
        raise NotebookUnreadableError(
            f"The file is JSON but no notebook, it has no list of cells: {ANOTHER}."
        )
    if len(cells) > limits.notebook_cells:
        raise NotebookUnreadableError(
            f"The notebook has {len(cells):,} cells; the limit is {limits.notebook_cells:,}."
        )
    code: list[CodeCell] = []
    every: list[Cell] = []
    for cell in cells:
        kind = cell.get("cell_type") if isinstance(cell, dict) else None
        asked, ignored = _by_metadata(cell) if kind is not None else ((), False)
        if kind == "code":
            source = source_of(cell)
            checks = tuple(CHECK.findall(source)) if ".check(" in source else ()
            code.append(CodeCell(len(code) + 1, source, checks, ignored, asked=asked))
            every.append(Cell("code", source, ids_of(cell), len(code)))
        elif kind in ("markdown", "raw"):
            attached = cell.get("attachments")
            attached = attached if isinstance(attached, dict) else {}
            every.append(Cell(kind, source_of(cell), ids_of(cell), attachments=attached))
            if asked and code and not ignored:
                code[-1] = replace(code[-1], asked=(*code[-1].asked, *asked))
    if not code:
        raise NotebookUnreadableError(f"The notebook has no code cell: {ANOTHER}.")
    headings = (HEADING.search(cell.source) for cell in every if cell.kind != "code")
    first = next((found[1].strip() for found in headings if found), None)
    return Notebook(tuple(code), tuple(every), first, _assignment_name(data))


def _assignment_name(data: Mapping[str, Any]) -> str | None:
    metadata = data.get("metadata")
    of_otter = metadata.get("otter") if isinstance(metadata, dict) else None
    name = of_otter.get("assignment_name") if isinstance(of_otter, dict) else None
    return name if isinstance(name, str) else None


def ignored_sources(content: bytes) -> frozenset[str]:
    """Return the sources of the hand-out's cells that need not run for a grade, as handed out."""
    return frozenset(cell.source.strip() for cell in read(content).cells if cell.ignored)


def question_prose(content: bytes, question: str) -> str:
    """Return what a hand-out asks: its cell of that id, else the first that names the question."""
    prose = [cell for cell in read(content).every if cell.kind != "code"]
    own = (cell.source for cell in prose if question in cell.ids)
    named = (cell.source for cell in prose if f"`{question}`" in cell.source)
    return next(own, "") or next(named, "")


def _by_metadata(cell: Mapping[str, Any]) -> tuple[tuple[str, ...], bool]:
    """Return the questions that otter checks after a cell, and whether the cell is not run."""
    metadata = cell.get("metadata")
    if not isinstance(metadata, dict) or not metadata:
        return (), False
    tags, otter = metadata.get("tags"), metadata.get("otter")
    of_otter = otter if isinstance(otter, dict) else {}
    tests = of_otter.get("tests")
    asked = tuple(name for name in tests if isinstance(name, str)) if type(tests) is list else ()
    return asked, (isinstance(tags, list) and IGNORE_TAG in tags) or bool(of_otter.get("ignore"))


def _parse(content: bytes, limits: Limits) -> dict[str, Any]:
    if len(content) > limits.notebook_bytes:
        size, limit = len(content) / 1e6, limits.notebook_bytes / 1e6
        raise NotebookUnreadableError(f"The file is {size:.0f} MB; the limit is {limit:.0f} MB.")
    if not content.strip():
        raise NotebookUnreadableError(f"The file is empty: {ANOTHER}.")
    try:
        data = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise NotebookUnreadableError(
            f"The file is no notebook, it is not text ({_kind_of(content)}): {ANOTHER}."
        ) from None
    except RecursionError:
        raise NotebookUnreadableError(
            f"The file's JSON is nested too deeply to read: {ANOTHER}."
        ) from None
    except ValueError as problem:
        kind = f"{_kind_of(content)}; {problem}"
        raise NotebookUnreadableError(
            f"The file is not JSON, so it is no notebook ({kind}): {ANOTHER}."
        ) from None
    if not isinstance(data, dict):
        raise NotebookUnreadableError(f"The file is JSON but no notebook: {ANOTHER}.")
    if data.get("nbformat") != CURRENT_FORMAT and "cells" not in data:
        return _convert(content, data.get("nbformat"))
    return data


def _convert(content: bytes, version: Any) -> dict[str, Any]:
    import nbformat

    if version not in (2, 3):
        raise NotebookUnreadableError(
            f"The file is JSON but no notebook, it names no format: {ANOTHER}."
        )
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
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "it holds binary data"
    return f"it begins with “{' '.join(text[:LOOKED_AT].split())[:QUOTED]}”"
