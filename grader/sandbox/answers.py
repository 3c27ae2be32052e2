"""What a session takes of what comes back: results, exceptions, printed output, calls of a test's.

All of it is a claim of the child's, bounded and checked here; what contradicts itself ends it.
"""

import sys
import warnings
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from grader.model import Limits

from . import origins
from .arguments import Arguments, no_arguments
from .failures import (
    MAX_FAULT,
    CannotCrossError,
    StudentError,
    TransferError,
    not_handed_over,
    student_error,
)
from .handover import KEPT, Changes, Handover
from .live import too_late
from .proxies import StudentFunction, StudentObject
from .wire.decoding import Decoder, DeviceRefusedError
from .wire.gradients import between
from .wire.graphs import attached
from .wire.kinds import MissingLibraryError
from .wire.nodes import Array, Callback, Named, Opaque, ProtocolViolationError
from .wire.protocol import Answer, Asked, CellDone, Failure, Fault, Raised, Returned, Threw
from .wire.shared import Shared

if TYPE_CHECKING:
    from .session import Session


MAX_ERRORS, MAX_WARNINGS = 10_000, 200


@dataclass(frozen=True, slots=True)
class CellResult:
    """What running a cell came to; `checked` are the questions that it checked, by its lines."""

    failure: Failure | None
    output: str
    discarded: int
    seconds: float
    checked: tuple[tuple[str, int], ...] = ()


