"""The judge's side of one submission: run its cells, look up its names, call its functions."""

import contextlib
import math
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Self

import msgspec
import numpy as np

from grader.errors import CannotJudgeError, GraderError
from grader.model import Limits, Status

from . import replaced
from .bench import Bench
from .failures import (
    CannotCrossError,
    ChildEnded,
    MissingNameError,
    StudentError,
    TransferError,
    student_error,
)
from .handover import Changes, Handover, Place
from .inside.files import MOST_FILES
from .live import LiveCase, too_late
from .patience import WALL, Patience, ProcessorClock
from .printing import imports_datascience, printing
from .proxies import StudentFunction, StudentObject
from .raised import ErrorClasses
from .seeds import Seeds
from .wire.channel import Channel, ChannelClosedError
from .wire.decoding import Decoder, DeviceRefusedError
from .wire.encoding import Encoder
from .wire.kinds import MissingLibraryError
from .wire.protocol import (
    Answer,
    Array,
    Asked,
    Bound,
    Call,
    Callback,
    Case,
    CellDone,
    Compiled,
    Failure,
    Fault,
    Get,
    ListFiles,
    Missing,
    Named,
    Next,
    Opaque,
    Prepared,
    ProtocolViolationError,
    Raised,
    ReadFile,
    Record,
    Recorded,
    Request,
    Returned,
    RunCell,
    Seed,
    Threw,
    Unchanged,
    WriteFile,
)
from .wire.values import ValueRefusedError

if TYPE_CHECKING:
    from .worker import ChildEnd, Worker

MAX_FAULT = 500
_NO_BUFFERS: list[memoryview] = []
LONGEST_NAME = 255
NOT_HELD = object()
SOON = 5.0  # seconds, for a message that wants no answer
KEPT_OBJECTS = 10_000  # of earlier cases, before the child forgets them
RUNS_NOTHING = (
    Get,
    Bound,
    ListFiles,
    ReadFile,
    WriteFile,
)  # requests by which nothing changes there
KEPT = 2  # times the limit of one call's arrays that calls of one case may change


@dataclass(frozen=True, slots=True)
class CellResult:
    """What running a cell came to; `checked` are the questions that it checked, by its lines."""

    failure: Failure | None
    output: str
    discarded: int
    seconds: float
    checked: tuple[tuple[str, int], ...] = ()


class ToRun(NamedTuple):
    """A cell to be run: what the student counts it as, and whether it is the last one's rest."""

    source: str
    number: int
    continues: bool = False


