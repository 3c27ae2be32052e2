"""The exchange of frames with one child: its limits of time, its order, and the end of the child.

Requests have numbers, and a reply is awaited by that of its request. What is in a frame is of no
concern here, but for a call of a function of the test's, which is passed on.
"""

import contextlib
import socket
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from grader.model import Limits, Status

from .endings import CLOSED, EndedBy
from .failures import ChildEnded
from .patience import WALL, Patience, ProcessorClock, took_too_long
from .wire.channel import Channel, ChannelClosedError
from .wire.nodes import ProtocolViolationError
from .wire.protocol import Asked, Case, Request, Returned, Threw

if TYPE_CHECKING:
    from .bench import BenchBeside
    from .worker import ChildEnd, Worker

SOON = 5.0  # seconds, for a message that wants no answer

Buffers = list[memoryview]
# What is said to a function of the test's that the child has called.
Answering = Callable[[Asked, Buffers], tuple[Returned | Threw, Buffers]]


class Conversation:
    """What the judge and one child say to each other, until the child ends.

    deadline: when the submission must have ended, by the monotonic clock. processor: how many
    seconds of processor time the submission has left. answering: what answers a child that calls
    a function of the test's. bench: the child beside this one, which ends with it.
    """

    def __init__(
        self,
        worker: "Worker",
        connection: socket.socket,
        limits: Limits,
        deadline: float,
        *,
        clock: ProcessorClock,
        answering: Answering,
        bench: "BenchBeside",
        processor: float,
    ) -> None:
        self._worker = worker
        self._limits = limits
        self._deadline = deadline
        self._clock = clock
        self._answering = answering
        self._bench = bench
        self._processor = processor
        self._processor_taken = 0.0  # of it, by a child that has ended
        self._channel = Channel(
            connection,
            receives="reply",
            frame_bytes=limits.frame_bytes,
            array_bytes=limits.array_bytes,
        )
        self.number = 0  # of the last request
        self.ended: ChildEnded | None = None

    def begin_case(self, forgotten: int) -> None:
        """Tell the child that a case begins, and below which number it may forget its objects."""
        if self.ended is None:
            self.number += 1
            with contextlib.suppress(ChannelClosedError, TimeoutError):  # which the next one finds
                self._channel.send(Case(self.number, forgotten), [], SOON)

    def converse(
        self,
        said: Sequence[tuple[Request, Buffers]],
        number: int,
        seconds: float,
        what: str,
    ) -> tuple[Any, Buffers]:
        """Send some requests, and return the reply to the one of a number.

        seconds: how long it may take to come. Without a request, the reply to one that was sent
        with an earlier one is waited for.
        """
        before = self._clock.seconds()
        left = self._processor - before
        by_clock = self._deadline - time.monotonic()
        patience = Patience(
            self._clock, min(seconds, left), min(WALL * seconds, by_clock), before=before
        )
        try:
            reply, received = self._exchange(said, number, patience)
            while isinstance(reply, Asked):
                began = time.monotonic()
                answer, out = self._answering(reply, received)
                patience.pause(time.monotonic() - began, self._deadline)
                reply, received = self._exchange([(answer, out)], answer.request, patience)
        except TimeoutError:
            by_processor = patience.ended_by is EndedBy.PROCESSOR
            out_of_all = (left if by_processor else by_clock / WALL) < seconds
            whole = "the notebook" if out_of_all else what
            limit = self._limits.submission_seconds if out_of_all else seconds
            self.end(Status.TIMEOUT, took_too_long(whole, limit), patience.ended_by)
        return reply, received

    def _exchange(
        self,
        said: Sequence[tuple[Request, Buffers]],
        number: int,
        patience: Patience,
    ) -> tuple[Any, Buffers]:
        """Send messages and return what comes back to the one of a number.

        Without a message it was sent before. TimeoutError where that takes too long.
        """
        try:
            if said and self._channel.speaks_unasked():
                raise ProtocolViolationError("it spoke before it was asked")
            self._channel.send_together(said, patience)
            reply, received = self._channel.receive(patience)
        except TimeoutError:
            raise
        except ChannelClosedError:
            self.end(Status.KILLED, None if self._clock.has_ended() else CLOSED)
        except ProtocolViolationError as problem:
            self.broken(str(problem))
        except (MemoryError, OSError):  # what is left of the frame would seem to be the next one
            self.end(Status.KILLED, "the answer takes more memory than the judge has for it")
        if reply.request != number:
            self.broken("a reply to another request")
        return reply, received

    def broken(self, what: str) -> NoReturn:
        """End a child that has broken the protocol; ChildEnded."""
        self.end(Status.KILLED, f"the notebook's process broke the protocol: {what}")

    def end(self, status: Status, reason: str | None, by: EndedBy = EndedBy.ITSELF) -> NoReturn:
        """End the child, remember why, and raise it; what the worker saw decides where unsure."""
        seen = self._end_child()
        self._bench.clear()
        if reason is None or seen.exceeded is not None:
            status, reason, by = seen.status, seen.describe(self._limits), seen.by
        self.ended = ChildEnded(status, reason, by)
        raise self.ended

    def processor_seconds(self) -> float:
        """Return the processor time that the child has taken, with all that it started."""
        own = self._processor_taken if self.ended is not None else self._clock.look()
        return own + self._bench.processor_seconds()

    def processor_left(self) -> float:
        """Return the processor time that the submission has left."""
        return self._processor - self.processor_seconds()

    def _end_child(self) -> "ChildEnd":
        looked = self._clock.look()
        seen = self._worker.end_child()
        self._processor_taken = max(looked, seen.processor_seconds)
        return seen

    def close(self) -> None:
        """End the child, if it is still there."""
        self._bench.clear()
        if self.ended is None:
            self._end_child()
            self.ended = ChildEnded(Status.KILLED, "the session was closed")
        self._channel.close()

    def abandon(self) -> None:
        """Let go of a child whose worker is about to end with it."""
        if self.ended is None:
            self.ended = ChildEnded(Status.KILLED, "the worker was closed")
        self._channel.close()
