"""The judge's session and the child's code in one process, for tests of what passes between."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from grader.model import Limits
from grader.sandbox import Session
from grader.sandbox.inside import child
from grader.sandbox.wire import channel as wire
from grader.sandbox.worker import ChildEnd
from grader.sandbox.worker import _child_limits as child_limits

LIMITS = Limits(array_bytes=1 << 22)


class NoWorker:
    devices = frozenset({"cpu"})

    def end_child(self) -> ChildEnd:
        return ChildEnd(9, None)


class NoClock:
    """Counts no processor time: here the child shares the judge's."""

    def seconds(self) -> float:
        return 0.0

    look = seconds


def session_over(connection: socket.socket, limits: Limits, seconds: float) -> Session:
    """Return the judge's side of a connection whose other side no worker watches."""
    deadline = time.monotonic() + seconds
    return Session(NoWorker(), connection, limits, deadline, clock=NoClock())  # type: ignore[arg-type]


@contextmanager
def notebook(**names: Any) -> Iterator[Session]:
    """A judge's session with the child's own code behind it, in a thread of this process."""
    ours, theirs = socket.socketpair()
    ours_limits = child_limits(LIMITS)
    channel = wire.Channel(
        theirs, receives="request", frame_bytes=1 << 20, array_bytes=LIMITS.array_bytes
    )
    process = child.NotebookProcess(SimpleNamespace(user_ns=names), channel, ours_limits)

    def serve() -> None:
        try:
            while True:
                process.serve_one(20.0)
        except wire.ChannelClosedError:
            return

    thread = threading.Thread(target=serve)
    thread.start()
    with theirs, ours:
        try:
            yield session_over(ours, LIMITS, 20)
        finally:
            ours.shutdown(socket.SHUT_RDWR)
            thread.join()
