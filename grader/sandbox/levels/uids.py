"""Uids that nobody else has, lent to one worker at a time by a judge that runs as root."""

import contextlib
import fcntl
import os
import pwd
import tempfile
from pathlib import Path

from grader.errors import IsolationError

# Above people's accounts and below what distributions and systemd give out by themselves.
FIRST, COUNT = 59_000, 1_000


class Slot:
    """One unprivileged uid, held until it is released or this process ends."""

    def __init__(self) -> None:
        folder = _folder()
        busy = _uids_in_use()
        for uid in range(FIRST, FIRST + COUNT):
            if uid in busy or _is_an_account(uid):
                continue
            descriptor = os.open(folder / str(uid), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                continue
            self.uid, self._descriptor = uid, descriptor
            return
        raise IsolationError(
            f"None of the uids {FIRST} to {FIRST + COUNT - 1} is free for a worker; "
            "end the processes that use them and start again."
        )

    def release(self) -> None:
        """Let another worker have the uid."""
        with contextlib.suppress(OSError):
            os.close(self._descriptor)


def _folder() -> Path:
    """Return a folder that only root can write to, where each uid in use has a locked file."""
    for parent in (Path("/run"), Path(tempfile.gettempdir())):
        folder = parent / "ulp-grader-slots"
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, exist_ok=True)
            if folder.stat().st_uid == os.getuid() and not folder.is_symlink():
                return folder
    raise IsolationError("Neither /run nor the temporary folder can hold a lock; free some space.")


def _is_an_account(uid: int) -> bool:
    with contextlib.suppress(KeyError):
        pwd.getpwuid(uid)
        return True
    return False


def _uids_in_use() -> set[int]:
    found: set[int] = set()
    for name in os.listdir("/proc"):  # noqa: PTH208 - thousands of names, no need for paths
        if name.isdigit():
            with contextlib.suppress(OSError):
                found.add(Path("/proc", name).stat().st_uid)
    return found
