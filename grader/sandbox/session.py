"""The judge's side of one submission: run its cells, look up its names, call its functions."""

import math
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Self

import msgspec

from grader.model import Limits, Status

from .answers import Answers, CellResult
from .arguments import Arguments, no_arguments
from .bench import Bench, BenchBeside
from .child_files import ChildFiles
from .conversation import Conversation
from .current_case import CurrentCase
from .failures import (
    CannotCrossError,
    ChildEnded,
    MissingNameError,
    StudentError,
    TransferError,
)
from .handover import KEPT, Changes, Handover, Place
from .patience import ProcessorClock
from .printing import imports_datascience, printing
from .proxies import StudentFunction, StudentObject
from .seeds import Seeds
from .wire.encoding import Encoder
from .wire.gradients import encoded
from .wire.nodes import Array, Opaque
from .wire.protocol import (
    Answer,
    Backward,
    Bound,
    Call,
    CellDone,
    Compiled,
    Get,
    Import,
    ListFiles,
    Missing,
    Next,
    Prepared,
    Ran,
    ReadFile,
    Record,
    Recorded,
    Replace,
    Request,
    RunCell,
    Seed,
    Unchanged,
    Update,
    WriteFile,
)
from .wire.shared import Shared
from .wire.values import ValueRefusedError
from .writing import as_sent

if TYPE_CHECKING:
    from .worker import Worker

