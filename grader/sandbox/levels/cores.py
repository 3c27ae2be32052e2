"""A processor of its own for each child, while there are enough of them.

Sixty processes of one submission share its one processor, and not those of its neighbours. A
process that asks a child and waits for its answer can keep to the same one: the two take turns, and
find what they need in its caches.
"""

import contextlib
import functools
import os
import tempfile
from pathlib import Path


class Core:
    """One processor, lent to one child at a time among all judges of this user on this machine.

    `number` is None where processors cannot be chosen.
    """

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self.number: int | None = None
        self._before: set[int] | None = None  # which this thread could use
        if not hasattr(os, "sched_getaffinity"):
            return
        usable = sorted(_usable())
        if len(usable) == 1:
            return
        for number in usable:
            if self._take(number):
                self.number = number
                return
        # More children than processors: they share, but still no child has more than one.
        self.number = usable[os.getpid() % len(usable)]

    def _take(self, number: int) -> bool:
        import fcntl

        with contextlib.suppress(OSError):
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(f"{_folder()}/{number}", flags, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                return False
            self._descriptor = descriptor
            return True
        return False

    @property
    def is_own(self) -> bool:
        """Whether no other child has it."""
        return self._descriptor is not None

    def keep_here(self) -> None:
        """Have this thread keep to it as well until it is released, where no other child has it."""
        if self.number is not None and self.is_own:
            self._before = _usable()
            with contextlib.suppress(OSError):
                os.sched_setaffinity(0, {self.number})
                _shared.append(self)

    def release(self) -> None:
        """Let another child have it."""
        if self in _shared:
            _shared.remove(self)
            with contextlib.suppress(OSError):
                os.sched_setaffinity(0, self._before or set())
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


_shared: list[Core] = []  # that this process keeps to


def _usable() -> set[int]:
    """Return the processors that this process may use where it keeps to none."""
    found = _shared[0]._before if _shared else None  # noqa: SLF001 - of this module's own
    return found or os.sched_getaffinity(0)


@functools.cache
def _folder() -> Path:
    """Return this user's folder of a locked file for each processor in use.

    Not the folder of temporary files of one batch: other batches look there as well.
    """
    top = "/tmp" if Path("/tmp").is_dir() else tempfile.gettempdir()  # noqa: S108 - on purpose
    folder = Path(top, f"ulp-grader-cores-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise PermissionError(folder)
    return folder
