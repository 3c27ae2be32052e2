"""The process that a command starts ahead: what it gets ready for, and that it leaves nothing."""

import contextlib
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from grader.batch import ahead, process
from grader.batch.pool import local_pool
from grader.batch.run import Batch
from grader.commands.app import app
from grader.commands.main import _will_grade
from grader.errors import UsageError
from tests.conftest import notebook_of
from tests.support import classes
from tests.support.classes import PATIENCE, RIGHT, SETUP

NOTHING_DUE = "nothing to grade"


@pytest.fixture
def students(tmp_path: Path) -> Path:
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "ada.ipynb").write_bytes(notebook_of(SETUP, RIGHT["double"], "grader.check('q1')"))
    return folder


def test_it_is_the_first_process_of_the_batch_and_serves_after_what_it_began() -> None:
    with ahead.started():
        ahead.begin(_leave_a_note)
        mine = psutil.Process().children()
        with local_pool(1) as pool:
            pid, note = pool.submit(_who).result(PATIENCE)
    assert pid in {item.pid for item in mine}
    assert note == "was here"


def test_what_it_could_not_begin_is_told_when_it_is_asked_again() -> None:
    with ahead.started():
        ahead.begin(_fail)
        with local_pool(1) as pool:
            assert pool.submit(_who).result(PATIENCE)[1] is None
            with pytest.raises(UsageError, match="it cannot"):
                pool.submit(_fail).result(PATIENCE)


def test_one_that_nobody_takes_ends_with_the_command() -> None:
    before = {item.pid for item in psutil.Process().children()}
    with contextlib.suppress(UsageError), ahead.started():
        started = [item for item in psutil.Process().children() if item.pid not in before]
        ahead.begin(_leave_a_note)
        raise UsageError("nothing was handed in")
    assert started
    assert [item for item in started if _judges(item)] == []
    assert ahead.take() is None


def _judges(item: psutil.Process) -> bool:
    """Say whether a process lives, and is not Python's own that watches over shared memory."""
    try:
        return "resource_tracker" not in " ".join(item.cmdline())
    except psutil.NoSuchProcess:
        return False


def _leave_a_note() -> None:
    process.note = "was here"  # type: ignore[attr-defined]


def _fail() -> None:
    raise UsageError("it cannot")


def _who() -> tuple[int, str | None]:
    return os.getpid(), getattr(process, "note", None)


class Stopped(Exception):  # noqa: N818 - what a test raises where a batch would begin
    pass


@pytest.mark.parametrize("more", [(), ("--limit", "cell_seconds=30", "--seed", "3", "--network")])
def test_it_gets_ready_for_what_the_batch_will_ask(
    small_course: Path,
    students: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    more: Sequence[str],
) -> None:
    """Else it would have to start once more, which nobody would see but by a clock."""
    begun: list[Any] = []
    asked: list[Any] = []

    def run(batch: Batch, *_: Any, **__: Any) -> None:
        asked.append(batch._settings)
        raise Stopped

    monkeypatch.setattr(ahead, "begin", lambda *call: begun.append(call))
    monkeypatch.setattr(Batch, "run", run)
    arguments = classes.grade_command(small_course, students, tmp_path / "out", *more)[3:]
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, Stopped), done.output
    assert begun == [(process.start, asked[0])]


def test_it_does_not_guess_where_the_notebooks_decide(
    small_course: Path, students: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = tmp_path / "course"
    shutil.copytree(small_course, course)
    (course / "assignments" / "small" / "table.csv").write_text("1,2", encoding="utf-8")
    begun: list[Any] = []
    monkeypatch.setattr(ahead, "begin", lambda *call: begun.append(call))
    monkeypatch.setattr(Batch, "run", lambda *_, **__: None)
    more = ("--withhold", "table.csv")
    CliRunner().invoke(app, classes.grade_command(course, students, tmp_path / "out", *more)[3:])
    assert begun == []


@pytest.mark.parametrize(
    ("words", "will"),
    [
        ("grade small class -o out", True),
        ("--debug grade small class --out=out", True),
        ("grade small class --dry-run -o out", False),
        ("grade small class", False),
        ("grade --help", False),
        ("grade small class -o out --cluster tcp://here", False),
        ("report out", False),
        ("report grade -o out", False),
        ("", False),
    ],
)
def test_only_a_command_line_that_grades_here_starts_it(words: str, will: bool) -> None:
    assert _will_grade(words.split()) is will


def test_a_command_that_grades_nothing_leaves_nothing(
    small_course: Path, students: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for folder, code, said in (
        (empty, 2, "o notebook"),
        (students, 0, ""),
        (students, 0, NOTHING_DUE),
    ):
        mark = f"{tmp_path}-{said}"
        command = classes.grade_command(small_course, folder, tmp_path / "out")
        done = classes.run(command, tmp_path / "tmp", mark=mark)
        assert done.returncode == code, done.stderr
        assert said in done.stderr
        assert list((tmp_path / "tmp").iterdir()) == []
        end = time.monotonic() + PATIENCE
        while left := [item for item in psutil.process_iter() if _has(item, mark)]:
            assert time.monotonic() < end, left  # an end that has begun takes a moment
            time.sleep(0.05)


def _has(item: psutil.Process, mark: str) -> bool:
    try:
        return item.environ().get("GRADER_TEST_MARK") == mark
    except psutil.Error:
        return False
