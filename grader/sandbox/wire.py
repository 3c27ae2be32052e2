"""Frames over a socket, with a deadline and a limit on everything that is read.

Both sides run this file; in the child it is executed from source, beside `protocol`.
"""

import socket
import time
from collections.abc import Sequence
from typing import Any

from .protocol import LENGTH, ProtocolViolationError, Reply, Request, dump, load
from .values import MAX_BUFFERS

CHUNK = 1 << 20


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

    def send(
        self, message: Request | Reply, buffers: Sequence[memoryview] = (), seconds: float = 60.0
    ) -> None:
        """Send one frame; TimeoutError or ChannelClosedError where the other side does not read."""
        self._connection.settimeout(seconds)
        try:
            self._connection.sendall(dump(message))
            for buffer in buffers:
                self._connection.sendall(buffer)
        except TimeoutError:
            raise
        except OSError as problem:
            raise ChannelClosedError(str(problem)) from None

    def receive(self, seconds: float | None = None) -> tuple[Any, list[bytearray]]:
        """Return the next frame and its buffers, within `seconds` (None waits for ever)."""
        deadline = None if seconds is None else time.monotonic() + seconds
        length = int.from_bytes(self._exactly(LENGTH, deadline), "little")
        if length > self._frame_bytes:
            raise ProtocolViolationError(f"a frame of {length:,} bytes; the limit is smaller")
        message = load(self._exactly(length, deadline), self._receives)
        sizes: list[int] = getattr(message, "buffers", [])
        if len(sizes) > MAX_BUFFERS or min(sizes, default=0) < 0:
            raise ProtocolViolationError("a frame with too many buffers, or with a negative one")
        if sum(sizes) > self._array_bytes:
            raise ProtocolViolationError("a frame with larger buffers than the limit")
        return message, [self._exactly(size, deadline) for size in sizes]

    def _exactly(self, count: int, deadline: float | None) -> bytearray:
        # Memory grows with what arrives, not with what was announced.
        data = bytearray(min(count, CHUNK))
        filled = 0
        while filled < count:
            if filled == len(data):
                data.extend(bytes(min(count - filled, max(len(data), CHUNK))))
            self._set_timeout(deadline)
            try:
                got = self._connection.recv_into(memoryview(data)[filled:])
            except TimeoutError:
                raise
            except OSError as problem:
                raise ChannelClosedError(str(problem)) from None
            if not got:
                raise ChannelClosedError("the connection was closed")
            filled += got
        return data

    def _set_timeout(self, deadline: float | None) -> None:
        if deadline is None:
            self._connection.settimeout(None)
            return
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)

    def close(self) -> None:
        self._connection.close()
