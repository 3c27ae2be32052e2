"""A folder for a grader process's temporary files, which goes away however the process ends.

The folder is locked for as long as its process lives. Whoever comes by and gets the lock knows
that the owner was killed, and removes the folder.
"""

import contextlib
import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PREFIX = "grader-process-"
# A folder that is being made. It has its final name only once it is locked, because whoever finds
# that one unlocked removes it.
MAKING_PREFIX = "grader-making-"
LOCK_NAME = ".lock"
# Nobody needs that long to make a folder; what is as old, and unlocked, was left by the killed.
UNLOCKED_SECONDS = 60.0
TRIES = 10
END_SECONDS = 5.0  # what a process has started ends at once, but where the machine is busy


class Scratch:
    """One process's folder of temporary files."""

    def __init__(self) -> None:
        sweep()
        for _ in range(TRIES):
            # It fails where a sweep took a maker for dead that had only stood still for a minute.
            with contextlib.suppress(FileNotFoundError, BlockingIOError):
                self.path, self._lock = _make()
                return
        raise OSError(
            errno.EAGAIN, f"no folder in {tempfile.gettempdir()} lasts until it is locked"
        )

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Create temporary files in this folder while the block runs."""
        before = tempfile.tempdir
        tempfile.tempdir = str(self.path)
        try:
            yield
        finally:
            tempfile.tempdir = before

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _make() -> tuple[Path, Any]:
    making = Path(tempfile.mkdtemp(prefix=f"{MAKING_PREFIX}{os.getpid()}-"))
    # A worker under another uid must get to its own folder below, but need not list this one.
    making.chmod(0o711)
    lock = _take(making / LOCK_NAME, "a")
    path = making.with_name(PREFIX + making.name.removeprefix(MAKING_PREFIX))
    making.rename(path)
    return path, lock


def sweep() -> None:
    """Remove the folders of processes that were killed."""
    if not hasattr(os, "getuid"):
        return
    for prefix in (PREFIX, MAKING_PREFIX):
        for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
            with contextlib.suppress(OSError):
                if folder.lstat().st_uid == os.getuid() and _is_abandoned(folder):
                    shutil.rmtree(folder, ignore_errors=True)


def remove_of(pid: int) -> None:
    """Remove the folder of a process that was ended, once what it had started is over as well."""
    end, left = time.monotonic() + END_SECONDS, _of(pid)
    while left and time.monotonic() < end:
        for folder in left:
            with contextlib.suppress(OSError):
                if _is_free(folder):
                    shutil.rmtree(folder, ignore_errors=True)
        left = [folder for folder in left if folder.exists()]
        time.sleep(0.01)


def _of(pid: int) -> list[Path]:
    """Return what a process has made, or had begun to make when it was ended."""
    folder = Path(tempfile.gettempdir())
    return [one for prefix in (PREFIX, MAKING_PREFIX) for one in folder.glob(f"{prefix}{pid}-*")]


def _is_abandoned(folder: Path) -> bool:
    old = time.time() - folder.lstat().st_mtime > UNLOCKED_SECONDS
    if folder.name.startswith(MAKING_PREFIX) and not old:
        return False
    if not (folder / LOCK_NAME).exists():
        return old
    return _is_free(folder)


def _is_free(folder: Path) -> bool:
    """Say whether no process holds a folder's lock, as where it has none any more."""
    try:
        _take(folder / LOCK_NAME, "r").close()
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True


def _take(path: Path, mode: str) -> Any:
    """Return the locked file; BlockingIOError where another process holds it."""
    try:
        import fcntl
    except ImportError:  # Windows: nothing is swept there
        return None
    file = path.open(mode, encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file
