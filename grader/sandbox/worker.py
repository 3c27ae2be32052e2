"""The judge's handle on one warm worker: start it, fork children in it, hear how they ended."""

import contextlib
import math
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from grader.errors import GraderError, IsolationError, WorkerError
from grader.model import LIBRARIES, Isolation, IsolationLevel, Limits, Status

from .bench import Bench
from .endings import CLOSED, EndedBy, by_signal
from .gpu_memory import GpuMemoryWatch
from .inside.usage import below
from .launch import (
    Files,
    WorkerProcess,
    make_plan,
    start_worker,
)
from .levels import cgroup
from .levels.cores import Core
from .levels.host import is_root
from .levels.recipes import Way, recipe
from .levels.uids import Slot
from .patience import ProcessorClock
from .wire import orders
from .wire.channel import SOCKET_BYTES
from .wire.nodes import ProtocolViolationError
from .wire.orders import ChildLimits, Resource
from .wire.protocol import DEVICE_LOST, DISCONNECTED
from .writing import as_sent

if TYPE_CHECKING:
    from .session import Session

Event = TypeVar("Event", orders.Ready, orders.Spawned, orders.Ended)

# What decides a score, and has to be the same on both sides.
SAME_VERSIONS = frozenset({"numpy", "torch", "triton"})
KERNELS = "triton"  # who imports it is asked for what a call launches
READY_SECONDS = 120.0
MOST_EXPECTED = orders.PACKET_BYTES // 2  # bytes of cells in one packet
END_SECONDS = 30.0  # clearing up after a fork bomb takes its time on a busy machine


def _check_versions(theirs: dict[str, str | None]) -> None:
    """Raise WorkerError where a worker imported another package than a judge has."""
    from importlib import metadata  # which no worker's start should wait for

    for name in SAME_VERSIONS & theirs.keys():
        try:
            ours = metadata.version(name)
        except metadata.PackageNotFoundError:
            ours = None
        # A local part such as +cpu is not always in both.
        if _public(ours) != _public(theirs[name]):
            raise WorkerError(
                f"The sandbox's worker imports {name} {theirs[name] or 'from nowhere'} and the "
                f"grader has {ours or 'none'}: install one {name} into one environment, and run "
                "the grader with that environment's Python and without PYTHONPATH."
            )


def _public(version: str | None) -> str | None:
    return None if version is None else version.partition("+")[0]


@dataclass(frozen=True, slots=True)
class ChildEnd:
    """How a child ended as the worker saw it: a wait status, and the limit that it broke."""

    wait_status: int
    exceeded: Resource | None
    processor_seconds: float = 0.0

    @property
    def status(self) -> Status:
        """Return `TIMEOUT` where time ran out, else `KILLED`."""
        return Status.TIMEOUT if self.by is EndedBy.PROCESSOR else Status.KILLED

    @property
    def by(self) -> EndedBy:
        if self.exceeded is not None:
            return EndedBy.PROCESSOR if self.exceeded is Resource.PROCESSOR else EndedBy.ITSELF
        if os.WIFSIGNALED(self.wait_status):
            return by_signal(os.WTERMSIG(self.wait_status))
        return EndedBy.ITSELF

    def describe(self, limits: Limits) -> str:
        """Say in words how the process ended."""
        gpu_memory = limits.gpu_memory_bytes / 2**30
        words = {
            Resource.MEMORY: f"used more than {limits.memory_bytes / 2**30:g} GiB of memory",
            Resource.GPU: f"used more than {gpu_memory:g} GiB of the GPU's memory",
            Resource.PROCESSOR: f"used more than {limits.cpu_seconds} s of processor time",
            Resource.TASKS: f"ran more than {limits.tasks} processes and threads at once",
            Resource.SCRATCH: f"wrote more than {limits.scratch_bytes / 2**20:g} MiB of files, or "
            "too many or too deep ones",
        }
        if self.exceeded is not None:
            return f"the notebook {words[self.exceeded]}"
        code = os.waitstatus_to_exitcode(self.wait_status)
        if code == DISCONNECTED:
            return CLOSED
        if code == DEVICE_LOST:
            return "the notebook's code left the GPU unusable, as an illegal memory access does"
        if code == -signal.SIGXCPU:
            return f"the notebook used more than {limits.cpu_seconds} s of processor time"
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"the notebook's process was ended by {signal.Signals(-code).name}"
        return f"the notebook's process ended itself with exit status {code}"


