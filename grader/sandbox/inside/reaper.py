"""Ends and reaps every process that a child left, and removes its files."""

import contextlib
import os
import signal
import stat
import time
from pathlib import Path

from . import syscalls as kernel
from .usage import below


def kill_below(of: int) -> None:
    """Kill and reap everything below a process, which must be this one.

    They are stopped first and killed together: one that dies makes room for another to be born,
    one that stands still does not. It takes as long as it takes: a worker that gave up would
    leave them to the machine.
    """
    while reap():
        stopped: set[int] = set()
        moving = True
        while moving:
            moving = False
            for pid in below(of):
                if pid not in stopped:
                    moving = True
                    stopped.add(pid)
                    _signal(pid, signal.SIGSTOP)
        for pid in stopped:
            _signal(pid, signal.SIGKILL)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def reap() -> bool:
    """Collect every ended child; False when there is none left, ended or not."""
    while True:
        try:
            pid, _status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            time.sleep(0.0005)
            return True


def kill_uid(uid: int) -> None:
    """Kill every process of a student's uid at once, and reap those that come to this process."""
    killer = os.fork()
    if killer == 0:
        try:
            _kill_as(uid)
        finally:
            os._exit(0)
    while reap():
        pass


def _kill_as(uid: int) -> None:
    # "Everybody that I may signal" must mean that uid and nobody else: a real or saved uid of root,
    # or one capability left, would make it mean the whole machine.
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    kernel.set_capabilities(0)
    if uid != 0 and os.getresuid() == (uid, uid, uid):
        os.kill(-1, signal.SIGKILL)


def empty(folder: str) -> None:
    """Remove a folder that student code filled, whatever its depth, modes and names."""
    top = Path(folder)
    mark, serial = os.urandom(8).hex(), 0
    while top.is_dir():
        deeper: list[Path] = []
        top.chmod(stat.S_IRWXU)
        for child in _listed(top):
            if not child.is_dir() or child.is_symlink():
                child.unlink(missing_ok=True)
                continue
            child.chmod(stat.S_IRWXU)
            # Folders inside come up one level: no path is ever longer than the first.
            for inner in _listed(child):
                if inner.is_dir() and not inner.is_symlink():
                    serial += 1
                    inner.chmod(stat.S_IRWXU)
                    deeper.append(inner.rename(top / f"{mark}{serial}"))
                else:
                    inner.unlink(missing_ok=True)
            child.rmdir()
        if not deeper:
            top.rmdir()


def _listed(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries]
