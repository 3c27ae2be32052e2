"""How much of the machine's memory a grader process may take, whatever a submission sends it.

The bound is the kernel's own (RLIMIT_AS): what goes beyond raises MemoryError in the case that
needed it, which is then lost by the answer that made it necessary. A process that has its own GPU
context reserves more addresses than there is memory; it is watched, and ends itself.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from grader.model import Limits

# Beside two of the largest answers: what a test makes of them, at float64 for example.
ROOM = 2 << 30
# What a process may keep of a submission that it has judged; with more it is replaced.
KEPT = 512 << 20
WATCH_SECONDS = 0.1
STATM = Path("/proc/self/statm")
# Between the command, which the kernel should end last where memory is short, and the children.
OOM_SCORE = 500


def room(limits: Limits) -> int:
    """Return the bytes that judging may take beside what a process has once it is warm."""
    return ROOM + 2 * limits.array_bytes


def addresses() -> int:
    """Return the bytes of addresses that this process uses; 0 where the system does not tell."""
    return _pages(0)


def _pages(column: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(STATM.read_text(encoding="ascii").split()[column]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def end_before_the_command() -> None:
    """Have the kernel end this process before the command that started it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE), encoding="ascii")


@contextlib.contextmanager
def bounded(most: int) -> Iterator[None]:
    """Let this process use no more than so many bytes of addresses while the block runs.

    Its workers are started outside of such a block: they would inherit the limit.
    """
    if not STATM.exists():
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    least = [size for size in (soft, hard, most) if size != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(least), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextlib.contextmanager
def watched(most: int) -> Iterator[None]:
    """End this process if it has more than so many bytes resident while the block runs."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(WATCH_SECONDS):
            if _pages(1) > most:
                os._exit(1)

    thread = threading.Thread(target=watch, daemon=True, name="memory-watch")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
