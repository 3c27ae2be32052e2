"""The notebooks that were graded, without their outputs, so that they can be read and judged again.

Judging never reads an output, so what is kept is judged exactly as what was handed in. A notebook
that cannot be read as one is not kept: there is nothing in it to be judged.
"""

import base64
import json
import zlib
from collections.abc import Iterable
from typing import Any

from grader.course.notebooks import CURRENT_FORMAT
from grader.gradebook.store import Store
from grader.model import Submission

MOST_BYTES = 20_000_000
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")


def pack(content: bytes) -> bytes | None:
    """Return a notebook's cells, compressed; None where the file is none of the current format."""
    if len(content) > MOST_BYTES:
        return None
    try:
        data = json.loads(content.decode("utf-8-sig"))
        cells = data["cells"]
        if data.get("nbformat") != CURRENT_FORMAT or not isinstance(cells, list):
            return None
        kept = {**data, "cells": [_without_outputs(cell) for cell in cells]}
        text = json.dumps(kept, ensure_ascii=True)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return zlib.compress(text.encode("ascii"))


def pack_files(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Return what was handed in beside a notebook, compressed; it is judged with it."""
    named = {name: base64.b64encode(content).decode("ascii") for name, content in files}
    return zlib.compress(json.dumps(named).encode("ascii"))


def _without_outputs(cell: Any) -> Any:
    if isinstance(cell, dict) and cell.get("cell_type") == "code":
        return {**cell, "outputs": [], "execution_count": None}
    return cell


class NotebookStore(Store):
    """The store, for whoever keeps notebooks or reads one again."""

    def keep_notebooks(self, submissions: Iterable[Submission]) -> None:
        """Keep each notebook that is not kept yet."""
        held = {str(row[0]) for row in self._rows("SELECT sha256 FROM notebook")}
        packed = {
            item.sha256: (pack(item.content), pack_files(item.files))
            for item in submissions
            if item.problem is None and item.sha256 not in held
        }
        with self._transaction():
            for sha256, (content, files) in packed.items():
                if content is not None:
                    row = (sha256, content, files)
                    self._execute("INSERT OR IGNORE INTO notebook VALUES (?, ?, ?)", row)

    def notebook(self, sha256: str) -> bytes | None:
        """Return a notebook without its outputs; None where it was never kept."""
        rows = self._rows("SELECT content FROM notebook WHERE sha256 = ?", (sha256,))
        return zlib.decompress(rows[0][0]) if rows else None

    def submission(self, student: str) -> Submission | None:
        """Return what a student handed in last, to be judged again; None where it is not kept."""
        rows = self._rows(
            "SELECT path, sha256, received, late FROM submission WHERE student = ?", (student,)
        )
        content = self.notebook(str(rows[0][1])) if rows else None
        if content is None:
            return None
        path, sha256, received, late = rows[0]
        kept = self._rows("SELECT files FROM notebook WHERE sha256 = ?", (sha256,))
        named: dict[str, str] = json.loads(zlib.decompress(kept[0][0]))
        files = tuple((name, base64.b64decode(data)) for name, data in named.items())
        return Submission(student, path, content, sha256, received, bool(late), files=files)
