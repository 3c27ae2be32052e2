"""A script handed in where a notebook may be: which file is one, and the notebook that it makes."""

import io
import json
import tokenize
from collections import defaultdict
from dataclasses import replace

from grader.model import MIB
from grader.submissions.claims import is_candidate
from grader.submissions.content import Wanted
from grader.submissions.sources import Entry, RejectedError, Source

SCRIPT = ".py"
MOST_BYTES = MIB
NOT_HANDED_IN = frozenset({"__init__.py", "setup.py", "conftest.py"})

Folder = tuple[str, ...]


def marked(source: Source, wanted: Wanted | None) -> Source:
    """Return what was handed in, with the scripts marked that count as notebooks.

    Beside a notebook a script is a module of its author's, unless it checks the questions itself;
    and so is it beside a script that does.
    """
    if wanted is None or not wanted.takes_scripts:
        return source
    scripts = [entry for entry in source.entries if _may_be_one(entry)]
    if not scripts:
        return source
    books = {entry.parts[:-1] for entry in source.entries if is_candidate(entry)}
    alone: dict[Folder, list[Entry]] = defaultdict(list)
    chosen: list[Entry] = []
    for entry in scripts:
        if _share(entry, wanted) > 0:
            chosen.append(entry)
            books.add(entry.parts[:-1])
        else:
            alone[entry.parts[:-1]].append(entry)
    for folder, entries in alone.items():
        if not any(_is_above(folder, book) or _is_above(book, folder) for book in books):
            chosen += entries
    found = {id(entry) for entry in chosen}
    marks = (replace(e, is_script=True) if id(e) in found else e for e in source.entries)
    return replace(source, entries=tuple(marks))


def _may_be_one(entry: Entry) -> bool:
    return (
        entry.suffix == SCRIPT
        and not entry.name.startswith(".")
        and entry.name not in NOT_HANDED_IN
        and not entry.problem
    )


def _share(entry: Entry, wanted: Wanted) -> float:
    try:
        return wanted.share(entry.read(MOST_BYTES))
    except RejectedError:
        return 0.0


def _is_above(folder: Folder, other: Folder) -> bool:
    return other[: len(folder)] == folder


def as_notebook(content: bytes, name: str) -> bytes:
    """Return a script as otter has it, a notebook of one cell; RejectedError where it is no text.

    A cell is judged where it checks a question, and breaks off where it raises.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding).lstrip("\ufeff")
    except (SyntaxError, UnicodeDecodeError, LookupError) as problem:
        raise RejectedError(f"{name} is no text that Python can read ({problem})") from None
    cell: dict[str, object] = {
        "cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [],
        "source": text.replace("\r\n", "\n"),
    }  # fmt: skip
    document = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(document).encode()
