"""The judge's side of a child that runs no cell: what was recorded elsewhere is run there.

A student's process says of a call which operations and kernels it is made of (`Session.record`),
for arguments of the same kind as a test's, and with other numbers in them. Here that is run on the
test's own arguments. So nothing that the student's process worked out is in what comes out, but
for what its kernels and operations make of arguments that it has never seen.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from grader import wording
from grader.errors import GraderError, MachineFaultError, WorkerError

from .failures import ChildEnded
from .wire.findings import Finding, Sums
from .wire.kernels import Tape
from .wire.protocol import Chain, Compile, Compiled, Prepare, Prepared, Recorded, Replay

if TYPE_CHECKING:
    import torch

    from grader.model import Limits

    from .session import Session
    from .worker import Worker


class NotAloneError(AssertionError):
    """A call cannot be run without the process that it was written in; the sentence says why."""


class Bench:
    """One such child; it ends with the student's child that it stands beside."""

    def __init__(self, session: "Session") -> None:
        self._session = session

    def prepare(self, tape: Tape, given: Sequence[Any]) -> int:
        """Hand over a tape, with the tensors beside it; return the program's number."""
        encoder = self._session.encoder()
        nodes = [encoder.encode(tensor) for tensor in given]
        found = self._session.ask(Prepare, "one call", tape, nodes, [], encoder=encoder)
        if not isinstance(found, Prepared):
            raise NotAloneError(wording.not_alone("the answer was none"))
        if found.problem:
            raise NotAloneError(wording.not_alone(found.problem))
        return found.program

    def run(self, program: int, inputs: Sequence["torch.Tensor"]) -> Any:
        """Return what a program makes of some tensors."""
        encoder = self._session.encoder()
        nodes = [encoder.encode(tensor) for tensor in inputs]
        return self._session.ask(Replay, "one call", program, nodes, [], encoder=encoder)

    def compile(
        self, program: int, inputs: Sequence["torch.Tensor"], targets: Sequence[str]
    ) -> list[Finding]:
        """Return a finding for each kernel of a program and each target."""
        encoder = self._session.encoder()
        nodes = [encoder.encode(tensor) for tensor in inputs]
        found = self._session.ask(
            Compile, "one call", program, nodes, [], list(targets), encoder=encoder
        )
        return found.findings if isinstance(found, Compiled) else []

    def chain(self, program: int, kind: dict[str, Any], *, seed: int, steps: int) -> Sums:
        """Run a program `steps` times: see `instruments.chain`. kind: shape, dtype and device."""
        projections, norms = self._session.ask(
            Chain, "one call", program, list(kind["shape"]), kind["dtype"], seed, steps,
            kind["device"], encoder=self._session.encoder(),
        )  # fmt: skip
        return Sums(projections, norms)

    def processor_seconds(self) -> float:
        """Return the processor time that the child has taken."""
        return self._session.processor_seconds()

    def close(self) -> None:
        """End the child."""
        self._session.close()


class BenchBeside:
    """The bench beside one student's child, once something is to be run there.

    deadline: when the submission must have ended, by the monotonic clock.
    """

    def __init__(self, worker: "Worker", limits: "Limits", deadline: float) -> None:
        self._worker = worker
        self._limits = limits
        self._deadline = deadline
        self._bench: Bench | None = None
        self._taken = 0.0  # of processor time, by one that is cleared

    def get(self, processor_left: Callable[[], float]) -> Bench:
        """Return it; MachineFaultError where there is none, which is no fault of a student's.

        processor_left: tells the seconds of processor time that it may take, if it is started.
        """
        if self._bench is None:
            try:
                left = processor_left()
                self._bench = self._worker.bench(
                    self._limits, deadline=self._deadline, processor=left
                )
            except GraderError as problem:
                raise MachineFaultError(f"Kernels cannot be run by themselves: {problem}") from None
        return self._bench

    def processor_seconds(self) -> float:
        """Return the processor time that was taken there."""
        now = self._bench.processor_seconds() if self._bench is not None else 0.0
        return now + self._taken

    def clear(self) -> None:
        """End its child, if there is one."""
        if self._bench is not None:
            self._bench.close()
            self._taken += self._bench.processor_seconds()
            self._bench = None


class Recording:
    """A call as a program on the bench: what it is made of, and what may be asked of it."""

    def __init__(self, session: "Session", recorded: Recorded, given: list[Any]) -> None:
        if recorded.tape is None:
            raise NotAloneError(wording.not_alone(recorded.problem))
        self._session = session
        self._tape = recorded.tape
        self._program = self._on_the_bench("prepare", recorded.tape, given)

    @property
    def operations(self) -> tuple[str, ...]:
        """The names of what is run, in order: torch's, and `triton::<kernel>`."""
        return self._tape.operations()

    @property
    def outside(self) -> int:
        """How many tensors take part that nothing on the tape has made."""
        return self._tape.outside

    def run(self, inputs: Sequence["torch.Tensor"]) -> Any:
        return self._on_the_bench("run", self._program, inputs)

    def compile(self, inputs: Sequence["torch.Tensor"], targets: Sequence[str]) -> list[Finding]:
        found: list[Finding] = self._on_the_bench("compile", self._program, inputs, targets)
        return found

    def chain(self, kind: dict[str, Any], *, seed: int, steps: int) -> Sums:
        told: Sums = self._on_the_bench("chain", self._program, kind, seed=seed, steps=steps)
        return told

    def _on_the_bench(self, what: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return getattr(self._session.bench(), what)(*args, **kwargs)
        except ChildEnded as end:
            self._session.lose_with(end)
        except WorkerError as problem:
            raise MachineFaultError(f"Kernels cannot be run by themselves: {problem}") from None
