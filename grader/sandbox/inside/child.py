"""The student's side: runs cells in IPython and answers calls by value, until it is told no more.

This file is executed from source in a process that holds nothing secret. Student code shares the
process, so nothing here is trusted by the judge: only the bytes that arrive there count.
"""

import builtins
import contextlib
import importlib
import os
import socket
import sys
import threading
import time
from typing import Any

from ..wire import gradients, plain
from ..wire.channel import FOREVER, Channel, ChannelClosedError
from ..wire.decoding import Decoder
from ..wire.encoding import Encoder
from ..wire.graphs import attached
from ..wire.nodes import Callback, Contents, Named, Opaque
from ..wire.orders import ChildLimits
from ..wire.protocol import (
    LENGTH,
    Answer,
    Asked,
    Backward,
    Bound,
    Call,
    Case,
    CellDone,
    Chain,
    Compile,
    Compiled,
    Fault,
    Get,
    Import,
    ListFiles,
    Missing,
    Next,
    Prepare,
    Prepared,
    Raised,
    Ran,
    ReadFile,
    Record,
    Recorded,
    Replace,
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
from ..wire.values import ValueRefusedError
from . import addresses, figures, files, imports, randomness, references, standins
from . import shell as notebook_shell
from .bench import Bench, KernelRefusedError
from .callbacks import GivenFunction, GivenFunctions, GivenObject, error_of, number_of
from .describing import MAX_MESSAGE, clean, describe_safely
from .given import Given
from .names import NotebookNames
from .output import ErrorOutput, LimitedOutput
from .recording import UnrecordableError, record
from .replacing import Replacing
from .running import StudentRaisedError, end_without_a_device, run_theirs
from .sharing import Sharing
from .warned import Warnings

FRAME_ROOM = 16_384  # of a cell's answer, for what is not its output
OUTPUT_HEADER = 8  # bytes before the text in an answer
REQUEST_BYTES = 64 << 20


Buffers = list[memoryview]


class NotebookProcess:
    """One student's notebook: its names, its output, and the objects that stayed here."""

    def __init__(self, shell: Any, channel: Channel, limits: ChildLimits) -> None:
        self._shell = shell
        self._channel = channel
        self._limits = limits
        self._references = references.References()
        self._given = GivenFunctions(self._ask_judge)
        self._sharing = Sharing(limits.array_bytes // 8)
        self._thrown: dict[int, BaseException] = {}  # of the judge's, by their numbers
        self._asked_by = 0  # the thread that a request runs in, and the request
        self._request = 0
        self._bench = Bench()
        self._output = LimitedOutput(limits.cell_output_bytes, limits.output_bytes)
        self._errors = ErrorOutput(self._output)
        self._warnings = Warnings(self._references)
        self._replacing = Replacing()
        self._gradients = gradients.Gradients()
        self._names = NotebookNames(shell)
        self._folder = os.getcwd()  # noqa: PTH109 - the scratch, wherever cells go later

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
            self._replacing.start_case()
            self._thrown.clear()
            self._sharing.start(of_a_case=True)
            self._gradients = gradients.Gradients()
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
        self._sharing.let_go()
        encoder = self._encoder(None)
        contents = self._sharing.changed_contents(encoder)
        asked = Asked(
            self._request,
            number,
            [encoder.encode(value) for value in args],
            {name: encoder.encode(value) for name, value in kwargs.items()},
            [],
        )
        asked.operation = operation
        self._tell_gradients(asked, encoder)
        self._end(asked, encoder, contents, [*args, *kwargs.values()])
        frame = self._with_output(asked, self._frame_of(asked))
        self._sharing.sent()
        self._channel.send_frame(frame, encoder.buffers)
        while True:
            message, buffers = self._channel.receive()
            match message:
                case Returned():
                    self._output.start()
                    decoder = self._decoder(buffers, message.first)
                    decoder.graph = self._attached
                    value = decoder.decode(message.value)
                    self._sharing.know(decoder.new)
                    return value
                case Threw():
                    self._output.start()
                    error = error_of(message) if message.key < 0 else self._references[message.key]
                    self._thrown[message.number] = error
                    raise error
            self._reply_to(message, buffers)

    def _attached(self, value: Any, number: int, sources: list[int]) -> Any:
        """Return a tensor that a function of the test's has made of ones of this process."""

        def ask(number: int, inputs: list[int], gradient: Any) -> Any:
            return self._ask_judge(number, "backward", (gradient, inputs), {})

        return attached(value, number, shared=self._sharing.table, own=sources, ask=ask)

    def _answer(self, message: Any, buffers: list[memoryview]) -> tuple[bytes, list[memoryview]]:
        """Return the frame that answers a request, and its buffers."""
        self._carrying = "The request"
        with self._output.of_one_request():
            reply, out = self._answer_silently(message, buffers)
            if isinstance(reply, Ran):
                reply.rebound = self._names.rebound()
            self._carrying = "The answer"
            try:
                frame = self._frame_of(reply)
                if isinstance(reply, Answer | Raised) and reply.first:
                    self._sharing.sent()
            except Exception as error:  # noqa: BLE001 - a student's names can be no text
                reply, out = self._explain(message.request, error), []
                frame = dump(reply)
            self._sharing.not_sent()
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
        text = clean(self._output.text())
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
                    case Call() | Next() | Update() | Import() | Backward():
                        return self._use(message, buffers)
                return self._answer_another(message, buffers)
        except BaseException as error:  # noqa: BLE001 - also SystemExit and KeyboardInterrupt
            return self._explain(message.request, error), []

    def _answer_another(
        self, message: Any, buffers: list[memoryview]
    ) -> tuple[Reply, list[memoryview]]:
        match message:
            case Bound():
                return self._finish(message.request, self._names.bound())
            case Seed():
                run_theirs(randomness.put, message)
                return self._finish(message.request, None)
            case Replace():
                return self._replace(message, buffers)
            case ListFiles() | ReadFile() | WriteFile():
                found = run_theirs(self._at_a_file, message, buffers)
                return self._finish(message.request, found)
            case Record():
                return self._record(message, buffers)
            case Prepare() | Replay() | Compile() | Chain():
                return self._on_the_bench(message, buffers)
        raise AssertionError("unknown request")

    def _replace(self, message: Replace, buffers: Buffers) -> tuple[Reply, Buffers]:
        self._carrying = "What a test replaces"
        decoder = self._decoder(buffers)
        places = [(module, path, decoder.decode(node)) for module, path, node in message.places]
        self._replacing.take(places, message.settings)
        said = {name: os.environ[name] for name in message.asked if name in os.environ}
        return self._finish(message.request, said)

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
        end_without_a_device()
        seconds = time.perf_counter() - started
        failure = None if error is None else describe_safely(type(error), error)
        # Four bytes are the most that one character takes on the wire.
        text = clean(self._output.text())
        kept = text[: max(0, self._limits.frame_bytes - FRAME_ROOM) // 4]
        discarded = self._output.discarded + len(text) - len(kept)
        done = CellDone(message.request, failure, kept, discarded, seconds, [*checked])
        untold = self._names.untold_functions(message.tell)
        done.functions = {name: self._references.keep(one) for name, one in untold}
        return done

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
            shared=self._sharing.table if shares else None,
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

    def _answer_with(
        self, request: int, value: Any, *, has_run: bool = True
    ) -> tuple[Reply, Buffers]:
        """Return an answer to what hands over nothing; has_run: whether student code has."""
        if not self._references.is_asked:
            return self._finish(request, value)
        return self._finish_shared(Answer(request, None, []), value, has_run=has_run)

    def _finish_shared(
        self, answer: Answer, value: Any, given: Given | None = None, *, has_run: bool = True
    ) -> tuple[Reply, Buffers]:
        """Return an answer with its value, and with what has become of what both sides have."""
        self._carrying = "The answer"
        encoder = self._encoder(given)
        answer.contents = self._sharing.changed_contents(encoder) if has_run else []
        answer.value = encoder.encode(value)
        if given is not None:
            answer.changed = [(n, encoder.add(memory)) for n, memory in given.changed_memory()]
        self._tell_gradients(answer, encoder)
        self._end(answer, encoder, answer.contents, [value])
        return answer, encoder.buffers

    def _tell_gradients(self, message: Answer | Asked, encoder: Encoder) -> None:
        changed = self._gradients.changed(self._sharing.table)
        message.gradients = gradients.encoded(changed, encoder)

    def _raised_in(
        self, request: int, error: BaseException, given: Given | None = None
    ) -> tuple[Reply, Buffers]:
        """Return what student code raised, with what it has changed before."""
        self._carrying = "The answer"
        raised = self._raised(request, error)
        encoder = self._encoder(given)
        contents = self._sharing.changed_contents(encoder)
        if given is not None:
            raised.changed = [(n, encoder.add(memory)) for n, memory in given.changed_memory()]
        self._end(raised, encoder, contents, [])
        return raised, encoder.buffers

    def _end(
        self,
        message: Answer | Raised | Asked,
        encoder: Encoder,
        contents: list[tuple[int, Contents]],
        values: list[Any],
    ) -> None:
        """End a message that says what has become of what both sides have, with its values."""
        self._sharing.end(message, encoder, contents, values)
        if self._references.is_asked:
            message.first = encoder.first
            message.warned, message.errors = self._warnings.taken(), clean(self._errors.taken())

    def _get(self, message: Get) -> tuple[Reply, list[memoryview]]:
        if message.name == figures.PYPLOT and message.name in sys.modules:
            return self._finish(message.request, sys.modules[message.name])
        if message.name not in self._names:
            return Missing(message.request), []
        value = self._names[message.name]
        reply, buffers = self._answer_with(message.request, value, has_run=False)
        if isinstance(reply, Answer) and isinstance(reply.value, Opaque):
            self._names.tell(message.name, value)
        if message.watch and isinstance(reply, Answer):
            is_known = self._names.is_known(message.name, reply, buffers)
            if message.again and is_known:
                return Unchanged(message.request), []
        return reply, buffers

    def _backward(self, message: Backward, buffers: Buffers) -> tuple[Reply, Buffers]:
        self._carrying = "The gradient"
        if message.number not in self._sharing.table:
            raise ValueRefusedError("what a gradient goes through is followed no more")
        gradient = self._decoder(buffers).decode(message.gradient)
        try:
            found = run_theirs(
                gradients.backward, self._sharing.table, message.number, gradient, message.inputs
            )
        except StudentRaisedError as raised:
            return self._raised_in(message.request, raised.error)
        return self._finish_shared(Answer(message.request, None, []), found)

    def _import(self, message: Import) -> tuple[Reply, Buffers]:
        try:
            with self._warnings.noted(), self._replacing.in_place():
                module = run_theirs(importlib.import_module, message.name)
        except StudentRaisedError as raised:
            return self._raised_in(message.request, raised.error)
        return self._answer_with(message.request, module)

    def _use(
        self, message: Call | Next | Update | Import | Backward, buffers: Buffers
    ) -> tuple[Reply, Buffers]:
        match message:
            case Import():
                return self._import(message)
            case Backward():
                return self._backward(message, buffers)
            case Call():
                return self._call(message, buffers)
            case Next():
                return self._next(message)
        self._carrying = "The request"
        decoder = self._decoder(buffers, message.first)
        may_show = self._sharing.update(message, decoder)
        for number, needs, node in message.gradients:
            tensor = self._sharing.table.array(number)
            if tensor is not None:
                tensor.requires_grad_(needs)
                decoder.give_gradient(tensor, node)
                self._gradients.take(number, tensor)
        answer = Answer(message.request, None, [])
        if message.ends:
            return self._finish(message.request, self._sharing.differing(message.given_up))
        # What shares memory with it has changed as well, and the test's own may not.
        return self._finish_shared(answer, None) if may_show else (answer, [])

    def _call(self, message: Call, buffers: list[memoryview]) -> tuple[Reply, list[memoryview]]:
        self._carrying = "The arguments"
        if self._references.is_asked:
            self._sharing.table.drop(message.dropped)
            if message.gives_up:
                self._sharing.table.give_up()
        else:  # a container is a copy to all calls but one
            self._sharing.start(of_a_case=False)
        decoder = self._decoder(buffers, message.first)
        arguments = [decoder.decode(node) for node in message.arguments]
        keywords = {name: decoder.decode(node) for name, node in message.keywords.items()}
        self._sharing.let_go()
        self._sharing.know(decoder.new)
        given = None if self._references.is_asked else Given(decoder, buffers)
        target = self._references[message.key]
        if message.operation == "storage":
            return self._finish(message.request, target, stays=False)
        answer = Answer(message.request, None, [])
        started = time.perf_counter()
        try:
            graph = sys.modules["torch"].no_grad() if message.no_graph else contextlib.nullcontext()
            with self._warnings.noted(), self._replacing.in_place(), graph:
                value = run_theirs(
                    references.operate, message.operation, target, *arguments, **keywords
                )
            answer.seconds = time.perf_counter() - started
            return self._finish_shared(answer, value, given)
        except StudentRaisedError as raised:
            return self._raised_in(message.request, raised.error, given)

    def _next(self, message: Next) -> tuple[Reply, list[memoryview]]:
        self._sharing.let_go()
        try:
            with self._warnings.noted(), self._replacing.in_place():
                items = run_theirs(self._references.take, message.key, message.count)
        except StudentRaisedError as raised:
            return self._raised_in(message.request, raised.error)
        return self._answer_with(message.request, items)

    def _record(self, message: Record, buffers: list[memoryview]) -> tuple[Reply, list[memoryview]]:
        """Call a function for what it does; the arguments are for nothing else."""
        self._carrying = "The arguments"
        decoder = self._decoder(buffers)
        arguments = [decoder.decode(node) for node in message.arguments]
        keywords = {name: decoder.decode(node) for name, node in message.keywords.items()}
        try:
            tape, given = run_theirs(record, self._references[message.key], arguments, keywords)
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
                return self._finish(request, run_theirs(bench.run, message.program, inputs))
            case Compile():
                inputs = [decoder.decode(node) for node in message.inputs]
                found = run_theirs(bench.compile, message.program, inputs, message.targets)
                return Compiled(request, found), []
            case Chain():
                sums = run_theirs(
                    bench.chain, message.program, message.shape, message.dtype,
                    seed=message.seed, steps=message.steps, device=message.device,
                )  # fmt: skip
                return self._finish(request, (sums.projections, sums.norms))

    def _decoder(self, buffers: list[memoryview], first: int | None = None) -> Decoder:
        return Decoder(
            buffers, array_bytes=self._limits.array_bytes, nesting=64, as_arguments=True,
            opaque=self._object, devices=frozenset({"cpu", "cuda"}),
            shared=None if first is None else self._sharing.table, first=first,
        )  # fmt: skip

    def _object(self, node: Opaque | Named | Callback) -> Any:
        match node:
            case Opaque():
                return self._references[node.key]
            case Named():
                return references.named(node)
        return self._given.made(node)


def refuse_input(prompt: object = "") -> str:
    """Stand in for `input`, which a test's own `sys.stdin` can answer, and nobody else."""
    if type(sys.stdin) is GivenObject:
        sys.stdout.write(str(prompt))
        line = sys.stdin.readline()
        if not line:
            raise EOFError("EOF when reading a line")
        return str(line).removesuffix("\n")
    raise EOFError(f"input({prompt!r:.60}) cannot be answered while the notebook is graded")


def main(connection: socket.socket, shell: Any, limits: ChildLimits) -> None:
    """Serve one submission over a connected socket."""
    builtins.input = refuse_input
    imports.import_from_here()
    standins.enter_no_platforms_folder()
    shell.builtin_trap.__enter__()
    channel = Channel(
        connection, receives="request", frame_bytes=REQUEST_BYTES, array_bytes=limits.array_bytes,
        margin=addresses.MARGIN if "triton" in sys.modules else 0,
    )  # fmt: skip
    NotebookProcess(shell, channel, limits).serve()
