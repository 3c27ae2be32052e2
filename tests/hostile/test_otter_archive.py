"""An otter assignment's archive and what was unpacked of it, sought by a notebook that knows where.

Its hidden tests hold expected values. Without isolation the notebook reads them and earns the
points; behind any level that proves itself it finds nothing.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.grading.assemble import assemble, start_worker
from grader.grading.judge import Request, judge
from grader.model import Assignment, Isolation, Status
from grader.submissions.autograders import load
from tests.conftest import notebook_of, submission_of
from tests.support.autograders import packed, write_autograder

TEST = """OK_FORMAT = True
test = {'name': 'q1', 'points': 1, 'suites': [{'cases': [
    {'code': '>>> answer\\n73856', 'hidden': True}]}]}
"""
# Reads whatever can be read of some paths: a file, a zip's members, a folder's files.
SEEK = """
import pathlib, re, zipfile
texts = []
for place in map(pathlib.Path, {places!r}):
    try:
        if place.is_dir():
            texts += [one.read_text() for one in place.rglob("*.py")]
        elif zipfile.is_zipfile(place):
            archive = zipfile.ZipFile(place)
            texts += [archive.read(name).decode() for name in archive.namelist()]
    except OSError:
        pass
found = re.search(r"73\\d{{3}}", "".join(texts))
answer = int(found[0]) if found else None
"""


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return packed(write_autograder(tmp_path / "hw", tests={"q1": TEST}), tmp_path / "hw.zip")


def attacks(loaded: Assignment, archive: Path) -> Iterator[bytes]:
    for places in ([str(archive)], [str(loaded.folder)], [str(archive.parent)]):
        yield notebook_of(SEEK.format(places=places))


def earned(loaded: Assignment, archive: Path, isolation: Isolation | None) -> list[Status]:
    with start_worker(loaded, isolation) as worker:
        engine = assemble(loaded, {"cpu": worker})
        return [
            judge(Request(submission_of(content)), engine).questions[0].status
            for content in attacks(loaded, archive)
        ]


def test_a_notebook_that_knows_the_place_finds_no_hidden_test(
    archive: Path, isolation: Isolation
) -> None:
    loaded = load(str(archive))
    assert earned(loaded, archive, isolation) == [Status.FAILED] * 3


def test_without_isolation_it_finds_them(archive: Path) -> None:
    loaded = load(str(archive))
    assert earned(loaded, archive, None) == [Status.PASSED] * 3
