"""A grader process's folder: nobody removes it while the process lives, and everybody later."""

import contextlib
import fcntl
import multiprocessing
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.batch import process as judging
from grader.batch import scratch
from grader.batch.pool import LocalProcesses
from grader.batch.scratch import (
    LOCK_NAME,
    MAKING_PREFIX,
    PREFIX,
    Scratch,
)

STARTS, PROCESSES = 300, 6
FORK = multiprocessing.get_context("fork")


class OldScratch(Scratch):
    """As it was before: under its final name from the start, and locked a moment later."""

    def __init__(self) -> None:
        scratch.sweep()
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = None
        with contextlib.suppress(BlockingIOError):
            self._lock = scratch._take(self.path / LOCK_NAME, "a")


def _process(make: Callable[[], Scratch], starts: int, together: Any, lost: Any) -> None:
    """Start with the others, again and again, and count the folders that do not last."""
    for _ in range(starts):
        made = None
        together.wait(60)
        with contextlib.suppress(OSError):
            made = make()
        together.wait(60)
        lasts = made is not None and (made.path / LOCK_NAME).exists()
        with lost.get_lock():
            lost.value += not lasts
        if made is not None:
            made.remove()


def lost_folders(make: Callable[[], Scratch], starts: int) -> int:
    together, lost = FORK.Barrier(PROCESSES), FORK.Value("i", 0)
    processes = [
        FORK.Process(target=_process, args=(make, starts, together, lost)) for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    return int(lost.value)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_many_starts_of_six_grader_processes_lose_no_folder(place: Path) -> None:
    assert lost_folders(Scratch, STARTS) == 0
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(("make", "lasts"), [(Scratch, True), (OldScratch, False)])
def test_a_folder_is_lost_only_where_it_shows_before_it_is_locked(
    make: Callable[[], Scratch], lasts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = fcntl.flock

    def late(file: Any, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", take)
        scratch.sweep()  # as another grader process does that starts just now
        take(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    made = make()
    assert (made.path / LOCK_NAME).exists() is lasts
    made.remove()


def test_a_folder_shows_under_its_name_only_when_it_is_locked(place: Path) -> None:
    made = Scratch()
    assert made.path.name.startswith(PREFIX)
    assert list(place.iterdir()) == [made.path]
    with pytest.raises(BlockingIOError):
        scratch._take(made.path / LOCK_NAME, "r")
    scratch.sweep()
    assert made.path.is_dir()
    made.remove()
    assert list(place.iterdir()) == []


def _make_and_die() -> None:
    made = Scratch()
    (made.path / "left").write_text("x")
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_process_left_goes_at_the_next_start(place: Path) -> None:
    process = FORK.Process(target=_make_and_die)
    process.start()
    process.join()
    assert len(list(place.iterdir())) == 1
    made = Scratch()
    assert list(place.iterdir()) == [made.path]
    made.remove()


@pytest.mark.parametrize("has_lock", [False, True])
def test_what_a_maker_left_that_was_killed_goes_after_a_while(place: Path, has_lock: bool) -> None:
    folder = place / f"{MAKING_PREFIX}x"
    folder.mkdir()
    if has_lock:
        (folder / LOCK_NAME).touch()
    scratch.sweep()
    assert folder.is_dir()
    long_ago = time.time() - 2 * scratch.UNLOCKED_SECONDS
    os.utime(folder, (long_ago, long_ago))
    scratch.sweep()
    assert not folder.exists()


def test_a_maker_that_stood_still_begins_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, folders = tempfile.mkdtemp, []

    def slow(prefix: str) -> str:
        folders.append(original(prefix=prefix))
        if len(folders) < 3:
            Path(folders[-1]).rmdir()  # as a sweep did meanwhile
        return folders[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", slow)
    made = Scratch()
    assert len(folders) == 3
    assert list(place.iterdir()) == [made.path]
    made.remove()


def test_where_no_folder_lasts_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "mkdtemp", lambda prefix: f"/nowhere/{prefix}x")
    with pytest.raises(OSError, match="lasts until it is locked"):
        Scratch()


def test_the_folder_of_a_process_goes_once_what_it_had_started_has_let_go_of_it() -> None:
    made = Scratch()
    child = FORK.Process(target=_hold_for_a_moment)  # as one that has not begun its own program yet
    child.start()
    made._lock.close()
    scratch.sweep()
    assert made.path.exists()
    scratch.remove_of(os.getpid())
    assert not made.path.exists()
    child.join()


def _hold_for_a_moment() -> None:
    time.sleep(0.5)


def _make_until(step: str) -> None:
    setattr(Path, step, lambda *_: os._exit(1))
    Scratch()


@pytest.mark.parametrize("step", ["chmod", "rename"])  # before it has its lock, or its name
def test_what_a_process_had_begun_to_make_when_it_was_ended_goes_with_it(
    step: str, place: Path
) -> None:
    process = FORK.Process(target=_make_until, args=(step,))
    process.start()
    process.join()
    scratch.sweep()  # to others it may be of one that is not ready yet
    assert len(list(place.iterdir())) == 1
    assert process.pid is not None
    scratch.remove_of(process.pid)
    assert list(place.iterdir()) == []


def _end_at_once(told: Any) -> None:
    judging._ready = None  # what the parent of this fork is ready with is not this one's
    worker = subprocess.Popen(["sleep", "60"])
    told.send(worker.pid)
    judging.finish(True)
    os._exit(0 if worker.wait() == -signal.SIGKILL else 1)


def test_a_process_that_ends_at_once_ends_a_worker_that_is_still_starting() -> None:
    ours, theirs = FORK.Pipe()
    ending = FORK.Process(target=_end_at_once, args=(theirs,))
    ending.start()
    assert ours.recv()
    ending.join()
    assert ending.exitcode == 0


def _leave_half() -> str:
    made = Scratch()
    (made.path / "left").mkdir()
    (made.path / LOCK_NAME).unlink()  # as one that was killed while it tidied up
    return str(made.path)


@pytest.mark.parametrize("way", ["shutdown", "kill"])
def test_what_a_process_has_half_removed_goes_when_it_has_ended(
    way: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(place))
    with LocalProcesses(1, judging.finish) as pool:
        left = Path(pool.submit(_leave_half).result())
        assert left.is_dir()
        getattr(pool, way)()
    assert left.parent == place
    assert list(place.iterdir()) == []
