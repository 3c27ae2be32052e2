"""How much processor time one case may take where it is judged, whatever an answer makes of it.

A library can work on one value for hours (an unevaluated power in `simplify`), in code that no
exception stops. So the kernel ends the process: the case is judged again alone, beside the
reference, and then lost by the answer that made it so.
"""

import contextlib
import signal
from collections.abc import Iterator
from contextvars import ContextVar

from grader.model import Limits

LEAST = 120.0  # seconds
CELLS = 2  # as many seconds as a cell may take, so many times

_seconds: ContextVar[float] = ContextVar("seconds", default=0.0)


@contextlib.contextmanager
def bounded(limits: Limits) -> Iterator[None]:
    """Let each case that is judged meanwhile end this process where it takes too long.

    For a process of which others know what to do when it ends.
    """
    mark = _seconds.set(max(LEAST, CELLS * limits.cell_seconds))
    try:
        yield
    finally:
        _seconds.reset(mark)


@contextlib.contextmanager
def of_case() -> Iterator[None]:
    """Count this process's time for one case, where it is bounded."""
    seconds = _seconds.get()
    if not seconds or not hasattr(signal, "setitimer"):  # Windows
        yield
        return
    before = signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, *before)