class Answers:
    """Reads the replies of one session's child. devices: where its arrays may lie."""

    def __init__(
        self,
        session: "Session",
        arguments: Arguments,
        limits: Limits,
        *,
        devices: frozenset[str],
    ) -> None:
        self._session = session
        self._current = session.current
        self._arguments = arguments
        self._limits = limits
        self._devices = devices
        self._output_left = limits.output_bytes

    def cell(self, reply: Any) -> CellResult:
        """Return what a cell came to."""
        if not isinstance(reply, CellDone):
            self._session.broken("a cell was answered with something else")
        # The child keeps to these limits by itself, unless it is not ours any more.
        output = reply.output[: min(self._limits.cell_output_bytes, self._output_left)]
        self._output_left -= len(output)
        discarded = max(0, reply.discarded) + len(reply.output) - len(output)
        checked = tuple(reply.checked)
        return CellResult(reply.failure, output, discarded, reply.seconds, checked)

    def result(
        self, reply: Any, buffers: list[memoryview], handover: Handover | None = None
    ) -> Any:
        """Return what a call gave, or raise what it raised.

        handover: of the call's arguments, which are changed here as they were there.
        """
        if isinstance(reply, Answer | Raised) and reply.output:
            self._print(reply.output)
        if isinstance(reply, Fault):
            self._current.note(reply.what)
            raise TransferError(reply.what[:MAX_FAULT])
        if not isinstance(reply, Answer | Raised):
            self._session.broken("a call was answered with something else")
        try:
            value = self._taken(reply, buffers, handover or self._nothing_given())
        except (StudentError, CannotCrossError):
            raise
        except (DeviceRefusedError, MissingLibraryError) as problem:
            self._current.note(str(problem))
            raise not_handed_over("The answer", problem) from problem
        except ProtocolViolationError as problem:
            self._session.broken(str(problem))
        except Exception as problem:  # noqa: BLE001 - a value that a library refuses to build
            self._session.broken(f"a value that cannot be built ({type(problem).__name__})")
        self._warn(reply)
        if isinstance(reply, Raised):
            self._raise(reply)
        return value

    def _nothing_given(self) -> Handover:
        return Handover(no_arguments(), shared=self._current.shared)

    def tensors(self, nodes: list[Array], buffers: list[memoryview]) -> list[Any]:
        """Return arrays that a child sent; one that contradicts itself ends the child."""
        decoder = self.decoder(buffers)
        try:
            return [decoder.array(node) for node in nodes]
        except DeviceRefusedError as problem:
            raise not_handed_over("The answer", problem) from problem
        except ProtocolViolationError as problem:
            self._session.broken(str(problem))

    def call_of_the_tests(
        self, asked: Asked, buffers: list[memoryview]
    ) -> tuple[Returned | Threw, list[memoryview]]:
        """Call a function of the test's, which a student's function has called."""
        live = self._current.live
        if live is None:
            return too_late(asked), []
        self._print(asked.output)
        try:
            args, kwargs = self._arguments_of(asked, buffers)
            self._warn(asked)
            came = self._gradients_of(asked, args) or live.run(asked, args, kwargs)
            self._session.share_changes()
        except ProtocolViolationError as problem:
            self._session.broken(str(problem))
        except CannotCrossError as problem:
            return live.threw(asked, problem), []
        if isinstance(came, Threw):
            return came, []
        encoder = self._arguments.encoder()
        encoder.tells_graphs = True
        try:
            message = Returned(asked.request, encoder.encode(came), [], encoder.first)
            encoder.seal()
            Handover(encoder, shared=self._current.shared)
        except Exception as problem:  # noqa: BLE001 - the refusal is noted
            self._current.note(f"what a function of the test gave cannot travel: {problem}")
            return live.threw(asked, CannotCrossError()), []
        message.buffers.extend(buffer.nbytes for buffer in encoder.buffers)
        return message, encoder.buffers

    def _gradients_of(self, asked: Asked, args: list[Any]) -> list[Any] | None:
        """Return gradients of a tensor that a test's function gave; None if not asked for."""
        shared = self._current.shared
        if asked.operation != "backward" or shared is None:
            return None
        match args:
            case [gradient, list(inputs)] if shared.array(asked.number) is not None:
                if all(type(one) is int for one in inputs):
                    return between(shared, asked.number, gradient, inputs)
        raise ProtocolViolationError("gradients of what both sides do not have")

    def _arguments_of(
        self, asked: Asked, buffers: list[memoryview]
    ) -> tuple[list[Any], dict[str, Any]]:
        """Return with what a function of the test's is called, once what has changed is here."""
        changes = self._current.changes or Changes(KEPT * self._limits.array_bytes)
        handover = self._nothing_given()
        decoder = self._decoder(buffers, asked.first, self._current.shared)
        handover.take_contents(asked, decoder, changes)
        args = [decoder.decode(node) for node in asked.arguments]
        kwargs = {name: decoder.decode(node) for name, node in asked.keywords.items()}
        handover.take_values(asked, decoder, [*args, *kwargs.values()], changes)
        self._take_gradients(asked, decoder)
        return args, kwargs

    def _raise(self, reply: Raised) -> NoReturn:
        """Raise what student code raised."""
        if reply.failure.type_name == "ValueRefusedError":
            said = f"an answer cannot be handed to the test: {reply.failure.message}"
            self._current.note(said)
        elif self._current.live is not None:
            try:
                error = self._current.live.error(reply)
            except ProtocolViolationError as problem:
                self._session.broken(str(problem))
            if error is not None:
                raise error
        raise student_error(reply.failure)

    def _warn(self, reply: Answer | Raised | Asked) -> None:
        """Warn a test of what its call has warned of, and print what that printed as an error."""
        live = self._current.live
        if live is None:
            return
        sys.stderr.write(reply.errors[:MAX_ERRORS])
        for node in reply.warned[:MAX_WARNINGS]:
            try:
                warning = live.warning(node)
            except ProtocolViolationError as problem:
                self._session.broken(str(problem))
            if warning is not None:
                warnings.warn_explicit(warning, type(warning), "<notebook>", 1)

    def _print(self, output: str) -> None:
        """Print in a test what its call printed; the child keeps to these limits if it is ours."""
        kept = output[: min(self._limits.cell_output_bytes, self._output_left)]
        self._output_left -= len(kept)
        if self._current.changes is not None:  # a case, whose output is caught
            sys.stdout.write(kept)

    def _taken(self, reply: Answer | Raised, buffers: list[memoryview], handover: Handover) -> Any:
        """Return an answer's value, once what the call changed of its arguments is changed here."""
        changes = self._current.changes or Changes(KEPT * self._limits.array_bytes)
        handover.take_changes(reply.changed, buffers, changes)
        decoder = self._decoder(buffers, reply.first, handover.shared, handover.owners())
        try:
            handover.take_contents(reply, decoder, changes)
            value = decoder.decode(reply.value) if isinstance(reply, Answer) else None
            handover.take_values(reply, decoder, [value], changes)
            if isinstance(reply, Answer):
                self._take_gradients(reply, decoder)
        except (CannotCrossError, DeviceRefusedError, MissingLibraryError) as problem:
            # The child takes what it has sent for known here.
            self._current.out_of_step = str(problem)
            raise
        return value

    def _attached(self, shared: Shared, value: Any, number: int, sources: list[int]) -> Any:
        """Return a tensor that the student's code has made of ones of the test's, or of its own."""
        own = [one for one in sources if one in shared]
        return attached(value, number, shared=shared, own=own, ask=self._session.backward)

    def _take_gradients(self, reply: Answer | Asked, decoder: Decoder) -> None:
        """Give tensors that both sides have the gradients that they have there."""
        torch, shared = sys.modules.get("torch"), self._current.shared
        for number, needs, node in reply.gradients:
            tensor = None if shared is None else shared.array(number)
            if torch is None or not isinstance(tensor, torch.Tensor):
                raise ProtocolViolationError("a gradient of what is to have none")
            if tensor.is_leaf and tensor.is_floating_point():  # another's the test works out
                tensor.requires_grad_(needs)
                decoder.give_gradient(tensor, node)
                self._current.gradients.take(number, tensor)

    def decoder(self, buffers: list[memoryview]) -> Decoder:
        """Return what turns one message's nodes into values, where nothing was handed over."""
        return self._decoder(buffers)

    def _decoder(
        self,
        buffers: list[memoryview],
        first: int = 0,
        shared: Shared | None = None,
        owners: list[Any] | None = None,
    ) -> Decoder:
        return Decoder(
            buffers,
            array_bytes=self._limits.array_bytes,
            nesting=self._limits.nesting,
            opaque=self._stand_in,
            arguments=owners or (),
            shared=shared,
            first=first or None,
            devices=self._devices,
            total_bytes=self._limits.array_bytes,
            graph=None if shared is None else partial(self._attached, shared),
            on_built=origins.note,
        )

    def _stand_in(self, node: Opaque | Named | Callback) -> Any:
        if self._current.live is not None:
            return self._current.live.stand_in(node)
        if not isinstance(node, Opaque):
            raise ProtocolViolationError("a function of the judge's, which was not passed")
        kind = StudentFunction if node.is_callable else StudentObject
        return kind(self._session, node)