class Worker:
    """The judge's handle on one warm worker; one session at a time."""

    def __init__(
        self,
        *,
        imports: tuple[str, ...] = (),
        libraries: tuple[str, ...] = LIBRARIES,
        isolation: Isolation | None = None,
        devices: frozenset[str] = frozenset({"cpu"}),
        files: Iterable[tuple[str, str]] = (),
        warm: bool = True,
        folder: Path | None = None,
        is_bench: bool = False,
        shares_core: bool = False,
    ) -> None:
        """Start the process.

        isolation: without a way, the level's first is taken. files: what each child finds beside
        its notebook, by name there and path here. warm: import numpy, `libraries` and `imports`;
        without, the worker starts quickly and does little. folder: where its own lies; without,
        among the temporary files. is_bench: its children run no cell, beside those of another.
        shares_core: whether this thread keeps to its child's processor while it has one: where all
        that it does takes one.
        """
        self.isolation = isolation or Isolation(IsolationLevel.NONE)
        self.devices = devices
        self._imports = imports
        self._bench: Worker | None = None
        self._expects_bench = KERNELS in imports and not is_bench
        self.seconds: dict[str, float] = {}
        self._ready = False
        self._own: frozenset[int] = frozenset()  # processes below, that are no child's
        self._session: Session | None = None
        self._gpu_memory: GpuMemoryWatch | None = None
        self._folder = tempfile.mkdtemp(prefix="notebook-", dir=folder)
        level = recipe(self.isolation.level)
        self._confines = level.confines
        self._core: Core | None = None  # of the child
        self._shares_core = shares_core
        self._slot = Slot() if level.lends_uid and is_root() else None
        if level.child_becomes_uid:
            Path(self._folder).chmod(0o711)  # the student's uid must get to its scratch
        plan = make_plan(
            level,
            Way(self.isolation.way or level.ways()[0]),
            folder=Path(self._folder),
            files=Files.copied(files, Path(self._folder) / "files"),
            cuda="cuda" in devices,
            uid=self._slot.uid if self._slot else None,
            network=self.isolation.network,
        )
        modules = ("numpy", *libraries, *imports) if warm else ()
        # Without a GPU kernels are interpreted, which triton must know before it is imported; and
        # where there is one, who may not use it should not see it.
        on_cpu = {"TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": ""}
        interpreted = {} if "cuda" in devices else on_cpu
        self._started: WorkerProcess = start_worker(modules, plan, interpreted)
        parent = cgroup.delegated() if level.confines else None
        self._group = cgroup.MemoryGroup.make(parent, self._started.process.pid)

    def wait_until_ready(self) -> None:
        """Return when the worker has made its imports; WorkerError where it has not."""
        if not self._ready:
            ready = self._receive(orders.Ready, READY_SECONDS)
            self.seconds["worker"] = ready.seconds
            _check_versions(ready.versions)
            self._ready = True
            pid = self._started.process.pid
            self._own = frozenset(below(pid))
            if self._group is not None:
                self._group.adopt([pid, *self._own])

    def expect(self, cells: Iterable[tuple[int, str]]) -> None:
        """Have cells compiled that notebooks are likely to have, by what a student counts them as.

        It spares time and changes nothing: what the worker has no room for is left out.
        """
        control = self._started.control
        control.setblocking(False)
        with contextlib.suppress(OSError):
            for packet in _packets(cells):
                control.send(packet)
        control.setblocking(True)

    def session(
        self,
        limits: Limits,
        *,
        deadline: float,
        processor: float = math.inf,
        seed: int = 0,
        core: Core | None = None,
    ) -> "Session":
        """Fork a child for one submission, which has until then, and so much processor time.

        core: whose processor it shares; without, it has one of its own.
        """
        from .session import Session  # it needs NumPy, for which no worker's start should wait

        self.wait_until_ready()
        if self._expects_bench and self._bench is None:
            with contextlib.suppress(GraderError, OSError):  # who asks for one hears what is wrong
                self._start_bench()  # its imports take as long as a notebook
        if self._group is not None:
            self._group.limit(limits)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        # The child may not choose how much its sockets hold.
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
        if core is None and self._confines:
            core = self._core = Core()
            if self._shares_core:
                core.keep_here()
        number = core.number if core else None
        at_once = self._shares_core and core is not None and core.is_own
        order = orders.dump(orders.Spawn(seed, _child_limits(limits), number, at_once))
        try:
            socket.send_fds(self._started.control, [order], [theirs.fileno()])
        except OSError as problem:
            ours.close()
            raise WorkerError(self._described("took no submission")) from problem
        finally:
            theirs.close()
        self.seconds["fork"] = self._receive(orders.Spawned, END_SECONDS).seconds
        self._wait_until_locked(ours)
        if "cuda" in self.devices:
            pid = self._started.process.pid
            self._gpu_memory = GpuMemoryWatch(pid, limits.gpu_memory_bytes)
        clock = ProcessorClock(self._started.process.pid, self._own)
        self._session = Session(
            self, ours, limits, deadline, clock=clock, processor=processor
        )  # fmt: skip
        return self._session

    def bench(self, limits: Limits, *, deadline: float, processor: float) -> Bench:
        """Fork a child that will run no cell, beside the one that does, in a worker of its own.

        Its limits are those of a session, and its processor is that of the child beside it: one of
        the two waits for the other. WorkerError or IsolationError where it cannot be started.
        """
        if self._bench is None:
            self._start_bench()
        assert self._bench is not None  # noqa: S101 - for the type checker
        try:
            beside = self._bench.session(
                limits, deadline=deadline, processor=processor, core=self._core
            )
            return Bench(beside)
        except GraderError:
            self._bench.close()
            self._bench = None  # the next call may have more luck
            raise

    def _start_bench(self) -> None:
        self._bench = Worker(
            imports=self._imports,
            libraries=("torch",),
            isolation=self.isolation,
            devices=self.devices,
            # A case may have given temporary files another place, which ends with it.
            folder=Path(self._folder).parent,
            is_bench=True,
        )

    def _wait_until_locked(self, connection: socket.socket) -> None:
        """Return when the child has given everything up; nothing of a student's is there yet."""
        started = time.perf_counter()
        connection.settimeout(END_SECONDS)
        reason = _why_not_locked(connection)
        self.seconds["lock"] = time.perf_counter() - started
        if reason is not None:
            connection.close()
            self.end_child()
            raise IsolationError(
                f"A child could not be locked down ({reason}); run `grader doctor`."
            )

    def end_child(self) -> ChildEnd:
        """Have the worker kill its child and everything that it left; return how it ended."""
        with contextlib.suppress(OSError):
            self._started.control.send(orders.dump(orders.Kill()))
        ended = self._receive(orders.Ended, END_SECONDS)
        self._release_core()
        exceeded = ended.exceeded
        if self._group is not None and self._group.has_killed():
            exceeded = Resource.MEMORY
        if self._gpu_memory is not None and self._gpu_memory.stop():
            exceeded = Resource.GPU
        self._gpu_memory = None
        return ChildEnd(ended.wait_status, exceeded, ended.processor_seconds)

    def _release_core(self) -> None:
        if self._core is not None:
            self._core.release()
            self._core = None

    def _receive(self, kind: type[Event], seconds: float) -> Event:
        """Return the worker's next message, which has to be of this kind."""
        self._started.control.settimeout(seconds)
        try:
            data = self._started.control.recv(orders.PACKET_BYTES)
        except TimeoutError as problem:
            said = f"did not answer within {seconds:g} s"
            raise WorkerError(self._described(said)) from problem
        except OSError as problem:
            raise WorkerError(self._described("ended")) from problem
        if not data:
            raise WorkerError(self._described("ended"))
        try:
            event = orders.load_event(data)
        except ProtocolViolationError as problem:
            raise WorkerError(self._described(f"sent {problem}")) from problem
        if not isinstance(event, kind):
            said = f"sent {type(event).__name__} where {kind.__name__} was due"
            raise WorkerError(self._described(said))
        return event

    def _described(self, what: str) -> str:
        """Return a sentence for staff: what the worker did, and what it printed before."""
        printed = self._started.printed() or "nothing"
        return f"The sandbox's worker {what}; run `grader doctor`. It printed: {printed}"

    def close(self) -> None:
        """Stop the worker with whatever it runs, and remove its scratch folder."""
        if self._session is not None:
            self._session.abandon()
        if self._bench is not None:
            self._bench.close()
        if self._gpu_memory is not None:
            self._gpu_memory.stop()
        self._release_core()
        self._started.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._group is not None:
            self._group.remove()
        if self._slot is not None:
            self._slot.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def _packets(cells: Iterable[tuple[int, str]]) -> Iterator[bytes]:
    """Yield orders that expect cells, few at a time; a cell that fits into none is left out."""
    due: list[tuple[int, str]] = []
    room = MOST_EXPECTED
    for number, source in cells:
        size = 4 * len(source)  # bytes at most
        if size > MOST_EXPECTED:
            continue
        if size > room:
            yield orders.dump(orders.Expect(due))
            due, room = [], MOST_EXPECTED
        due.append((number, as_sent(source)))
        room -= size
    if due:
        yield orders.dump(orders.Expect(due))


def _child_limits(limits: Limits) -> ChildLimits:
    names = ChildLimits.__struct_fields__
    return ChildLimits(**{name: int(getattr(limits, name)) for name in names})


def _why_not_locked(connection: socket.socket) -> str | None:
    """Return None once a child says that it is locked down, or why it is not."""
    try:
        # Sent whole in one call, and nothing follows it before the first request.
        data = connection.recv(orders.PACKET_BYTES)
        if not data:
            return "it ended"
        first = orders.load_first(data)
    except (OSError, ProtocolViolationError) as problem:
        return str(problem)
    return first.reason if isinstance(first, orders.NotLocked) else None