_NO_BUFFERS: list[memoryview] = []
NOT_HELD = object()
GIVES_ITS_OWN = frozenset({"getattr", "getitem"})  # what an object has, by a name or a place
OVERLAPPING = (
    "The test writes to an array or frame that shares memory in the student's process with another "
    "which the test has as well; let it ask for the other again after it has written"
)
WRITTEN = (
    "The test writes to an array or frame that a call gave, and the student's code still has it; "
    "let the test write to a copy, or to an attribute or a name"
)
UNSEEN = (
    "The test and the student's code share more than is compared in one case, and one of them has "
    "changed it; let the test use smaller data, or share the case in two"
)
RUNS_NOTHING = (
    Get,
    Bound,
    ListFiles,
    ReadFile,
    WriteFile,
    Update,
    Replace,
)  # requests by which nothing changes there


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
        self._limits = limits
        self.current = CurrentCase()
        self._arguments = Arguments(limits, self.current)
        self._answers = Answers(self, self._arguments, limits, devices=worker.devices)
        self._bench = BenchBeside(worker, limits, deadline)
        self._conversation = Conversation(
            worker,
            connection,
            limits,
            deadline,
            clock=clock,
            answering=self._answers.call_of_the_tests,
            bench=self._bench,
            processor=processor,
        )
        self._imports_datascience = False
        self.files = ChildFiles(self)
        self.first: Callable[[], None] | None = None  # done before each of these requests
        self.then: Callable[[], None] | None = None  # and after it
        self._functions: dict[str, Opaque] = {}  # that the child's names stand for
        self.share = 1.0  # of its time, that a request other than a cell has
        self.tells: list[str] = []  # names of which cells' answers tell the functions
        self.asked = 0  # requests after which a name may stand for something else

    @property
    def ended(self) -> ChildEnded | None:
        """How the child has ended, if it has."""
        return self._conversation.ended

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
        changes = Changes(KEPT * self._limits.array_bytes, applied)
        self.current.begin(changes, seeds)
        if asks:
            self._functions.clear()  # the child forgets objects of earlier cases
            self._conversation.begin_case(self.current.open(self, changes))
        try:
            with printing(as_datascience=self._imports_datascience):
                yield changes
            if asks:
                self._leave_changes()
        finally:
            self.current.end()
            if asks:  # what both sides have ends with it
                self.current.shared = Shared(with_arrays=True)
                self._conversation.begin_case(0)
            changes.undo()

    def _leave_changes(self) -> None:
        """Give the child what a case has put into containers last, for the next case to find."""
        if self.ended is None:
            with suppress(CannotCrossError, StudentError, TransferError, ChildEnded):
                self.share_changes()
                self._look_at_given_up()

    def refuse(self, sentence: str) -> NoReturn:
        """Note that the case has asked for what cannot be asked of the child; CannotCrossError."""
        self.current.refuse(sentence)

    def _share_seeds(self, seeds: Seeds) -> None:
        """Give the child the states of random numbers, if a test has made others of them."""
        now = seeds.changed()
        if now is None:
            return
        states = msgspec.structs.replace(now, request=self._conversation.number)
        reply, buffers = self._ask(states, [], self._limits.call_seconds, "seeding")
        self._answers.result(reply, buffers)

    def _share_replaced(self) -> None:
        """Have the child run its code with what the test has put in the place of something."""
        replaced, live = self.current.replaced, self.current.live
        due = None if replaced is None or live is None else replaced.due()
        if due is None:
            return
        encoder = self._arguments.encoder(shares=False)
        places = []
        for place, value in due.places:
            try:
                places.append((place.module, place.path, encoder.encode(value)))
            except ValueRefusedError:
                self.current.note_replaced(str(place))
        self.ask(Replace, "replacing", places, due.settings, [], [], encoder=encoder)

    def settings(self, names: Sequence[str]) -> dict[str, str]:
        """Return those of some names of the environment that the child has, as it says."""
        encoder = self._arguments.encoder(shares=False)
        found = self.ask(Replace, "looking at settings", [], {}, [*names], [], encoder=encoder)
        if not isinstance(found, dict):
            self.broken("settings were no dict")
        return {name: found[name] for name in names if type(found.get(name)) is str}

    def bound(self) -> frozenset[str]:
        """Return the names that the notebook has bound, as its process says."""
        self._conversation.number += 1
        reply, buffers = self._ask(
            Bound(self._conversation.number), [], self._limits.call_seconds, "listing names"
        )
        names = self._answers.result(reply, buffers)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            self.broken("names were not a list of texts")
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
            RunCell(request, one.number, as_sent(one.source), one.continues)
            for request, one in enumerate(cells, self._conversation.number + 1)
        ]
        due[-1].tell = self.tells
        self._conversation.number += len(due)
        for place, message in enumerate(due):
            self._imports_datascience |= imports_datascience(message.source)
            self._prepare(message)
            said = [] if place else [(one, _NO_BUFFERS) for one in due]
            what = f"cell {message.number}"
            reply, _ = self._conversation.converse(said, message.request, seconds, what)
            self._note_functions(reply)
            if message is due[-1]:
                self._follow(message)
            yield self._answers.cell(reply)

    def value(self, name: str, *, held: Any = NOT_HELD, watch: bool = False) -> Any:
        """Return what a name stands for, by value; MissingNameError where it is not defined.

        watch: have the child remember what it was. held: what was found while it was watched, and
        is the answer where the child says that it is still that.
        """
        if not watch and (known := self._known(name)) is not None:
            return known
        self._conversation.number += 1
        again = held is not NOT_HELD
        message = Get(self._conversation.number, name, watch, again)
        reply, buffers = self._ask(message, [], self._limits.call_seconds, f"looking up {name}")
        if isinstance(reply, Missing):
            raise MissingNameError(name)
        if isinstance(reply, Unchanged) and again:
            return held
        found = self._answers.result(reply, buffers)
        if self.then is not None and self.files.may_be_named_by(found):
            self.then()
        if self.current.live is not None:
            return self.current.live.called(found, name)
        if isinstance(found, StudentObject):
            found._label = name  # noqa: SLF001
            if isinstance(found, StudentFunction):
                self._functions[name] = reply.value
        return found

    def module(self, name: str) -> Any:
        """Return what stands for a module, which the child imports if it has not yet."""
        self._share_replaced()
        self._conversation.number += 1
        message = Import(self._conversation.number, name)
        reply, buffers = self._ask(message, [], self._limits.call_seconds, f"importing {name}")
        return self._answers.result(reply, buffers)

    def backward(self, number: int, inputs: list[int], gradient: Any) -> list[Any]:
        """Return gradients of some of the test's tensors, by their numbers; None for none.

        number: of the tensor with respect to which the gradient is.
        """
        shared = self.current.shared
        if shared is None or number not in shared:
            self.refuse(UNSEEN)
        encoder = self._arguments.encoder(shares=False)
        node = encoder.encode(gradient)
        found = self.ask(Backward, "gradients", number, node, inputs, [], encoder=encoder)
        if not isinstance(found, list) or len(found) != len(inputs):
            self.broken("gradients were not one for each tensor")
        return found

    def _known(self, name: str) -> StudentFunction | None:
        """Return the function of a name that was looked up, and still stands for it.

        The child has said so with each reply since: by asking again nobody would learn more.
        """
        node = self._functions.get(name)
        if node is None or self.ended is not None or self.current.live is not None:
            return None
        return StudentFunction(self, node, name)

    def _note_functions(self, reply: Any) -> None:
        if self._functions and isinstance(reply, Ran):
            for name in reply.rebound:
                self._functions.pop(name, None)
        if isinstance(reply, CellDone):
            for name, node in reply.functions.items():
                if name in self.tells and node.is_callable:
                    self._functions[name] = node

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
        self._share_replaced()
        if self.files.folder_of_test:
            args = tuple(map(self.files.as_there, args))
            kwargs = {name: self.files.as_there(value) for name, value in kwargs.items()}
        dropped = self._let_go()
        gives_up = self._gives_up()
        self._conversation.number += 1
        message, encoder = self._arguments.message(
            Call, self._conversation.number, key, args=args, kwargs=kwargs
        )
        if isinstance(message, Call):
            message.operation, message.first, message.dropped = operation, encoder.first, dropped
            message.gives_up = gives_up
            message.no_graph = _is_without_graph()
        tells = operation in GIVES_ITS_OWN
        handover = Handover(encoder, label, shared=self.current.shared, tells=tells)
        seconds = self._limits.call_seconds
        reply, buffers = self._ask(message, encoder.buffers, seconds, "one call")
        try:
            return self._answers.result(reply, buffers, handover)
        finally:
            self._note_untold()

    def _note_untold(self) -> None:
        """Note that a test has written to what a call gave, and the student's code still has.

        The child is not told: a test works out there how far a result is from what it expects. What
        nobody there holds any more, the child's answer has just named.
        """
        shared = self.current.shared
        if shared is not None and shared.untold:
            self.current.note(WRITTEN)
            shared.untold.clear()

    def _let_go(self) -> list[int]:
        """Forget containers that the test does not hold any more, and return their numbers.

        What it has put into them before is told to the child.
        """
        if self.current.shared is None:
            return []
        self.share_changes()
        shared = self.current.shared
        # Whether what it has written to is still held there, the answer says.
        dropped = [number for number in shared.unheld() if number not in shared.untold]
        shared.drop(dropped)
        return dropped

    def share_changes(self) -> None:
        """Give the child what the test has put into containers that both have."""
        shared = self.current.shared
        if shared is None:
            return
        encoder = self.encoder()
        try:
            changed, slopes = shared.changed(), self.current.gradients.changed(shared)
            if not changed and not slopes:
                return
            contents = [(number, encoder.contents(container)) for number, container in changed]
            encoder.seal()
        except ValueRefusedError as problem:
            self.refuse(f"What the test has put into a list or the like cannot travel: {problem}")
        self._conversation.number += 1
        message = Update(self._conversation.number, contents, [], encoder.first)
        message.gradients = encoded(slopes, encoder)
        message.buffers.extend(buffer.nbytes for buffer in encoder.buffers)
        handover = Handover(encoder, shared=shared)
        reply, buffers = self._ask(message, encoder.buffers, self._limits.call_seconds, "a change")
        self._answers.result(reply, buffers, handover)
        if isinstance(reply, Answer) and reply.contents:
            self.refuse(OVERLAPPING)

    def _gives_up(self) -> bool:
        """Follow nothing any more where a case has compared too much; say whether that is so."""
        shared = self.current.shared
        if shared is None or not shared.has_looked_enough():
            return False
        shared.give_up()
        return True

    def _look_at_given_up(self) -> None:
        """Refuse to judge where what is followed no more is not the same on both sides."""
        shared = self.current.shared
        if shared is None or not (shared.given_up or shared.untold):
            return
        self._conversation.number += 1
        ours = shared.changed_unseen()
        message = Update(self._conversation.number, [], [], 0, ours, ends=True)
        reply, buffers = self._ask(message, [], self._limits.call_seconds, "a change")
        differing = self._answers.result(reply, buffers)
        said = {one for one in differing if type(one) is int} if type(differing) is list else set()
        if said & shared.untold and self.current.changes is not None:
            self.current.changes.doubts.append(WRITTEN)  # no call of this case has met it
        if said & shared.given_up:
            self.refuse(UNSEEN)

    def encoder(self) -> Encoder:
        """Return what turns the values of one message into nodes and buffers."""
        return self._arguments.encoder()

    def record(
        self, key: int, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Recorded, list[memoryview]]:
        """Have an object of the child's called and said what the call does: nothing to believe."""
        self._conversation.number += 1
        message, encoder = self._arguments.message(
            Record, self._conversation.number, key, args=args, kwargs=kwargs
        )
        seconds = self._limits.call_seconds
        reply, buffers = self._ask(message, encoder.buffers, seconds, "one call")
        if not isinstance(reply, Recorded):
            self._answers.result(reply, buffers)  # which raises what it says
            self.broken("a request to record was answered with something else")
        return reply, buffers

    def bench(self) -> Bench:
        """Return the child that runs what was recorded here, and has run no cell.

        MachineFaultError where there is none, which is no fault of a student's.
        """
        return self._bench.get(self._conversation.processor_left)

    def lose_with(self, end: ChildEnded) -> NoReturn:
        """End this child as well, where the one on its bench has ended."""
        self.close()
        self._conversation.ended = end
        raise end

    def ask(self, kind: type[Request], what: str, *fields: Any, encoder: Encoder) -> Any:
        """Put a request to a child that runs no cell, and return its answer, decoded.

        fields: the message's, but for its number. TransferError, StudentError and ChildEnded as
        for a call.
        """
        self._conversation.number += 1
        encoder.seal()
        message = kind(self._conversation.number, *fields)
        sizes = getattr(message, "buffers", [])
        sizes.extend(buffer.nbytes for buffer in encoder.buffers)
        reply, buffers = self._ask(message, encoder.buffers, self._limits.call_seconds, what)
        if isinstance(reply, Prepared | Compiled):
            return reply
        return self._answers.result(reply, buffers)

    def tensors(self, nodes: list[Array], buffers: list[memoryview]) -> list[Any]:
        """Return arrays that a child sent; one that contradicts itself ends the child."""
        return self._answers.tensors(nodes, buffers)

    def take(self, key: int, count: int) -> list[Any]:
        """Return up to `count` further items of an iterable that stayed with the child."""
        self._share_replaced()
        self.share_changes()
        self._conversation.number += 1
        message = Next(self._conversation.number, key, count)
        reply, buffers = self._ask(message, [], self._limits.call_seconds, "taking an item")
        handover = Handover(no_arguments(), shared=self.current.shared, tells=False)
        try:
            items = self._answers.result(reply, buffers, handover)
        finally:
            self._note_untold()
        if not isinstance(items, list) or len(items) > count:
            self.broken("items were not a list")
        return items

    def _ask(
        self, message: Any, buffers: list[memoryview], seconds: float, what: str
    ) -> tuple[Any, list[memoryview]]:
        self._prepare(message)
        found = self._conversation.converse(
            [(message, buffers)], message.request, self.share * seconds, what
        )
        self._note_functions(found[0])
        self._follow(message)
        return found

    def _prepare(self, message: Request) -> None:
        """See to what goes before a request; ChildEnded where there is nobody to ask."""
        if self._conversation.ended is not None:
            raise self._conversation.ended
        if self.current.out_of_step and self.current.live is not None:
            raise CannotCrossError(self.current.out_of_step)
        if not isinstance(message, RUNS_NOTHING):
            if self.first is not None and not isinstance(message, Seed):
                number = self._conversation.number  # of the message, which has one already
                self.first()
                self._conversation.number = number
            if self.current.seeds is not None and not isinstance(message, Seed):
                self._share_seeds(self.current.seeds)
            self.asked += 1

    def _follow(self, message: Any) -> None:
        """Do what is to be done after each request by which something may have changed."""
        if self.then is not None and not isinstance(message, RUNS_NOTHING):
            self.then()

    def break_off(self, reason: str) -> NoReturn:
        """End the child for what it does to the judge; ChildEnded."""
        self._conversation.end(Status.KILLED, reason)

    def broken(self, what: str) -> NoReturn:
        """End the child, which has broken the protocol; ChildEnded."""
        self._conversation.broken(what)

    def processor_seconds(self) -> float:
        """Return the processor time that the child has taken, with all that it started."""
        return self._conversation.processor_seconds()

    def close(self) -> None:
        """End the child, if it is still there."""
        self._conversation.close()

    def abandon(self) -> None:
        """Let go of a child whose worker is about to end with it."""
        self._conversation.abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def _is_without_graph() -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and not torch.is_grad_enabled()
