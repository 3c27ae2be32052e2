"""Notebooks in the store: what is kept of them, and that it is judged as what was handed in."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from grader.course import notebooks
from grader.gradebook.notebooks_kept import NotebookStore, pack
from grader.model import Submission
from tests.conftest import notebook_of

CONTENT = notebook_of("x = 1", "def double(n):\n    return 2 * n", "grader.check('q1')")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[NotebookStore]:
    with NotebookStore(tmp_path / "grades.db") as opened:
        yield opened


def handed_in(content: bytes) -> Submission:
    digest = hashlib.sha256(content).hexdigest()
    files = (("data.bin", bytes(range(256))),)
    return Submission("ada", "ada.ipynb", content, digest, late=True, files=files)


def test_what_is_kept_is_read_as_what_was_handed_in(store: NotebookStore) -> None:
    data = json.loads(CONTENT)
    data["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 9_999}]
    pictures = {"a.png": {"image/png": "AA=="}}
    written = {"cell_type": "markdown", "id": "r1-answer", "metadata": {}, "source": "Well \ud800"}
    data["cells"].append(written | {"attachments": pictures})
    one = handed_in(json.dumps(data).encode())
    store.set_submissions([one])
    store.keep_notebooks([one])
    store.keep_notebooks([one])
    again = store.submission("ada")
    assert again is not None
    assert replace(again, content=b"") == replace(one, content=b"")
    assert notebooks.read(again.content) == notebooks.read(one.content)
    assert len(again.content) < len(one.content) - 9_999


@pytest.mark.parametrize(
    "content",
    [b"", b"no notebook", b"[]", b'{"cells": 1, "nbformat": 4}', b"[" * 100_000, b"\xff" * 9,
     b'{"nbformat": 4}'],
    ids=["empty", "text", "list", "cells", "deep", "bytes", "none"],
)  # fmt: skip
def test_what_is_no_notebook_is_not_kept(store: NotebookStore, content: bytes) -> None:
    assert pack(content) is None
    store.set_submissions([handed_in(content)])
    store.keep_notebooks([handed_in(content)])
    assert store.submission("ada") is None


def test_a_notebook_beyond_the_limit_is_not_kept() -> None:
    assert pack(CONTENT + b" " * 20_000_000) is None
