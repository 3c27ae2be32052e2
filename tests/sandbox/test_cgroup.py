"""The hard cap on memory, against a tree of files like the kernel's; and where there is none."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grader.model import Isolation, Limits
from grader.sandbox import ChildEnded, Worker
from grader.sandbox.inside import usage
from grader.sandbox.levels import cgroup

FILES = {
    "cgroup.procs": "",
    "cgroup.controllers": "cpu memory pids\n",
    "cgroup.subtree_control": "",
    "memory.max": "max\n",
    "memory.swap.max": "max\n",
    "memory.events": "low 0\nhigh 0\nmax 3\noom 0\noom_kill 0\n",
}


def make(folder: Path) -> None:
    """Make a group as the kernel does: the folder with its files."""
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)


def remove(folder: Path) -> None:
    """Remove a group as the kernel does: with its files, unless it holds processes or groups."""
    groups = any(item.is_dir() for item in folder.iterdir())
    if not groups and not (folder / "cgroup.procs").read_text():
        for item in folder.iterdir():
            item.unlink()
        folder.rmdir()


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cgroup, "_make", make)
    monkeypatch.setattr(cgroup, "_remove", remove)
    make(tmp_path / "scope")
    return tmp_path / "scope"


def text(path: Path) -> str:
    return path.read_text()


def test_the_own_group_is_found_where_version_2_is_mounted(tmp_path: Path) -> None:
    mounts, membership = tmp_path / "mounts", tmp_path / "cgroup"
    mounts.write_text("proc /proc proc rw 0 0\nnone /sys/fs/my\\040groups cgroup2 rw 0 0\n")
    membership.write_text("4:memory:/old\n0::/user.slice/a.scope\n")
    found = cgroup.own_group(mounts, membership)
    assert found == Path("/sys/fs/my groups/user.slice/a.scope")
    mounts.write_text("cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n")
    assert cgroup.own_group(mounts, membership) is None


def test_the_judge_moves_below_a_group_that_is_delegated(group: Path) -> None:
    assert cgroup.delegated_group(group) == group
    assert text(group / "cgroup.subtree_control") == "+memory"
    leaf = group / f"{cgroup.JUDGE}{os.getpid()}"
    assert text(leaf / "cgroup.procs") == str(os.getpid())
    assert cgroup.delegated_group(leaf) == group  # its grader processes are born there


def test_what_a_killed_judge_left_is_removed(group: Path) -> None:
    make(group / f"{cgroup.WORKER}7")
    make(group / f"{cgroup.JUDGE}8")
    make(group / f"{cgroup.JUDGE}9")
    (group / f"{cgroup.JUDGE}9" / "cgroup.procs").write_text("9")
    cgroup.delegated_group(group)
    left = {path.name for path in group.iterdir() if path.is_dir()}
    assert left == {f"{cgroup.JUDGE}{os.getpid()}", f"{cgroup.JUDGE}9"}


def test_without_the_memory_controller_nothing_is_touched(group: Path) -> None:
    (group / "cgroup.controllers").write_text("cpu pids\n")
    assert cgroup.delegated_group(group) is None
    assert not [path for path in group.iterdir() if path.is_dir()]
    assert text(group / "cgroup.procs") == ""


def test_the_judge_moves_back_where_the_kernel_refuses(group: Path) -> None:
    (group / "cgroup.subtree_control").unlink()  # as where another process is in the group
    assert cgroup.delegated_group(group) is None
    assert text(group / "cgroup.procs") == str(os.getpid())


def test_a_machine_that_delegates_nothing_is_left_as_it_is() -> None:
    code = (
        "from grader.sandbox.levels import cgroup\n"
        "before = cgroup.own_group()\n"
        "found = cgroup.delegated()\n"
        "assert (found is None) == (cgroup.own_group() == before), (found, before)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_group_caps_a_workers_processes_and_tells_when_the_kernel_ended_one(group: Path) -> None:
    capped = cgroup.MemoryGroup.make(group, 12)
    assert capped is not None
    folder = group / f"{cgroup.WORKER}12"
    capped.adopt([12])
    assert text(folder / "cgroup.procs") == "12"
    limits = Limits()
    capped.limit(limits)
    assert int(text(folder / "memory.max")) == limits.memory_bytes + 2 * limits.scratch_bytes
    assert text(folder / "memory.swap.max").startswith("0")
    assert not capped.has_killed()
    (folder / "memory.events").write_text("oom 1\noom_kill 1\n")
    assert capped.has_killed()
    capped.limit(limits)  # for the next submission
    assert not capped.has_killed()


def test_a_group_without_the_controller_is_not_used(
    group: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroup, "_make", Path.mkdir)
    monkeypatch.setattr(cgroup, "_remove", Path.rmdir)
    assert cgroup.MemoryGroup.make(group, 12) is None
    assert not (group / f"{cgroup.WORKER}12").exists()


def test_a_child_that_the_kernel_ended_is_told_why(
    group: Path, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    capped = cgroup.MemoryGroup.make(group, 12)
    assert capped is not None
    monkeypatch.setattr(worker, "_group", capped)
    with worker.session(Limits(), deadline=time.monotonic() + 600) as session:
        (group / f"{cgroup.WORKER}12" / "memory.events").write_text("oom_kill 1\n")
        with pytest.raises(ChildEnded, match="used more than 4 GiB of memory"):
            session.run_cell("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", 1)


def test_the_kernel_would_end_student_code_before_anything_else(isolation: Isolation) -> None:
    with (
        Worker(isolation=isolation, warm=False) as worker,
        worker.session(Limits(), deadline=time.monotonic() + 600),
    ):
        started = worker._started.process.pid
        pids = [started, *usage.below(started)]
        scores = [int(text(Path(f"/proc/{pid}/oom_score_adj"))) for pid in pids]
    own = int(text(Path("/proc/self/oom_score_adj")))
    assert scores == [own] * (len(scores) - 1) + [1000]
