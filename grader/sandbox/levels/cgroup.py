"""A hard cap on the memory of a worker's children together, by a control group of version 2.

Used where one is delegated: a group whose processes are all ours, that we may write to, with the
memory controller. `systemd-run --user --scope -p Delegate=yes grader grade …` makes one. Elsewhere
the worker's watchdog counts, every twentieth of a second; here it goes on counting, and names the
limit before the kernel has to.

The kernel's rules: https://docs.kernel.org/admin-guide/cgroup-v2.html. A group either holds
processes or hands controllers down, so that the judge moves into a group of its own first. Pages
stay with the group that first touched them: what a worker has imported counts to the judge's.
"""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from grader.model import Limits

MOUNTS = Path("/proc/self/mounts")
MEMBERSHIP = Path("/proc/self/cgroup")
JUDGE = "grader-judge-"
WORKER = "grader-worker-"


def mount_point(mounts: Path = MOUNTS) -> Path | None:
    """Return where version 2 is mounted, or None."""
    with contextlib.suppress(OSError):
        for line in mounts.read_text(encoding="utf-8").splitlines():
            _device, place, kind, *_ = line.split()
            if kind == "cgroup2":
                return Path(place.replace("\\040", " "))
    return None


def own_group(mounts: Path = MOUNTS, membership: Path = MEMBERSHIP) -> Path | None:
    """Return the folder of the group that this process is in, or None without version 2."""
    top = mount_point(mounts)
    if top is None:
        return None
    with contextlib.suppress(OSError):
        for line in membership.read_text(encoding="utf-8").splitlines():
            if line.startswith("0::"):
                return top / line.removeprefix("0::/")
    return None


def delegated() -> Path | None:
    """Return the group under which workers get theirs, or None where none is delegated to us."""
    return delegated_group(own_group())


def delegated_group(group: Path | None) -> Path | None:
    """Return a group that hands the memory controller down to groups of ours, or None.

    This process moves into a group of its own below, since the one that hands down holds none; what
    it starts later is born there. Where that cannot be, for one because somebody else's process is
    in the group, nothing changes.
    """
    if group is None:
        return None
    if group.name.startswith(JUDGE):  # this process has moved already, or was born there
        return group.parent
    if "memory" not in _words(group / "cgroup.controllers"):
        return None
    leaf = group / f"{JUDGE}{os.getpid()}"
    try:
        _make(leaf)
    except OSError:
        return None
    try:
        _write(leaf / "cgroup.procs", os.getpid())
        _write(group / "cgroup.subtree_control", "+memory")
    except OSError:
        with contextlib.suppress(OSError):
            _write(group / "cgroup.procs", os.getpid())
        _remove(leaf)
        return None
    for left in [*group.glob(f"{JUDGE}*"), *group.glob(f"{WORKER}*")]:
        _remove(left)  # of a judge that was killed; one that holds a process stays
    return group


class MemoryGroup:
    """The group of one worker and whatever it starts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kills = 0

    @classmethod
    def make(cls, parent: Path | None, number: int) -> Self | None:
        """Make the group of the worker with that process number; None where none is delegated."""
        if parent is None:
            return None
        folder = parent / f"{WORKER}{number}"
        try:
            _make(folder)
        except OSError:
            return None
        if (folder / "memory.max").exists():
            return cls(folder)
        _remove(folder)
        return None

    def adopt(self, pids: Iterable[int]) -> None:
        """Move processes here; what they start from now on is born here."""
        for pid in pids:
            with contextlib.suppress(OSError):  # it has ended, or the group has
                _write(self._folder / "cgroup.procs", pid)

    def limit(self, limits: "Limits") -> None:
        """Set the cap for the next submission.

        Files in the scratch folder and in /dev/shm are memory too, and have limits of their own.
        """
        room = limits.memory_bytes + 2 * limits.scratch_bytes
        for name, value in (("memory.max", room), ("memory.swap.max", 0)):
            with contextlib.suppress(OSError):  # no swap here; or no group any more
                _write(self._folder / name, value)
        self._kills = self._killed()

    def has_killed(self) -> bool:
        """Say whether the kernel has ended a process over the cap since it was set."""
        return self._killed() > self._kills

    def remove(self) -> None:
        """Remove the group, which must be empty; the next judge removes one that is not."""
        _remove(self._folder)

    def _killed(self) -> int:
        words = _words(self._folder / "memory.events")
        return int(words[words.index("oom_kill") + 1]) if "oom_kill" in words else 0


def _make(folder: Path) -> None:
    folder.mkdir()  # the kernel fills it


def _remove(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except OSError:
        return []


def _write(path: Path, value: object) -> None:
    # One write a value, and never a new file: a group's files are there or are not.
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, str(value).encode())
    finally:
        os.close(descriptor)
