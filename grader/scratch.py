"""A folder for a judging process's temporary files, which goes away however the process ends.

The folder is locked for as long as its process lives. Whoever comes by and gets the lock knows
that the owner was killed, and removes the folder.
"""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PREFIX = "grader-lane-"
LOCK_NAME = ".lock"
UNLOCKED_SECONDS = 60.0  # a folder without a lock is one that is being made, but not for long


class Scratch:
    """One process's folder of temporary files."""

    def __init__(self) -> None:
        sweep()
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        # A worker under another uid must get to its own folder below, but need not list this one.
        self.path.chmod(0o711)
        self._lock = _take(self.path / LOCK_NAME)

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Have everything that asks for a temporary file get it here."""
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


def sweep() -> None:
    """Remove the folders of processes that were killed."""
    if not hasattr(os, "getuid"):
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.lstat().st_uid == os.getuid() and _is_abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    lock = folder / LOCK_NAME
    if not lock.exists():
        return time.time() - folder.lstat().st_mtime > UNLOCKED_SECONDS
    taken = _take(lock)
    if taken is None:
        return False
    taken.close()
    return True


def _take(path: Path) -> Any:
    """Return the locked file, or None where another process holds it."""
    try:
        import fcntl
    except ImportError:  # Windows: nothing is swept there
        return None
    file = path.open("a", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
