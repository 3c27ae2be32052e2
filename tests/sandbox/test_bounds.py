"""What a child uses is counted where it hides; it has one processor, and sees no place of ours."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.batch import warm_up
from grader.batch.messages import ProcessSettings
from grader.errors import UsageError
from grader.model import Assignment, Isolation, Limits
from grader.sandbox import ChildEnded, Session, Worker
from grader.sandbox.inside import usage
from grader.sandbox.levels import view
from grader.sandbox.levels.cores import Core
from grader.sandbox.levels.recipes import Way, recipe
from grader.sandbox.proof import probes

MIB = 1 << 20
SOCKETS = """
import os, socket, time
kept = []
for _ in range(2):
    if not os.fork():
        break
for _ in range(110):
    for end in socket.socketpair():
        end.setblocking(False)
        kept.append(end)
        try:
            while True:
                end.send(bytes(65_536))
        except BlockingIOError:
            pass
time.sleep(9)
"""
ENDED_CHILDREN = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # upon which nobody is told what they took
while True:
    if not os.fork():
        while time.process_time() < 0.01: pass
        os._exit(0)
    time.sleep(0.012)
"""
AFFINITY = """
import os, threading, time
threading.Thread(target=time.sleep, args=(9,), daemon=True).start()
end = time.monotonic() + 9
while len(os.sched_getaffinity(0)) > 1 and time.monotonic() < end:
    time.sleep(0.01)
os.sched_setaffinity(0, range(os.cpu_count()))
found = list(os.sched_getaffinity(0))
"""


@pytest.fixture(scope="module")
def worker(isolation: Isolation) -> Iterator[Worker]:
    with Worker(isolation=isolation, warm=False) as small:
        yield small


def session(worker: Worker, **limits: float) -> Session:
    chosen = Limits.from_mapping({"cell_seconds": 10, "call_seconds": 10, **limits})
    return worker.session(chosen, deadline=time.monotonic() + 600)


@pytest.mark.parametrize(
    ("limits", "cell", "reason"),
    [
        ({"memory_bytes": 190 * MIB}, SOCKETS, "GiB of memory"),
        ({"cpu_seconds": 1, "tasks": 500}, ENDED_CHILDREN, "more than 1 s of processor time"),
    ],
    ids=["sockets", "children that ended"],
)
def test_what_hides_is_counted(
    worker: Worker, limits: dict[str, float], cell: str, reason: str
) -> None:
    with session(worker, **limits) as child, pytest.raises(ChildEnded, match=reason):
        child.run_cell(cell, 1)


def test_sockets_are_counted_once_and_only_where_many_files_are_open() -> None:
    pairs = [socket.socketpair() for _ in range(40)]
    own = os.getpid()
    assert usage.open_sockets([own], 10_000) == 0
    assert 80 <= usage.open_sockets([own], 10) == usage.open_sockets([own, own], 10)
    for one, other in pairs:
        one.close()
        other.close()


def test_files_without_a_name_are_counted_while_somebody_has_them_open(tmp_path: Path) -> None:
    with (tmp_path / "gone").open("wb") as file:
        file.write(bytes(4 * MIB))
        file.flush()
        assert usage.unlinked([os.getpid()], str(tmp_path)) == 0
        (tmp_path / "gone").unlink()
        assert usage.unlinked([os.getpid()], str(tmp_path)) >= 4 * MIB
        assert usage.unlinked([os.getpid()], "/elsewhere") == 0
    assert usage.unlinked([os.getpid()], str(tmp_path)) == 0


@pytest.mark.parametrize("depth", [30, 60])
def test_what_lies_too_deep_to_be_looked_at_counts_as_too_many(depth: int, tmp_path: Path) -> None:
    place = os.open(tmp_path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d" * 100, dir_fd=place)
        place, above = os.open("d" * 100, os.O_RDONLY, dir_fd=place), place
        os.close(above)
    os.close(place)
    _size, count = usage.stored(str(tmp_path))
    assert (count > usage.MAX_FILES) is (depth == 60)


def test_a_child_of_several_tasks_keeps_to_one_processor(
    isolation: Isolation,
) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("this machine has one processor")
    found = []
    with (
        Worker(isolation=isolation, warm=False) as one,
        Worker(isolation=isolation, warm=False) as other,
        session(one) as first,
        session(other) as second,
    ):
        for child in (first, second):
            assert child.run_cell(AFFINITY, 1).failure is None
            found.append(child.value("found"))
    assert [len(cores) for cores in found] == [1, 1]


@pytest.mark.parametrize("is_free", [True, False], ids=["a free processor", "none is free"])
def test_who_waits_for_a_child_keeps_to_its_processor_if_that_is_free(
    isolation: Isolation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_free: bool
) -> None:
    monkeypatch.setattr("grader.sandbox.levels.cores._folder", lambda: tmp_path)
    usable = os.sched_getaffinity(0)
    if len(usable) < 2:
        pytest.skip("this machine has one processor")
    others = [] if is_free else [Core() for _ in usable]
    with Worker(isolation=isolation, warm=False, shares_core=True) as worker:
        for _ in range(2):
            with session(worker) as child:
                here = os.sched_getaffinity(0)
                assert child.run_cell("import os; there = {*os.sched_getaffinity(0)}", 1)
                assert child.value("there") == here
            assert len(here) == (1 if is_free else len(usable))
            assert os.sched_getaffinity(0) == usable
            for core in others:
                core.release()
            is_free, others = True, []


def test_a_processor_is_lent_to_one_at_a_time_and_shared_when_there_are_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grader.sandbox.levels.cores._folder", lambda: tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5})
    first, second, third = Core(), Core(), Core()
    assert (first.number, second.number) == (3, 5)
    assert third.number in {3, 5}
    first.release()
    assert Core().number == 3
    second.release()


def test_a_course_where_programs_lie_is_refused_with_the_folder_and_the_next_step(
    small: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "SYSTEM", (str(small.folder.parents[1]),))
    settings = ProcessSettings(str(small.folder), 0, Limits(), "auto", "cpu")
    with pytest.raises(UsageError, match=r"lies in .*; move it to another folder"):
        warm_up._isolation(settings, small)


def test_the_packages_own_course_is_hidden_and_so_not_refused(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "SYSTEM", (str(repository),))
    view.refuse_shown([repository / "assignments" / "softmax"])
    with pytest.raises(UsageError, match="pyproject"):
        view.refuse_shown([repository / "pyproject.toml"])


def test_a_place_of_the_batch_that_a_child_can_read_disproves_the_level(
    isolation: Isolation, tmp_path: Path
) -> None:
    inside = Path("/usr/share")
    proved = probes.prove(recipe(isolation.level), Way(isolation.way), beside=(str(inside),))
    assert str(inside) in proved.probes["places"]
    proved = probes.prove(recipe(isolation.level), Way(isolation.way), beside=(str(tmp_path),))
    assert proved.probes["places"] == "ok"
