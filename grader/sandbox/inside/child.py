"""The student's side: runs cells in IPython and answers calls by value, until it is told no more.

This file is executed from source in a process that holds nothing secret. Student code shares the
process, so nothing here is trusted by the judge: only the bytes that arrive there count.
"""

import builtins
import contextlib
import hashlib
import io
import itertools
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

from ..wire import plain
from ..wire.channel import FOREVER, Channel, ChannelClosedError
from ..wire.decoding import Decoder
from ..wire.encoding import Encoder
from ..wire.orders import ChildLimits
from ..wire.protocol import (
    DEVICE_LOST,
    LENGTH,
    Answer,
    Asked,
    Bound,
    Call,
    Callback,
    Case,
    CellDone,
    Chain,
    Compile,
    Compiled,
    Contents,
    Failure,
    Fault,
    Get,
    ListFiles,
    Missing,
    Named,
    Next,
    Opaque,
    Prepare,
    Prepared,
    Raised,
    Ran,
    ReadFile,
    Record,
    Recorded,
    Replay,
    Reply,
    Returned,
    RunCell,
    Seed,
    Threw,
    Unchanged,
    Update,
    WriteFile,
    dump,
)
from ..wire.shared import Shared, TooMuchError, check_amount
from ..wire.values import ValueRefusedError, form_of
from . import figures, files, imports, randomness, references, standins
from . import shell as notebook_shell
from .bench import Bench, KernelRefusedError
from .callbacks import GivenFunction, GivenFunctions, GivenObject, error_of, number_of
from .given import Given
from .recording import UnrecordableError, record
from .warned import Warnings

MAX_MESSAGE = 2_000
MAX_ERRORS = 10_000
MAX_FRAMES = 6
FRAME_ROOM = 16_384  # of a cell's answer, for what is not its output
OUTPUT_HEADER = 8  # bytes before the text in an answer
MOST_NAMES = 10_000  # that are listed
REQUEST_BYTES = 64 << 20
KERNELS_REACH = 1 << 16  # bytes past an array that a kernel without its masks may read


Buffers = list[memoryview]


class LimitedOutput(io.TextIOBase):
    """Keeps what a cell or a call printed up to a limit, and counts what it had to discard."""

    def __init__(self, cell_limit: int, total_limit: int) -> None:
        super().__init__()
        self._cell_limit, self._left = cell_limit, total_limit
        self.start()

    def start(self) -> None:
        """Forget what was printed before."""
        self._parts: list[str] = []
        self._room = min(self._cell_limit, self._left)
        self.discarded = 0

    @contextlib.contextmanager
    def of_one_request(self) -> Iterator[None]:
        """Keep what is printed meanwhile apart; the judge may ask while it is answered."""
        before = self._parts, self._room, self.discarded
        self.start()
        try:
            yield
        finally:
            self._parts, self._room, self.discarded = before

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        kept = text[: self._room]
        if kept:
            self._parts.append(kept)
            self._room -= len(kept)
            self._left -= len(kept)
        self.discarded += len(text) - len(kept)
        return len(text)

    def text(self) -> str:
        return "".join(self._parts)


class ErrorOutput(io.TextIOBase):
    """Standard error: beside a cell's output, and no part of what a call printed."""

    def __init__(self, output: LimitedOutput) -> None:
        super().__init__()
        self._output = output
        self.is_kept = False
        self._text = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.is_kept:
            return self._output.write(text)
        self._text += text[: MAX_ERRORS - len(self._text)]
        return len(text)

    def taken(self) -> str:
        """Return what was printed since the last time."""
        text, self._text = self._text, ""
        return text


