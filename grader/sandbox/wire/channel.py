"""Frames over a socket, with a deadline and a limit on everything that is read.

Both sides run this file; in the child it is executed from source, beside `protocol`.
"""

import mmap
import select
import socket
import time
from collections.abc import Sequence
from typing import Any

from .protocol import (
    LENGTH,
    ProtocolViolationError,
    Reply,
    Request,
    dump,
    load,
)
from .values import MAX_BUFFERS

CHUNK = 1 << 16
# Larger buffers get pages of their own, which the kernel provides only as bytes arrive: memory
# grows with what was sent, not with what was announced.
LAZY = 1 << 18
SOCKET_BYTES = 1 << 22
FOREVER = 1e9


class ChannelClosedError(Exception):
    """The other side is gone."""


class Channel:
    """One side of the conversation about one submission.

    `receives` is "request" in a child and "reply" in the judge. `frame_bytes` bounds one body and
    `array_bytes` all buffers of one frame together.
    """

    def __init__(
        self, connection: socket.socket, *, receives: str, frame_bytes: int, array_bytes: int
    ) -> None:
        self._connection = connection
        self._receives = receives
        self._frame_bytes = frame_bytes
        self._array_bytes = array_bytes
        self._early = bytearray()  # received, but not asked for yet
        self._timeout = -1.0
        self._arrivals = select.poll()
        self._arrivals.register(connection, select.POLLIN)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)

    def send(
        self, message: Request | Reply, buffers: Sequence[memoryview] = (), seconds: float = FOREVER
    ) -> None:
        """Send one frame; TimeoutError or ChannelClosedError where the other side does not read."""
        deadline = time.monotonic() + seconds
        parts: list[bytes | memoryview] = [dump(message), *buffers]
        for part in parts:
            self._wait_until(deadline)
            try:
                self._connection.sendall(part)
            except TimeoutError:
                raise
            except OSError as problem:
                raise ChannelClosedError(str(problem)) from None

    def speaks_unasked(self) -> bool:
        """Tell whether there is something to read, where nothing was asked."""
        if self._early:
            return True
        if not self._arrivals.poll(0):
            return False
        try:
            return bool(self._connection.recv(1, socket.MSG_PEEK))
        except OSError:  # an end, which the next request will find
            return False

    def receive(self, seconds: float = FOREVER) -> tuple[Any, list[memoryview]]:
        """Return the next frame and its buffers, within `seconds`."""
        deadline = time.monotonic() + seconds
        length = int.from_bytes(self._take(LENGTH, deadline), "little")
        if length > self._frame_bytes:
            raise ProtocolViolationError(f"a frame of {length:,} bytes; the limit is smaller")
        message = load(self._take(length, deadline), self._receives)
        sizes: list[int] = getattr(message, "buffers", [])
        if len(sizes) > MAX_BUFFERS or min(sizes, default=0) < 0:
            raise ProtocolViolationError("a frame with too many buffers, or with a negative one")
        if sum(sizes) > self._array_bytes:
            raise ProtocolViolationError("a frame with larger buffers than the limit")
        return message, [self._take(size, deadline) for size in sizes]

    def _take(self, count: int, deadline: float) -> memoryview:
        """Return exactly the next bytes, from what came early and then from the socket."""
        if count >= LAZY:
            return self._take_large(count, deadline)
        while len(self._early) < count:
            self._wait_until(deadline)
            self._early += self._received(self._connection.recv, CHUNK)
        taken = self._early[:count]
        del self._early[:count]
        return memoryview(taken)

    def _take_large(self, count: int, deadline: float) -> memoryview:
        target = memoryview(mmap.mmap(-1, count))
        filled = min(count, len(self._early))
        target[:filled] = self._early[:filled]
        del self._early[:filled]
        while filled < count:
            self._wait_until(deadline)
            filled += self._received(self._connection.recv_into, target[filled:])
        return target

    @staticmethod
    def _received(receive: Any, what: Any) -> Any:
        try:
            got = receive(what)
        except TimeoutError:
            raise
        except OSError as problem:
            raise ChannelClosedError(str(problem)) from None
        if not got:
            raise ChannelClosedError("the connection was closed")
        return got

    def _wait_until(self, deadline: float) -> None:
        """Let the next operation on the socket wait that long, give or take a twentieth."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        # Each change is a system call, and most calls are over in less than a millisecond.
        if not left * 0.95 <= self._timeout <= left * 1.05:
            self._connection.settimeout(left)
            self._timeout = left

    def close(self) -> None:
        self._connection.close()