class Session:
    """One child that holds one student's notebook, with every limit of time that applies to it.

    deadline: when the submission must have ended, by the monotonic clock. processor: how many
    seconds of processor time the submission has left.
    """

    def __init__(
        self,
        worker: "Worker",
        connection: socket.socket,
        limits: Limits,
        deadline: float,
        *,
        clock: ProcessorClock,
        processor: float = math.inf,
    ) -> None:
        self._worker = worker
        self._limits = limits
        self._deadline = deadline
        self._clock = clock
        self._processor = processor
        self._processor_taken = 0.0  # of it, by a child that has ended
        self._channel = Channel(
            connection,
            receives="reply",
            frame_bytes=limits.frame_bytes,
            array_bytes=limits.array_bytes,
        )
        self._request = 0
        self._bench: Bench | None = None
        self._bench_taken = 0.0  # of processor time, by a bench that is cleared
        self._output_left = limits.output_bytes
        self._changes: Changes | None = None
        self._imports_datascience = False
        self._errors = ErrorClasses()
        self._highest = self._forgotten = 0  # numbers of objects of the child's
        self._functions = 0  # of tests that the child was given
        self.live: LiveCase | None = None
        self._seeds: Seeds | None = None
        self._before: replaced.State = {}
        self._has_run = False  # student code, since `on_return` was last called
        self.on_return: Callable[[], None] | None = None  # of a case: a call has come back
        self.first: Callable[[], None] | None = None  # done before each of these requests
        self.then: Callable[[], None] | None = None  # and after it
        self.folder_of_test = ""  # where the test works, whose files are in the child's folder too
        self.asked = 0  # requests after which a name may stand for something else
        self.ended: ChildEnded | None = None

    @contextmanager
    def case(
        self,
        applied: frozenset[Place] | None = None,
        seeds: Seeds | None = None,
        *,
        asks: bool = False,
    ) -> Iterator[Changes]:
        """Undo in the end what calls change of the test's objects meanwhile; see `Changes`.

        seeds: the random numbers that the case shares with the child.
        asks: whether the case may do more with the student's objects than call them.
        """
        self._before = replaced.state()
        changes = self._changes = Changes(KEPT * self._limits.array_bytes, applied)
        self._seeds = seeds
        if asks:
            self._begin(changes)
        try:
            with printing(as_datascience=self._imports_datascience):
                yield changes
        finally:
            self._changes = self._seeds = self.on_return = None
            if self.live is not None:
                self._highest = max(self._highest, self.live.highest + 1)
                self._functions = self.live.next_function
                self.live.is_over, self.live = True, None
            changes.undo()

    def _begin(self, changes: Changes) -> None:
        """Tell the child that a case begins; it forgets the objects of those before the last."""
        self.live = LiveCase(self, changes, self._errors, self._functions)
        if self._highest - self._forgotten > KEPT_OBJECTS:
            self._forgotten = self._highest
        if self.ended is None:
            self._request += 1
            with contextlib.suppress(ChannelClosedError, TimeoutError):  # which the next one finds
                self._channel.send(Case(self._request, self._forgotten), [], SOON)

    def refuse(self, sentence: str) -> NoReturn:
        """Note that the case has asked for what cannot be asked of the child; CannotCrossError."""
        if self._changes is not None and sentence not in self._changes.refusals:
            self._changes.refusals.append(sentence[:MAX_FAULT])
        raise CannotCrossError(sentence)

    def _share_seeds(self, seeds: Seeds) -> None:
        """Give the child the states of random numbers, if a test has made others of them."""
        now = seeds.changed()
        if now is None:
            return
        states = msgspec.structs.replace(now, request=self._request)
        reply, buffers = self._ask(states, [], self._limits.call_seconds, "seeding")
        self._result(reply, buffers)

    def bound(self) -> frozenset[str]:
        """Return the names that the notebook has bound, as its process says."""
        self._request += 1
        reply, buffers = self._ask(
            Bound(self._request), [], self._limits.call_seconds, "listing names"
        )
        names = self._result(reply, buffers)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            self._broken("names were not a list of texts")
        return frozenset(names)

    def run_cell(self, source: str, number: int, *, continues: bool = False) -> CellResult:
        """Run one cell; its exception is part of the result, its death a ChildEnded.

        continues: whether it is the rest of the cell that ran last.
        """
        return next(self.run_cells([ToRun(source, number, continues)]))

    def run_cells(self, cells: Sequence[ToRun]) -> Iterator[CellResult]:
        """Run cells, and yield what each came to.

        They are sent together, so that the child waits for nobody between two of them; each has
        its own limits, and where one ends the child, ChildEnded comes in its turn.
        """
        seconds = self._limits.cell_seconds
        due = [
            RunCell(request, one.number, _text(one.source), one.continues)
            for request, one in enumerate(cells, self._request + 1)
        ]
        self._request += len(due)
        for place, message in enumerate(due):
            self._imports_datascience |= imports_datascience(message.source)
            self._prepare(message)
            said = [] if place else [(one, _NO_BUFFERS) for one in due]
            reply, _ = self._converse(said, message.request, seconds, f"cell {message.number}")
            if message is due[-1]:
                self._follow(message)
            yield self._cell_result(reply)

    def _cell_result(self, reply: Any) -> CellResult:
        if not isinstance(reply, CellDone):
            self._broken("a cell was answered with something else")
        # The child keeps to these limits by itself, unless it is not ours any more.
        output = reply.output[: min(self._limits.cell_output_bytes, self._output_left)]
        self._output_left -= len(output)
        discarded = max(0, reply.discarded) + len(reply.output) - len(output)
        checked = tuple(reply.checked)
        return CellResult(reply.failure, output, discarded, reply.seconds, checked)

    def value(self, name: str, *, held: Any = NOT_HELD, watch: bool = False) -> Any:
        """Return what a name stands for, by value; MissingNameError where it is not defined.

        watch: have the child remember what it was. held: what was found while it was watched, and
        is the answer where the child says that it is still that.
        """
        self._request += 1
        again = held is not NOT_HELD
        message = Get(self._request, name, watch, again)
        reply, buffers = self._ask(message, [], self._limits.call_seconds, f"looking up {name}")
        if isinstance(reply, Missing):
            raise MissingNameError(name)
        if isinstance(reply, Unchanged) and again:
            return held
        found = self._result(reply, buffers)
        if self.live is not None:
            return self.live.called(found, name)
        if isinstance(found, StudentObject):
            found._label = name  # noqa: SLF001
        return found

    def call(
        self,
        key: int,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        operation: str = "call",
        label: str = "",
    ) -> Any:
        """Call an object of the child's; arguments that it wrote to are written to here as well.

        operation: what else is done with the object. label: by which the test has it.
        TransferError where an argument or the answer cannot be handed over.
        """
        if self.live is not None and self._changes is not None:
            self._changes.replaced.update(replaced.since(self._before))
        if self.folder_of_test:
            args = tuple(map(self._as_there, args))
            kwargs = {name: self._as_there(value) for name, value in kwargs.items()}
        message, encoder = self._with_arguments(Call, key, args, kwargs)
        if isinstance(message, Call):
            message.operation = operation
        seconds = self._limits.call_seconds
        reply, buffers = self._ask(message, encoder.buffers, seconds, "one call")
        return self._result(reply, buffers, Handover(encoder, label))

    def _as_there(self, value: Any) -> Any:
        """Return a path into the test's folder as it leads to the same file in the child's.

        Any other that the test has made on this machine is no path there, which is noted.
        """
        if not isinstance(value, str | Path):
            return value
        path = Path(value)
        if path.is_relative_to(self.folder_of_test):
            return type(value)(path.relative_to(self.folder_of_test))
        if _is_temporary(path, self.folder_of_test):
            self.refuse(
                f"The test hands over the path {value}, which is not in the student's process; "
                "have it write the file beside itself"
            )
        return value

    def _with_arguments(
        self,
        kind: type[Call] | type[Record],
        key: int,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> tuple[Call | Record, Encoder]:
        encoder = self.encoder()
        self._request += 1
        try:
            message = kind(
                self._request,
                key,
                [encoder.encode(value) for value in args],
                {name: encoder.encode(value) for name, value in kwargs.items()},
                [],
            )
            encoder.seal()
        except ValueRefusedError as problem:
            if self.live is not None:
                self.refuse(f"An argument cannot be handed to the student's process: {problem}")
            raise
        except Exception as problem:
            self._note(f"An argument cannot be handed to the student's process: {problem}")
            raise _not_handed_over("The arguments", problem) from problem
        message.buffers.extend(buffer.nbytes for buffer in encoder.buffers)
        return message, encoder

    def encoder(self) -> Encoder:
        """Return what turns the values of one message into nodes and buffers."""
        return Encoder(
            array_bytes=self._limits.array_bytes,
            nesting=self._limits.nesting,
            keep=_refuse_argument if self.live is None else self.live.node_of,
            as_arguments=True,
        )

    def record(
        self, key: int, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Recorded, list[memoryview]]:
        """Have an object of the child's called and said what the call does: nothing to believe."""
        message, encoder = self._with_arguments(Record, key, args, kwargs)
        seconds = self._limits.call_seconds
        reply, buffers = self._ask(message, encoder.buffers, seconds, "one call")
        if not isinstance(reply, Recorded):
            self._result(reply, buffers)  # which raises what it says
            self._broken("a request to record was answered with something else")
        return reply, buffers

    def bench(self) -> Bench:
        """Return the child that runs what was recorded here, and has run no cell.

        CannotJudgeError where there is none, which is no fault of a student's.
        """
        if self._bench is None:
            try:
                left = self._processor - self.processor_seconds()
                self._bench = self._worker.bench(
                    self._limits, deadline=self._deadline, processor=left
                )
            except GraderError as problem:
                raise CannotJudgeError(f"Kernels cannot be run by themselves: {problem}") from None
        return self._bench

    def lose_with(self, end: ChildEnded) -> NoReturn:
        """End this child as well, where the one on its bench has ended."""
        self.close()
        self.ended = end
        raise end

    def ask(self, kind: type[Request], what: str, *fields: Any, encoder: Encoder) -> Any:
        """Put a request to a child that runs no cell, and return its answer, decoded.

        fields: the message's, but for its number. TransferError, StudentError and ChildEnded as
        for a call.
        """
        self._request += 1
        encoder.seal()
        message = kind(self._request, *fields)
        sizes = getattr(message, "buffers", [])
        sizes.extend(buffer.nbytes for buffer in encoder.buffers)
        reply, buffers = self._ask(message, encoder.buffers, self._limits.call_seconds, what)
        if isinstance(reply, Prepared | Compiled):
            return reply
        return self._result(reply, buffers)

    def files(self) -> dict[str, tuple[int, int]]:
        """Return the files of the child's folder: each with its bytes and when it changed, in ns.

        A child may claim any; the names lead nowhere out of a folder.
        """
        found = self.ask(ListFiles, "listing files", encoder=self.encoder())
        if not isinstance(found, list) or len(found) > MOST_FILES:
            self._broken("files were not a list")
        listed = {}
        for item in found:
            match item:
                case (str() as name, int() as size, int() as moment) if is_inside(name):
                    listed[name] = size, moment
                case _:
                    self._broken("a file's name leads out of the folder")
        return listed

    def file(self, name: str) -> bytes:
        """Return what a file of the child's folder holds; StudentError where it cannot be read."""
        found = self.ask(ReadFile, "reading a file", name, encoder=self.encoder())
        if not isinstance(found, np.ndarray) or found.dtype != np.uint8:
            self._broken("a file was not an array of bytes")
        return found.tobytes()

    def write_file(self, name: str, content: bytes | None) -> None:
        """Give a file of the child's folder what a test has written to its own; None removes it.

        A name that ends in "/" is a folder's.

        StudentError where the child cannot, as where its code has closed the folder to itself.
        """
        encoder = self.encoder()
        node = encoder.encode(None if content is None else np.frombuffer(content, np.uint8))
        self.ask(WriteFile, "writing a file", name, node, [], encoder=encoder)

    def tensors(self, nodes: list[Array], buffers: list[memoryview]) -> list[Any]:
        """Return arrays that a child sent; one that contradicts itself ends the child."""
        decoder = self._decoder(buffers)
        try:
            return [decoder.array(node) for node in nodes]
        except DeviceRefusedError as problem:
            raise _not_handed_over("The answer", problem) from problem
        except ProtocolViolationError as problem:
            self._broken(str(problem))

    def take(self, key: int, count: int) -> list[Any]:
        """Return up to `count` further items of an iterable that stayed with the child."""
        self._request += 1
        message = Next(self._request, key, count)
        reply, buffers = self._ask(message, [], self._limits.call_seconds, "taking an item")
        items = self._result(reply, buffers)
        if not isinstance(items, list) or len(items) > count:
            self._broken("items were not a list")
        return items

    def _ask(
        self, message: Any, buffers: list[memoryview], seconds: float, what: str
    ) -> tuple[Any, list[memoryview]]:
        self._prepare(message)
        found = self._converse([(message, buffers)], message.request, seconds, what)
        self._follow(message)
        return found

    def _prepare(self, message: Request) -> None:
        """See to what goes before a request; ChildEnded where there is nobody to ask."""
        if self.ended is not None:
            raise self.ended
        if not isinstance(message, RUNS_NOTHING):
            if self.first is not None and not isinstance(message, Seed):
                number = self._request  # of the message, which has one already
                self.first()
                self._request = number
            if self._seeds is not None and not isinstance(message, Seed):
                self._share_seeds(self._seeds)
            self.asked += 1
            self._has_run = not isinstance(message, Seed)

    def _converse(
        self,
        said: Sequence[tuple[Request, list[memoryview]]],
        number: int,
        seconds: float,
        what: str,
    ) -> tuple[Any, list[memoryview]]:
        """Send some requests, and return the reply to the one of a number.

        seconds: how long it may take to come. Without a request, the reply to one that was sent
        with an earlier one is waited for.
        """
        left = self._processor - self._clock.seconds()
        by_clock = self._deadline - time.monotonic()
        patience = Patience(self._clock, min(seconds, left), min(WALL * seconds, by_clock))
        try:
            reply, received = self._exchange(said, number, patience)
            while isinstance(reply, Asked):
                began = time.monotonic()
                answer, out = self._answer(reply, received)
                patience.pause(time.monotonic() - began, self._deadline)
                reply, received = self._exchange([(answer, out)], answer.request, patience)
        except TimeoutError:
            out_of_all = (left if patience.ran_out == "processor" else by_clock / WALL) < seconds
            whole = "the notebook" if out_of_all else what
            limit = self._limits.submission_seconds if out_of_all else seconds
            self._end(Status.TIMEOUT, took_too_long(whole, limit))
        return reply, received

    def _exchange(
        self,
        said: Sequence[tuple[Request, list[memoryview]]],
        number: int,
        patience: Patience,
    ) -> tuple[Any, list[memoryview]]:
        """Send messages and return what comes back to the one of a number.

        Without a message it was sent before. TimeoutError where that takes too long.
        """
        try:
            if said and self._channel.speaks_unasked():
                raise ProtocolViolationError("it spoke before it was asked")
            for message, buffers in said:
                self._channel.send(message, buffers, patience)
            reply, received = self._channel.receive(patience)
        except TimeoutError:
            raise
        except ChannelClosedError:
            self._end(Status.KILLED, None)
        except ProtocolViolationError as problem:
            self._broken(str(problem))
        except (MemoryError, OSError):  # what is left of the frame would seem to be the next one
            self._end(Status.KILLED, "the answer takes more memory than the judge has for it")
        if reply.request != number:
            self._broken("a reply to another request")
        return reply, received

    def _answer(
        self, asked: Asked, buffers: list[memoryview]
    ) -> tuple[Returned | Threw, list[memoryview]]:
        """Call a function of the test's, which a student's function has called."""
        live = self.live
        if live is None:
            return too_late(asked), []
        self._print(asked.output)
        decoder = self._decoder(buffers)
        try:
            args = [decoder.decode(node) for node in asked.arguments]
            kwargs = {name: decoder.decode(node) for name, node in asked.keywords.items()}
            came = live.run(asked, args, kwargs)
        except ProtocolViolationError as problem:
            self._broken(str(problem))
        except CannotCrossError as problem:
            return live.threw(asked, problem), []
        if isinstance(came, Threw):
            return came, []
        encoder = self.encoder()
        try:
            message = Returned(asked.request, encoder.encode(came), [])
            encoder.seal()
        except Exception as problem:  # noqa: BLE001 - the refusal is noted
            self._note(f"what a function of the test gave cannot travel: {problem}")
            return live.threw(asked, CannotCrossError()), []
        message.buffers.extend(buffer.nbytes for buffer in encoder.buffers)
        return message, encoder.buffers

    def _note(self, sentence: str) -> None:
        """Note of a case that asks for more than calls that something could not cross."""
        if self.live is not None and self._changes is not None:
            self._changes.refusals.append(sentence[:MAX_FAULT])

    def _follow(self, message: Any) -> None:
        """Do what is to be done after each request by which something may have changed."""
        if self.then is not None and not isinstance(message, RUNS_NOTHING):
            self.then()

    def _result(
        self, reply: Any, buffers: list[memoryview], handover: Handover | None = None
    ) -> Any:
        if isinstance(reply, Answer | Raised) and reply.output:
            self._print(reply.output)
        if isinstance(reply, Raised):
            self._come_back()
            self._raise(reply)
        if isinstance(reply, Fault):
            self._note(reply.what)
            raise TransferError(reply.what[:MAX_FAULT])
        if not isinstance(reply, Answer):
            self._broken("a call was answered with something else")
        try:
            value = self._taken(reply, buffers, handover or Handover(_nothing()))
        except (StudentError, CannotCrossError):
            raise
        except (DeviceRefusedError, MissingLibraryError) as problem:
            self._note(str(problem))
            raise _not_handed_over("The answer", problem) from problem
        except ProtocolViolationError as problem:
            self._broken(str(problem))
        except Exception as problem:  # noqa: BLE001 - a value that a library refuses to build
            self._broken(f"a value that cannot be built ({type(problem).__name__})")
        self._come_back()
        return value

    def _come_back(self) -> None:
        """Tell a case that asks for it that student code has run, and may have changed values."""
        if self._has_run and self.on_return is not None:
            self._has_run = False
            self.on_return()

    def _raise(self, reply: Raised) -> NoReturn:
        """Raise what student code raised."""
        if reply.failure.type_name == "ValueRefusedError":
            self._note(f"an answer cannot be handed to the test: {reply.failure.message}")
        elif self.live is not None:
            try:
                error = self.live.error(reply)
            except ProtocolViolationError as problem:
                self._broken(str(problem))
            if error is not None:
                raise error
        raise student_error(reply.failure)

    def _print(self, output: str) -> None:
        """Print in a test what its call printed; the child keeps to these limits if it is ours."""
        kept = output[: min(self._limits.cell_output_bytes, self._output_left)]
        self._output_left -= len(kept)
        if self._changes is not None:  # a case, whose output is caught
            sys.stdout.write(kept)

    def _taken(self, reply: Answer, buffers: list[memoryview], handover: Handover) -> Any:
        """Return an answer's value, once what the call changed of its arguments is changed here."""
        changes = self._changes or Changes(KEPT * self._limits.array_bytes)
        handover.take_changes(reply.changed, buffers, changes)
        decoder = Decoder(
            buffers,
            array_bytes=self._limits.array_bytes,
            nesting=self._limits.nesting,
            opaque=self._stand_in,
            arguments=handover.owners(),
            containers=handover.containers,
            devices=self._worker.devices,
            total_bytes=self._limits.array_bytes,
        )
        handover.take_contents(reply, decoder, changes)
        value = decoder.decode(reply.value)
        handover.keep_shared(decoder, changes)
        return value

    def _decoder(self, buffers: list[memoryview]) -> Decoder:
        return Decoder(
            buffers,
            array_bytes=self._limits.array_bytes,
            nesting=self._limits.nesting,
            opaque=self._stand_in,
            devices=self._worker.devices,
            total_bytes=self._limits.array_bytes,
        )

    def _stand_in(self, node: Opaque | Named | Callback) -> Any:
        if self.live is not None:
            return self.live.stand_in(node)
        if not isinstance(node, Opaque):
            raise ProtocolViolationError("a function of the judge's, which was not passed")
        kind = StudentFunction if node.is_callable else StudentObject
        return kind(self, node)

    def break_off(self, reason: str) -> NoReturn:
        """End the child for what it does to the judge; ChildEnded."""
        self._end(Status.KILLED, reason)

    def _broken(self, what: str) -> NoReturn:
        self._end(Status.KILLED, f"the notebook's process broke the protocol: {what}")

    def _end(self, status: Status, reason: str | None) -> NoReturn:
        """End the child, remember why, and raise it; what the worker saw decides where unsure."""
        seen = self._end_child()
        self._clear_bench()
        if reason is None or seen.exceeded is not None:
            status, reason = seen.status, seen.describe(self._limits)
        self.ended = ChildEnded(status, reason)
        raise self.ended

    def processor_seconds(self) -> float:
        """Return the processor time that the child has taken, with all that it started."""
        own = self._processor_taken if self.ended is not None else self._clock.look()
        on_the_bench = self._bench.processor_seconds() if self._bench is not None else 0.0
        return own + on_the_bench + self._bench_taken

    def _end_child(self) -> "ChildEnd":
        looked = self._clock.look()
        seen = self._worker.end_child()
        self._processor_taken = max(looked, seen.processor_seconds)
        return seen

    def _clear_bench(self) -> None:
        if self._bench is not None:
            self._bench.close()
            self._bench_taken += self._bench.processor_seconds()
            self._bench = None

    def close(self) -> None:
        """End the child, if it is still there."""
        self._clear_bench()
        if self.ended is None:
            self._end_child()
            self.ended = ChildEnded(Status.KILLED, "the session was closed")
        self._channel.close()

    def abandon(self) -> None:
        """Let go of a child whose worker is about to end with it."""
        if self.ended is None:
            self.ended = ChildEnded(Status.KILLED, "the worker was closed")
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def _is_temporary(path: Path, folder: str) -> bool:
    """Say whether a path leads to something that lies where a test's folder was made."""
    root = Path(folder).parents[1]
    try:
        is_there = path.is_absolute() and path.exists()
        return is_there and path.resolve().is_relative_to(root)
    except (OSError, ValueError, RuntimeError):
        return False


def is_inside(name: str) -> bool:
    """Say whether a name is one of a file in a folder or below, on any system."""
    parts = name.split("/")
    return (
        len(name) <= LONGEST_NAME
        and name.isprintable()
        and not {"\\", ":"} & {*name}
        and all(part.strip(". ") for part in parts)
    )


def took_too_long(what: str, seconds: float) -> str:
    """Say what a request could have had.

    Not which of the two limits it reached first: what else the machine did decides that.
    """
    return (
        f"{what} took longer than {seconds:g} s of processor time, or {WALL * seconds:g} s by the "
        "clock"
    )


def _opaque_key(value: Any) -> Opaque | None:
    if isinstance(value, StudentObject):
        return Opaque(value._key, value._type_name, isinstance(value, StudentFunction))  # noqa: SLF001
    return None


def _text(source: str) -> str:
    """Return a cell's source without halves of characters, which cannot be sent."""
    return source.encode("utf-8", "replace").decode("utf-8")


def _refuse_argument(value: Any) -> Opaque:
    back = _opaque_key(value)
    if back is not None:
        return back
    raise ValueRefusedError(
        f"a test passed an argument of type {type(value).__name__}, which cannot travel"
    )


def _not_handed_over(what: str, problem: Exception) -> TransferError:
    reason = f"{type(problem).__name__}: {problem}"
    return TransferError(f"{what} could not be handed over ({reason[:MAX_FAULT]}).")


def _nothing() -> Encoder:
    return Encoder(array_bytes=0, nesting=0, keep=_refuse_argument)