def describe_failure(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> Failure:
    """Return what a student should see of an exception: their own lines and the last sentence."""
    base = next((c for c in kind.__mro__ if c.__module__ == "builtins"), Exception)
    lines = list(itertools.islice(_student_lines(trace), 50))
    if isinstance(error.__cause__, BaseException):  # a kernel's own lines, from its interpreter
        lines += itertools.islice(_student_lines(error.__cause__.__traceback__), 50)
    lines = lines[:1] + lines[1:][1 - MAX_FRAMES :]  # where it began, and how it ended
    if isinstance(error, SyntaxError):
        lines.append(f"{_place(str(error.filename))}, line {error.lineno}: {error.text or ''}")
    try:
        message = str(error)
    except BaseException:  # noqa: BLE001 - an exception's own __str__ is student code
        message = "(its message could not be read)"
    name = str(getattr(kind, "__name__", "Exception"))[:100]
    return Failure(_clean(name), _clean(str(base.__name__)), _clean(message[:MAX_MESSAGE]),
                   _clean("\n".join(lines)[:MAX_MESSAGE]))  # fmt: skip


def describe_safely(kind: type[BaseException], error: BaseException) -> Failure:
    """Describe an exception whatever its class has made of its own attributes."""
    try:
        return describe_failure(kind, error, error.__traceback__)
    except BaseException:  # noqa: BLE001 - as above, it is student code all the way down
        return Failure("Exception", "Exception", "(it could not be described)", "")


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _place(filename: str) -> str:
    return filename.strip("<>").capitalize()


def _student_lines(trace: TracebackType | None) -> Iterator[str]:
    import linecache

    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename.startswith(("<cell ", "<kernel ")):
            line = linecache.getline(code.co_filename, trace.tb_lineno).strip()
            inside = "" if code.co_name == "<module>" else f", in {code.co_name}"
            yield f"{_place(code.co_filename)}, line {trace.tb_lineno}{inside}: {line}"
        trace = trace.tb_next


class StudentRaisedError(Exception):
    """Carries what student code raised past our own code."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


def _run_theirs(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call into student code, and wait for what it left running on a GPU."""
    try:
        value = function(*args, **kwargs)
    except BaseException as error:  # noqa: BLE001 - also SystemExit and KeyboardInterrupt
        _end_without_a_device()
        raise StudentRaisedError(error) from None
    _end_without_a_device()
    return value


def _end_without_a_device() -> None:
    """End this process where student code has broken its GPU context: nothing else mends it.

    Else the next transfer, of this case or of another question, would seem to be at fault.
    """
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        try:
            torch.cuda.synchronize()
        except Exception:  # noqa: BLE001 - whatever it says, the context is gone
            os._exit(DEVICE_LOST)


class NotebookProcess:
    """One student's notebook: its names, its output, and the objects that stayed here."""

    def __init__(self, shell: Any, channel: Channel, limits: ChildLimits) -> None:
        self._shell = shell
        self._channel = channel
        self._limits = limits
        self._references = references.References()
        self._given = GivenFunctions(self._ask_judge)
        self._shared = Shared()
        self._dropped: list[int] = []  # of them, what the judge has not been told yet
        self._new: dict[int, Any] = {}  # what it will have once the message at hand is sent
        self._thrown: dict[int, BaseException] = {}  # of the judge's, by their numbers
        self._asked_by = 0  # the thread that a request runs in, and the request
        self._request = 0
        self._bench = Bench()
        self._output = LimitedOutput(limits.cell_output_bytes, limits.output_bytes)
        self._errors = ErrorOutput(self._output)
        self._warnings = Warnings(self._references)
        self._watched: dict[str, bytes] = {}  # what a name's value was, in short
        self._told: dict[str, Any] = {}  # functions that the judge knows by these names
        self._folder = os.getcwd()  # noqa: PTH109 - the scratch, wherever cells go later
        self._own_names = dict(shell.user_ns)  # which IPython has put there

    def serve(self) -> None:
        """Answer requests until the judge closes the connection."""
        sys.stdout, sys.stderr = self._output, self._errors
        with contextlib.suppress(ChannelClosedError):
            while True:
                self.serve_one()

    def serve_one(self, seconds: float = FOREVER) -> None:
        """Take one message, and answer it if it wants an answer."""
        message, buffers = self._channel.receive(seconds)
        if isinstance(message, Case):
            self._references.start_case(message.forget)
            self._given.clear()
            self._thrown.clear()
            self._shared, self._dropped = Shared(), []
            return
        self._reply_to(message, buffers)

    def _reply_to(self, message: Any, buffers: list[memoryview]) -> None:
        outer = self._request, self._asked_by
        self._request, self._asked_by = message.request, threading.get_ident()
        frame, out = self._answer(message, buffers)
        self._request, self._asked_by = outer
        self._channel.send_frame(frame, out)

    def _ask_judge(self, number: int, operation: str, args: Any, kwargs: dict[str, Any]) -> Any:
        """Have a function of a test's called, and answer what the judge asks meanwhile."""
        if threading.get_ident() != self._asked_by:
            raise RuntimeError("a function of the test can be called only where its caller runs")
        encoder = self._encoder(None)
        contents = self._changed_contents(encoder)
        asked = Asked(
            self._request,
            number,
            [encoder.encode(value) for value in args],
            {name: encoder.encode(value) for name, value in kwargs.items()},
            [],
        )
        asked.operation = operation
        self._share(asked, encoder, contents, [*args, *kwargs.values()])
        frame = self._with_output(asked, self._frame_of(asked))
        self._sent()
        self._channel.send_frame(frame, encoder.buffers)
        while True:
            message, buffers = self._channel.receive()
            match message:
                case Returned():
                    self._output.start()
                    decoder = self._decoder(buffers, message.first)
                    value = decoder.decode(message.value)
                    self._know(decoder.new)
                    return value
                case Threw():
                    self._output.start()
                    error = error_of(message) if message.key < 0 else self._references[message.key]
                    self._thrown[message.number] = error
                    raise error
            self._reply_to(message, buffers)

    def _answer(self, message: Any, buffers: list[memoryview]) -> tuple[bytes, list[memoryview]]:
        """Return the frame that answers a request, and its buffers."""
        self._carrying = "The request"
        with self._output.of_one_request():
            reply, out = self._answer_silently(message, buffers)
            if self._told and isinstance(reply, Ran):
                reply.rebound = self._rebound()
            self._carrying = "The answer"
            try:
                frame = self._frame_of(reply)
                if isinstance(reply, Answer | Raised) and reply.first:
                    self._sent()
            except Exception as error:  # noqa: BLE001 - a student's names can be no text
                reply, out = self._explain(message.request, error), []
                frame = dump(reply)
            self._new = {}
            if isinstance(reply, Answer | Raised):
                frame = self._with_output(reply, frame)
        return frame, out

    def _frame_of(self, message: Reply) -> bytes:
        """Return a message's frame; ValueRefusedError where the judge would not read it."""
        frame = dump(message)
        if len(frame) - LENGTH > self._limits.frame_bytes and not isinstance(message, CellDone):
            raise ValueRefusedError("it is larger than an answer may be; return an array instead")
        return frame

    def _with_output(self, reply: Answer | Raised | Asked, frame: bytes) -> bytes:
        """Return a reply's frame, with as much of what was printed as it has room for."""
        text = _clean(self._output.text())
        if not text:
            return frame
        room = self._limits.frame_bytes - (len(frame) - LENGTH)
        # Four bytes are the most that one character takes on the wire.
        reply.output = text[: max(0, room - OUTPUT_HEADER) // 4]
        return dump(reply)

    def _answer_silently(
        self, message: Any, buffers: list[memoryview]
    ) -> tuple[Reply, list[memoryview]]:
        try:
            if isinstance(message, RunCell):
                return self._run_cell(message), []
            with figures.shown.laid_out():
                match message:
                    case Get():
                        return self._get(message)
                    case Call() | Next() | Update():
                        return self._use(message, buffers)
                return self._answer_another(message, buffers)
        except BaseException as error:  # noqa: BLE001 - also SystemExit and KeyboardInterrupt
            return self._explain(message.request, error), []

    def _answer_another(
        self, message: Any, buffers: list[memoryview]
    ) -> tuple[Reply, list[memoryview]]:
        match message:
            case Bound():
                return self._finish(message.request, self._bound())
            case Seed():
                _run_theirs(randomness.put, message)
                return self._finish(message.request, None)
            case ListFiles() | ReadFile() | WriteFile():
                found = _run_theirs(self._at_a_file, message, buffers)
                return self._finish(message.request, found)
            case Record():
                return self._record(message, buffers)
            case Prepare() | Replay() | Compile() | Chain():
                return self._on_the_bench(message, buffers)
        raise AssertionError("unknown request")

    def _at_a_file(
        self, message: ListFiles | ReadFile | WriteFile, buffers: list[memoryview]
    ) -> Any:
        match message:
            case ListFiles():
                return files.listed(self._folder)
            case ReadFile():
                return files.content(self._folder, message.name)
        content = self._decoder(buffers).decode(message.content)
        return files.write(self._folder, message.name, content)

    def _explain(self, request: int, error: BaseException) -> Reply:
        """Say what a student's code raised, or what failed in ours, which only carries values."""
        if isinstance(error, StudentRaisedError):
            return self._raised(request, error.error)
        if isinstance(error, ValueRefusedError):
            return Raised(request, describe_safely(ValueRefusedError, error))
        # A notebook uses up its memory with what it keeps, and only its own handlers raise what is
        # no Exception.
        if isinstance(error, Exception) and not isinstance(error, MemoryError):
            said = describe_safely(type(error), error)
            reason = f"{said.type_name}: {said.message}"
            return Fault(request, f"{self._carrying} could not be handed over ({reason}).")
        return Raised(request, describe_safely(type(error), error))

    def _raised(self, request: int, error: BaseException) -> Raised:
        failure = describe_safely(type(error), error)
        found = [number for number, thrown in self._thrown.items() if thrown is error]
        raised = Raised(request, failure, thrown=found[0] if found else -1)
        if self._references.is_asked:
            with contextlib.suppress(Exception):  # what its class makes of itself
                error.__traceback__ = None  # which would keep all that its frames hold
                raised.error = self._references.keep(error)
        return raised

    def _run_cell(self, message: RunCell) -> CellDone:
        self._errors.is_kept = True
        checked = notebook_shell.GradedNotebook.checked
        checked.clear()
        if not message.continues:
            figures.shown.put_away()
        started = time.perf_counter()
        error = notebook_shell.run_cell(self._shell, message.source, message.number)
        self._errors.is_kept = False
        _end_without_a_device()
        seconds = time.perf_counter() - started
        failure = None if error is None else describe_safely(type(error), error)
        # Four bytes are the most that one character takes on the wire.
        text = _clean(self._output.text())
        kept = text[: max(0, self._limits.frame_bytes - FRAME_ROOM) // 4]
        discarded = self._output.discarded + len(text) - len(kept)
        return CellDone(message.request, failure, kept, discarded, seconds, [*checked])

    def _encoder(self, given: Given | None, *, stays: bool = True, shares: bool = True) -> Encoder:
        """Return what encodes one message; `stays`: objects may be more than what they hold.

        shares: whether containers are those that both sides have.
        """
        return Encoder(
            stays=plain.stays if stays and self._references.is_asked else None,
            array_bytes=self._limits.array_bytes,
            nesting=self._limits.nesting,
            keep=self._stay,
            arguments=given.arrays if given else (),
            shared=self._shared if shares else None,
        )

    def _stay(self, value: Any) -> Opaque | Callback:
        if type(value) is GivenFunction:  # a class of a student's can lie to isinstance
            return Callback(value.number)
        if type(value) is GivenObject:
            return Callback(number_of(value))
        return self._references.keep(value)

    def _finish(self, request: int, value: Any, *, stays: bool = True) -> tuple[Reply, Buffers]:
        """Return an answer that is a copy of a value, whatever becomes of that."""
        self._carrying = "The answer"
        encoder = self._encoder(None, stays=stays, shares=False)
        answer = Answer(request, encoder.encode(value), [])
        encoder.seal()
        answer.buffers.extend(buffer.nbytes for buffer in encoder.buffers)
        return answer, encoder.buffers

    def _finish_shared(
        self, answer: Answer, value: Any, given: Given | None = None
    ) -> tuple[Reply, Buffers]:
        """Return an answer with its value, and with what has become of what both sides have."""
        if given is None and not self._references.is_asked:
            return self._finish(answer.request, value)
        self._carrying = "The answer"
        encoder = self._encoder(given)
        answer.contents = self._changed_contents(encoder)
        answer.value = encoder.encode(value)
        if given is not None:
            answer.changed = [(n, encoder.add(memory)) for n, memory in given.changed_memory()]
        self._share(answer, encoder, answer.contents, [value])
        return answer, encoder.buffers

    def _raised_in(
        self, request: int, error: BaseException, given: Given | None = None
    ) -> tuple[Reply, Buffers]:
        """Return what student code raised, with what it has changed before."""
        self._carrying = "The answer"
        raised = self._raised(request, error)
        encoder = self._encoder(given)
        contents = self._changed_contents(encoder)
        if given is not None:
            raised.changed = [(n, encoder.add(memory)) for n, memory in given.changed_memory()]
        self._share(raised, encoder, contents, [])
        return raised, encoder.buffers

    # --- what both sides have --------------------------------------------------------------------

    def _changed_contents(self, encoder: Encoder) -> list[tuple[int, Contents]]:
        """Return what the containers hold that student code has changed."""
        return [(number, encoder.contents(item)) for number, item in self._shared.changed()]

    def _share(
        self,
        message: Answer | Raised | Asked,
        encoder: Encoder,
        contents: list[tuple[int, Contents]],
        values: list[Any],
    ) -> None:
        """End a message, and know from now on what it holds; ValueRefusedError if that is endless.

        values: those of the message.
        """
        if encoder.has_repeated or contents:
            known = [self._shared[number] for number, _ in contents]
            try:
                check_amount([*known, *values], self._limits.array_bytes // 8)
            except TooMuchError as problem:
                raise ValueRefusedError(f"it holds lists that hold each other, {problem}") from None
        encoder.seal()
        message.buffers = [buffer.nbytes for buffer in encoder.buffers]
        message.contents = contents
        if self._references.is_asked:
            message.first = encoder.first
            message.warned, message.errors = self._warnings.taken(), _clean(self._errors.taken())
        message.dropped = self._dropped
        self._new = encoder.new

    def _sent(self) -> None:
        """Know what the judge has from the message that was just sent."""
        self._dropped = []
        self._know(self._new)
        self._shared.drop_frames(self._new)
        self._new = {}

    def _know(self, new: dict[int, Any]) -> None:
        for number, container in new.items():
            self._shared.add(number, container)

    def _let_go(self) -> None:
        """Forget what no student code holds any more."""
        unheld = self._shared.unheld()
        self._shared.drop(unheld)
        self._dropped += unheld

    def _update(self, message: Update, buffers: Buffers) -> tuple[Reply, Buffers]:
        """Give containers what the test has put into them."""
        self._carrying = "The request"
        decoder = self._decoder(buffers, message.first)
        for number, node in message.contents:
            held = decoder.contents(node)
            if number in self._shared:
                form_of(self._shared[number]).refill(self._shared[number], held)  # type: ignore[union-attr, misc]
        self._know(decoder.new)
        self._shared.settle([number for number, _ in message.contents])
        return Answer(message.request, None, []), []

    def _get(self, message: Get) -> tuple[Reply, list[memoryview]]:
        if message.name == figures.PYPLOT and message.name in sys.modules:
            return self._finish(message.request, sys.modules[message.name])
        names = self._shell.user_ns
        if message.name not in names or self._is_a_builtins(message.name):
            return Missing(message.request), []
        value = names[message.name]
        reply, buffers = self._finish_shared(Answer(message.request, None, []), value)
        if isinstance(reply, Answer) and isinstance(reply.value, Opaque):
            self._told[message.name] = value
        if message.watch and isinstance(reply, Answer) and self._is_known(message, reply, buffers):
            return Unchanged(message.request), []
        return reply, buffers

    def _rebound(self) -> list[str]:
        """Return the names of functions that stand for something else by now, once each."""
        names = self._shell.user_ns
        found = [name for name, value in self._told.items() if names.get(name, self) is not value]
        for name in found:
            del self._told[name]
        return found

    def _is_known(self, message: Get, reply: Answer, buffers: list[memoryview]) -> bool:
        """Say whether an answer is what the last one was, and remember it."""
        import msgspec

        digest = hashlib.blake2b(msgspec.msgpack.encode(reply.value), digest_size=16)
        for buffer in buffers:
            digest.update(buffer)
        before = self._watched.get(message.name)
        self._watched[message.name] = digest.digest()
        return message.again and before == digest.digest() and not reply.contents

    def _is_a_builtins(self, name: str) -> bool:
        """Say whether a name stands for IPython's form of a builtin: no cell has bound it."""
        mine = self._own_names.get(name, self)
        return hasattr(builtins, name) and self._shell.user_ns[name] is mine

    def _bound(self) -> list[str]:
        """Return the names that cells have bound, in their order."""
        names = (
            name
            for name, value in list(self._shell.user_ns.items())
            if isinstance(name, str) and self._own_names.get(name, self) is not value
        )
        return list(itertools.islice(names, MOST_NAMES))

    def _use(self, message: Call | Next | Update, buffers: Buffers) -> tuple[Reply, Buffers]:
        match message:
            case Call():
                return self._call(message, buffers)
            case Next():
                return self._next(message)
        return self._update(message, buffers)

    def _call(self, message: Call, buffers: list[memoryview]) -> tuple[Reply, list[memoryview]]:
        self._carrying = "The arguments"
        if self._references.is_asked:
            self._shared.drop(message.dropped)
        else:  # a container is a copy to all calls but one
            self._shared = Shared()
        decoder = self._decoder(buffers, message.first)
        arguments = [decoder.decode(node) for node in message.arguments]
        keywords = {name: decoder.decode(node) for name, node in message.keywords.items()}
        self._let_go()
        self._know(decoder.new)
        given = Given(decoder, buffers)
        target = self._references[message.key]
        if message.operation == "storage":
            return self._finish(message.request, target, stays=False)
        answer = Answer(message.request, None, [])
        started = time.perf_counter()
        try:
            with self._warnings.noted():
                value = _run_theirs(
                    references.operate, message.operation, target, *arguments, **keywords
                )
            answer.seconds = time.perf_counter() - started
            return self._finish_shared(answer, value, given)
        except StudentRaisedError as raised:
            return self._raised_in(message.request, raised.error, given)
        finally:
            self._shared.drop_frames(decoder.new)

    def _next(self, message: Next) -> tuple[Reply, list[memoryview]]:
        self._let_go()
        try:
            with self._warnings.noted():
                items = _run_theirs(self._references.take, message.key, message.count)
        except StudentRaisedError as raised:
            return self._raised_in(message.request, raised.error)
        return self._finish_shared(Answer(message.request, None, []), items)

    def _record(self, message: Record, buffers: list[memoryview]) -> tuple[Reply, list[memoryview]]:
        """Call a function for what it does; the arguments are for nothing else."""
        self._carrying = "The arguments"
        decoder = self._decoder(buffers)
        arguments = [decoder.decode(node) for node in message.arguments]
        keywords = {name: decoder.decode(node) for name, node in message.keywords.items()}
        try:
            tape, given = _run_theirs(record, self._references[message.key], arguments, keywords)
        except StudentRaisedError as raised:
            if isinstance(raised.error, UnrecordableError):
                return Recorded(message.request, None, str(raised.error)[:MAX_MESSAGE]), []
            raise
        encoder = self._encoder(None, shares=False)
        nodes = [encoder.encode(tensor) for tensor in given]
        encoder.seal()
        sizes = [buffer.nbytes for buffer in encoder.buffers]
        recorded = Recorded(message.request, tape, "", nodes, sizes)  # type: ignore[arg-type]
        return recorded, encoder.buffers

    def _on_the_bench(
        self, message: Prepare | Replay | Compile | Chain, buffers: list[memoryview]
    ) -> tuple[Reply, list[memoryview]]:
        self._carrying = "The request"
        decoder, bench = self._decoder(buffers), self._bench
        request = message.request
        match message:
            case Prepare():
                given = [decoder.decode(node) for node in message.given]
                try:
                    return Prepared(request, bench.prepare(message.tape, given)), []
                except KernelRefusedError as problem:
                    return Prepared(request, -1, str(problem)[:MAX_MESSAGE]), []
            case Replay():
                inputs = [decoder.decode(node) for node in message.inputs]
                return self._finish(request, _run_theirs(bench.run, message.program, inputs))
            case Compile():
                inputs = [decoder.decode(node) for node in message.inputs]
                found = _run_theirs(bench.compile, message.program, inputs, message.targets)
                return Compiled(request, found), []
            case Chain():
                sums = _run_theirs(
                    bench.chain, message.program, message.shape, message.dtype,
                    seed=message.seed, steps=message.steps, device=message.device,
                )  # fmt: skip
                return self._finish(request, (sums.projections, sums.norms))

    def _decoder(self, buffers: list[memoryview], first: int | None = None) -> Decoder:
        return Decoder(
            buffers, array_bytes=self._limits.array_bytes, nesting=64, as_arguments=True,
            opaque=self._object, devices=frozenset({"cpu", "cuda"}),
            shared=None if first is None else self._shared, first=first,
        )  # fmt: skip

    def _object(self, node: Opaque | Named | Callback) -> Any:
        match node:
            case Opaque():
                return self._references[node.key]
            case Named():
                return references.named(node)
        return self._given.made(node)


def refuse_input(prompt: object = "") -> str:
    """Stand in for `input`, which nobody can answer while a notebook is graded."""
    raise EOFError(f"input({prompt!r:.60}) cannot be answered while the notebook is graded")


def main(connection: socket.socket, shell: Any, limits: ChildLimits) -> None:
    """Serve one submission over a connected socket."""
    builtins.input = refuse_input
    imports.import_from_here()
    standins.enter_no_platforms_folder()
    shell.builtin_trap.__enter__()
    channel = Channel(
        connection, receives="request", frame_bytes=REQUEST_BYTES, array_bytes=limits.array_bytes,
        margin=KERNELS_REACH if "triton" in sys.modules else 0,
    )  # fmt: skip
    NotebookProcess(shell, channel, limits).serve()
