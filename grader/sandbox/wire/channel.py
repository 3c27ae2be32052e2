"""Frames over a socket, with a deadline and a limit on everything that is read.

Both sides run this file; in the child it is executed from source, beside `protocol`.
"""

import mmap
import select
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .buffers import MAX_BUFFERS
from .nodes import ProtocolViolationError
from .protocol import LENGTH, Reply, Request, dump, load

CHUNK = 1 << 16
# Larger buffers get pages of their own, which the kernel provides only as bytes arrive: memory
# grows with what was sent, not with what was announced.
LAZY = 1 << 18
MOST_BEFORE_A_MARGIN = 64  # buffers; no kernel takes more, and margins are memory
BEHIND = b"\xff"  # NaN in every float dtype, -1 or the largest integer
SOCKET_BYTES = 1 << 22
FOREVER = 1e9

# Seconds, or what is asked again and again how long to wait now: 0 where time has run out.
Wait = float | Callable[[], float]


class ChannelClosedError(Exception):
    """The other side is gone."""


class Channel:
    """One side of the conversation about one submission.

    `receives` is "request" in a child and "reply" in the judge. `frame_bytes` bounds one body and
    `array_bytes` all buffers of one frame together. `margin` is how many bytes of `BEHIND` follow
    each buffer in memory, where nothing but a kernel's address reaches: what it reads past an array
    is then the same each time.
    """

    def __init__(
        self,
        connection: socket.socket,
        *,
        receives: str,
        frame_bytes: int,
        array_bytes: int,
        margin: int = 0,
    ) -> None:
        self._connection = connection
        self._receives = receives
        self._frame_bytes = frame_bytes
        self._array_bytes = array_bytes
        self._behind = BEHIND * margin
        self._early = bytearray()  # received, but not asked for yet
        self._timeout = -1.0
        self._arrivals = select.poll()
        self._arrivals.register(connection, select.POLLIN)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)

    def send(
        self, message: Request | Reply, buffers: Sequence[memoryview] = (), wait: Wait = FOREVER
    ) -> None:
        """Send one message; TimeoutError or ChannelClosedError where the other side reads none."""
        self.send_frame(dump(message), buffers, wait)

    def send_frame(
        self, frame: bytes, buffers: Sequence[memoryview] = (), wait: Wait = FOREVER
    ) -> None:
        """Send what `dump` made of a message; errors as for `send`."""
        self._send_parts([frame, *buffers], _left(wait))

    def send_together(
        self, said: Iterable[tuple[Request, Sequence[memoryview]]], wait: Wait
    ) -> None:
        """Send messages at once, so that the other side wakes up once; errors as for `send`."""
        parts: list[bytes | memoryview] = []
        for message, buffers in said:
            parts += (dump(message), *buffers)
        self._send_parts(parts, _left(wait))

    def _send_parts(self, parts: list[bytes | memoryview], left: Callable[[], float]) -> None:
        if len(parts) > 1 and sum(map(len, parts)) <= CHUNK:
            parts = [b"".join(parts)]
        for part in parts:
            rest = memoryview(part)
            while rest:
                self._wait_until(left)
                try:
                    rest = rest[self._connection.send(rest) :]
                except TimeoutError:
                    continue
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

    def receive(self, wait: Wait = FOREVER) -> tuple[Any, list[memoryview]]:
        """Return the next frame and its buffers; TimeoutError where they take longer."""
        left = _left(wait)
        length = int.from_bytes(self._take(LENGTH, left), "little")
        if length > self._frame_bytes:
            raise ProtocolViolationError(f"a frame of {length:,} bytes; the limit is smaller")
        message = load(self._take(length, left), self._receives)
        sizes: list[int] = getattr(message, "buffers", [])
        if len(sizes) > MAX_BUFFERS or min(sizes, default=0) < 0:
            raise ProtocolViolationError("a frame with too many buffers, or with a negative one")
        if sum(sizes) > self._array_bytes:
            raise ProtocolViolationError("a frame with larger buffers than the limit")
        behind = self._behind if len(sizes) <= MOST_BEFORE_A_MARGIN else b""
        return message, [self._take(size, left, behind) for size in sizes]

    def _take(self, count: int, left: Callable[[], float], behind: bytes = b"") -> memoryview:
        """Return exactly the next bytes, from what came early and then from the socket.

        behind: what follows them in memory.
        """
        if count >= LAZY:
            return self._take_large(count, left, behind)
        while len(self._early) < count:
            self._wait_until(left)
            self._early += self._received(self._connection.recv, CHUNK, b"")
        taken = self._early[:count]
        del self._early[:count]
        taken += behind
        return memoryview(taken)[:count]

    def _take_large(self, count: int, left: Callable[[], float], behind: bytes) -> memoryview:
        pages = memoryview(_pages(count + len(behind)))
        pages[count:] = behind
        target = pages[:count]
        filled = min(count, len(self._early))
        target[:filled] = self._early[:filled]
        del self._early[:filled]
        while filled < count:
            self._wait_until(left)
            filled += self._received(self._connection.recv_into, target[filled:], 0)
        return target

    @staticmethod
    def _received(receive: Any, what: Any, nothing: Any) -> Any:
        """Return what came; `nothing` where it is time to ask how long to wait."""
        try:
            got = receive(what)
        except TimeoutError:
            return nothing
        except OSError as problem:
            raise ChannelClosedError(str(problem)) from None
        if not got:
            raise ChannelClosedError("the connection was closed")
        return got

    def _wait_until(self, left: Callable[[], float]) -> None:
        """Let the next operation on the socket wait as long, give or take a twentieth."""
        seconds = left()
        if seconds <= 0:
            raise TimeoutError
        # Each change is a system call, and most calls are over in less than a millisecond.
        if not seconds * 0.95 <= self._timeout <= seconds * 1.05:
            self._connection.settimeout(seconds)
            self._timeout = seconds

    def close(self) -> None:
        self._connection.close()


def _pages(count: int) -> mmap.mmap:
    """Return memory of one's own; pages that are shared without a file are refused to a child."""
    if not hasattr(mmap, "MAP_PRIVATE"):  # Windows
        return mmap.mmap(-1, count)
    return mmap.mmap(-1, count, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


def _left(wait: Wait) -> Callable[[], float]:
    if callable(wait):
        return wait
    deadline = time.monotonic() + wait
    return lambda: deadline - time.monotonic()
