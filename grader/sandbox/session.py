"""The judge's side of one submission: run its cells, look up its names, call its functions."""

import contextlib
import json
import os
import shutil
import signal
import socket
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn, Self

from grader.errors import IsolationError, WorkerError
from grader.model import Isolation, Limits, Status

from .gpu_memory import GpuMemoryWatch
from .inside import usage as watch
from .launch import (
    WorkerProcess,
    chosen_way,
    make_plan,
    start_worker,
)
from .levels import cgroup
from .levels.isolation import (
    CONTAINER_UID,
    NONE,
    STRONG,
    is_root,
)
from .levels.uids import Slot
from .proxies import (
    ChildEnded,
    MissingNameError,
    Observation,
    StudentError,
    StudentFunction,
    StudentObject,
    TransferError,
    student_error,
)
from .wire.channel import Channel, ChannelClosedError
from .wire.protocol import (
    DEVICE_LOST,
    Answer,
    Call,
    CellDone,
    Failure,
    Fault,
    Get,
    Missing,
    Next,
    Opaque,
    ProtocolViolationError,
    Raised,
    RunCell,
)
from .wire.values import (
    Decoder,
    DeviceRefusedError,
    Encoder,
    ValueRefusedError,
)

__all__ = [
    "CellResult", "ChildEnded", "MissingNameError", "Observation", "Session", "StudentError",
    "StudentFunction", "StudentObject", "TransferError", "Worker",
]  # fmt: skip

# What decides a score, and has to be the same on both sides.
SAME_VERSIONS = frozenset({"numpy", "torch", "triton"})
READY_SECONDS = 120.0
MAX_FAULT = 500
END_SECONDS = 30.0  # clearing up after a fork bomb takes its time on a busy machine
MESSAGE_BYTES = 1 << 16
LOCKED = b"+"


@dataclass(frozen=True, slots=True)
class CellResult:
    """What running a cell came to."""

    failure: Failure | None
    output: str
    discarded: int
    seconds: float


class Session:
    """One child that holds one student's notebook, with every deadline that applies to it."""

    def __init__(
        self, worker: "Worker", connection: socket.socket, limits: Limits, deadline: float
    ) -> None:
        self._worker = worker
        self._limits = limits
        self._deadline = deadline
        self._channel = Channel(
            connection,
            receives="reply",
            frame_bytes=limits.frame_bytes,
            array_bytes=limits.array_bytes,
        )
        self._request = 0
        self._output_left = limits.output_bytes
        self.ended: ChildEnded | None = None

    def run_cell(self, source: str, number: int) -> CellResult:
        """Run one cell; its exception is part of the result, its death a ChildEnded."""
        self._request += 1
        message = RunCell(self._request, number, source)
        reply, _ = self._ask(message, [], self._limits.cell_seconds, f"cell {number}")
        if not isinstance(reply, CellDone):
            self._broken("a cell was answered with something else")
        # The child keeps to these limits by itself, unless it is not ours any more.
        output = reply.output[: min(self._limits.cell_output_bytes, self._output_left)]
        self._output_left -= len(output)
        discarded = max(0, reply.discarded) + len(reply.output) - len(output)
        return CellResult(reply.failure, output, discarded, reply.seconds)

    def value(self, name: str) -> Any:
        """Return what a name stands for, by value; MissingNameError where it is not defined."""
        self._request += 1
        message = Get(self._request, name)
        reply, buffers = self._ask(message, [], self._limits.call_seconds, f"looking up {name}")
        if isinstance(reply, Missing):
            raise MissingNameError(name)
        return self._result(reply, buffers, [])

    def call(
        self,
        key: int,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        mode: str = "call",
        options: dict[str, Any] | None = None,
    ) -> Any:
        """Call an object of the child's; arguments that it wrote to are written to here as well.

        TransferError where an argument or the answer cannot be handed over.
        """
        encoder = Encoder(
            array_bytes=self._limits.array_bytes,
            nesting=self._limits.nesting,
            keep=_refuse_argument,
            whole_storage=True,
        )
        self._request += 1
        try:
            message = Call(
                self._request,
                key,
                [encoder.encode(value) for value in args],
                {name: encoder.encode(value) for name, value in kwargs.items()},
                [],
                mode,
                {name: encoder.encode(value) for name, value in (options or {}).items()},
            )
        except ValueRefusedError:
            raise
        except Exception as problem:
            raise _not_handed_over("The arguments", problem) from problem
        message.buffers.extend(buffer.nbytes for buffer in encoder.buffers)
        seconds = self._limits.call_seconds
        reply, buffers = self._ask(message, encoder.buffers, seconds, "one call")
        return self._result(reply, buffers, encoder.arrays)

    def take(self, key: int, count: int) -> list[Any]:
        """Return up to `count` further items of an iterable that stayed with the child."""
        self._request += 1
        message = Next(self._request, key, count)
        reply, buffers = self._ask(message, [], self._limits.call_seconds, "taking an item")
        items = self._result(reply, buffers, [])
        if not isinstance(items, list) or len(items) > count:
            self._broken("items were not a list")
        return items

    def _ask(
        self, message: Any, buffers: list[memoryview], seconds: float, what: str
    ) -> tuple[Any, list[memoryview]]:
        if self.ended is not None:
            raise self.ended
        left = self._deadline - time.monotonic()
        allowed = min(seconds, left)
        try:
            if self._channel.speaks_unasked():
                raise ProtocolViolationError("it spoke before it was asked")
            started = time.monotonic()
            self._channel.send(message, buffers, allowed)
            reply, received = self._channel.receive(allowed - (time.monotonic() - started))
        except TimeoutError:
            self._end(Status.TIMEOUT, self._overrun(seconds, left, what))
        except ChannelClosedError:
            self._end(Status.KILLED, None)
        except ProtocolViolationError as problem:
            self._broken(str(problem))
        if reply.request != self._request:
            self._broken("a reply to another request")
        return reply, received

    def _overrun(self, seconds: float, left: float, what: str) -> str:
        if left < seconds:
            return f"the notebook took longer than {self._limits.submission_seconds:g} s"
        return f"{what} took longer than {seconds:g} s"

    def _result(self, reply: Any, buffers: list[memoryview], arguments: list[Any]) -> Any:
        if isinstance(reply, Raised):
            raise student_error(reply.failure)
        if isinstance(reply, Fault):
            raise TransferError(reply.what[:MAX_FAULT])
        if not isinstance(reply, Answer):
            self._broken("a call was answered with something else")
        decoder = Decoder(
            buffers,
            array_bytes=self._limits.array_bytes,
            nesting=self._limits.nesting,
            opaque=self._stand_in,
            arguments=arguments,
            devices=self._worker.devices,
        )
        try:
            for number, node in reply.changed:
                _write_back(arguments, number, decoder.array(node))
            return decoder.decode(reply.value)
        except StudentError:
            raise
        except DeviceRefusedError as problem:
            raise _not_handed_over("The answer", problem) from problem
        except ProtocolViolationError as problem:
            self._broken(str(problem))
        except Exception as problem:  # noqa: BLE001 - a value that a library refuses to build
            self._broken(f"a value that cannot be built ({type(problem).__name__})")

    def _stand_in(self, node: Opaque) -> StudentObject:
        kind = StudentFunction if node.is_callable else StudentObject
        return kind(self, node)

    def _broken(self, what: str) -> NoReturn:
        self._end(Status.KILLED, f"the notebook's process broke the protocol: {what}")

    def _end(self, status: Status, reason: str | None) -> NoReturn:
        """End the child, remember why, and raise it; what the worker saw decides where unsure."""
        seen = self._worker.end_child()
        if reason is None or seen.limit is not None:
            status, reason = Status.KILLED, seen.describe(self._limits)
        self.ended = ChildEnded(status, reason)
        raise self.ended

    def close(self) -> None:
        """End the child, if it is still there."""
        if self.ended is None:
            self._worker.end_child()
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


def _opaque_key(value: Any) -> Opaque | None:
    if isinstance(value, StudentObject):
        return Opaque(value._key, value._type_name, isinstance(value, StudentFunction))  # noqa: SLF001
    return None


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


def _write_back(arguments: list[Any], number: int, after: Any) -> None:
    if not 0 <= number < len(arguments):
        raise ProtocolViolationError("a changed argument that was not sent")
    before = arguments[number]
    same = type(before) is type(after) and before.dtype == after.dtype
    if not same or tuple(before.shape) != tuple(after.shape):
        raise ProtocolViolationError("a changed argument of another shape or dtype")
    if not hasattr(before, "flags"):
        _write_tensor(before, after)
        return
    if not before.flags.writeable:
        said = "assignment destination is read-only"
        raise student_error(Failure("ValueError", "ValueError", said, ""))
    before[...] = after


def _write_tensor(before: Any, after: Any) -> None:
    """Copy each element of memory once: along a stride of 0, which `expand` makes, all are one."""
    import torch

    once = tuple(slice(1) if step == 0 else slice(None) for step in before.stride())
    with torch.no_grad():
        before[once].copy_(after[once])


def _check_versions(theirs: dict[str, str | None]) -> None:
    """Raise WorkerError where a worker imported another package than a judge has."""
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
    limit: str | None

    def describe(self, limits: Limits) -> str:
        """Say in words how the process ended."""
        words = {
            "memory": f"used more than {limits.memory_bytes / 2**30:g} GiB of memory",
            "gpu": f"used more than {limits.gpu_memory_bytes / 2**30:g} GiB of the GPU's memory",
            "processor": f"used more than {limits.cpu_seconds} s of processor time",
            "tasks": f"ran more than {limits.tasks} processes and threads at once",
            "scratch": f"wrote more than {limits.scratch_bytes / 2**20:g} MiB of files",
        }
        if self.limit is not None:
            return f"the notebook {words.get(self.limit, self.limit)}"
        code = os.waitstatus_to_exitcode(self.wait_status)
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
        isolation: Isolation | None = None,
        devices: frozenset[str] = frozenset({"cpu"}),
        way: str | None = None,
        warm: bool = True,
    ) -> None:
        """Start the process.

        way: how the level's file system is made, by default the one that the probes found. warm:
        import numpy, torch and matplotlib; without, the worker starts quickly and does little.
        """
        self.isolation = isolation or Isolation(NONE)
        self.devices = devices
        self.seconds: dict[str, float] = {}
        self._ready = False
        self._session: Session | None = None
        self._gpu_memory: GpuMemoryWatch | None = None
        self._folder = tempfile.mkdtemp(prefix="notebook-")
        level = self.isolation.level
        self._slot = Slot() if level in {STRONG, CONTAINER_UID} and is_root() else None
        if level == CONTAINER_UID:
            Path(self._folder).chmod(0o711)  # the student's uid must get to its scratch
        plan = make_plan(
            level,
            way or chosen_way(level),
            folder=Path(self._folder),
            scratch_bytes=Limits().scratch_bytes,
            cuda="cuda" in devices,
            uid=self._slot.uid if self._slot else None,
        )
        modules = ["numpy", "torch", "matplotlib.pyplot", *imports] if warm else []
        # Without a GPU kernels are interpreted, which triton must know before it is imported; and
        # where there is one, who may not use it should not see it.
        on_cpu = {"TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": ""}
        interpreted = {} if "cuda" in devices else on_cpu
        self._started: WorkerProcess = start_worker(modules, plan, interpreted)
        parent = cgroup.delegated() if level != NONE else None
        self._group = cgroup.MemoryGroup.make(parent, self._started.process.pid)

    def wait_until_ready(self) -> None:
        """Return when the worker has made its imports; WorkerError where it has not."""
        if not self._ready:
            ready = self._hear("ready", READY_SECONDS)
            self.seconds["worker"] = float(ready["seconds"])
            _check_versions(ready["versions"])
            self._ready = True
            if self._group is not None:
                pid = self._started.process.pid
                self._group.adopt([pid, *watch.below(pid)])

    def session(self, limits: Limits, *, deadline: float, seed: int = 0) -> Session:
        """Fork a child for one submission."""
        self.wait_until_ready()
        if self._group is not None:
            self._group.limit(limits)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        order = {"order": "spawn", "seed": seed, "limits": asdict(limits)}
        try:
            socket.send_fds(self._started.control, [json.dumps(order).encode()], [theirs.fileno()])
        except OSError as problem:
            ours.close()
            raise WorkerError(self._epitaph("took no submission")) from problem
        finally:
            theirs.close()
        spawned = self._hear("spawned", END_SECONDS)
        self.seconds["fork"] = float(spawned["seconds"])
        self._wait_until_locked(ours)
        if "cuda" in self.devices:
            pid = self._started.process.pid
            self._gpu_memory = GpuMemoryWatch(pid, limits.gpu_memory_bytes)
        self._session = Session(self, ours, limits, deadline)
        return self._session

    def _wait_until_locked(self, connection: socket.socket) -> None:
        """Return when the child has given everything up; nothing of a student's is there yet."""
        started = time.perf_counter()
        connection.settimeout(END_SECONDS)
        try:
            said = connection.recv(1)
            reason = "" if said == LOCKED else connection.recv(500).decode("utf-8", "replace")
        except OSError as problem:
            said, reason = b"", str(problem)
        self.seconds["lock"] = time.perf_counter() - started
        if said != LOCKED:
            connection.close()
            self.end_child()
            raise IsolationError(
                f"A child could not be locked down ({reason or 'it ended'}); run `grader doctor`."
            )

    def end_child(self) -> ChildEnd:
        """Have the worker kill its child and everything that it left; return how it ended."""
        with contextlib.suppress(OSError):
            self._started.control.send(json.dumps({"order": "kill"}).encode())
        ended = self._hear("ended", END_SECONDS)
        reason = None if ended["reason"] == "judge" else ended["reason"]
        if self._group is not None and self._group.has_killed():
            reason = "memory"
        if self._gpu_memory is not None and self._gpu_memory.stop():
            reason = "gpu"
        self._gpu_memory = None
        return ChildEnd(int(ended["status"]), reason)

    def _hear(self, event: str, seconds: float) -> dict[str, Any]:
        self._started.control.settimeout(seconds)
        try:
            data = self._started.control.recv(MESSAGE_BYTES)
        except OSError as problem:
            raise WorkerError(self._epitaph(f"did not answer within {seconds:g} s")) from problem
        if not data:
            raise WorkerError(self._epitaph("ended"))
        message: dict[str, Any] = json.loads(data)
        if message.get("event") != event:
            raise WorkerError(self._epitaph(f"said {message.get('event')} instead of {event}"))
        return message

    def _epitaph(self, what: str) -> str:
        words = self._started.last_words() or "it printed nothing"
        return f"The sandbox's worker {what}; run `grader doctor`. Its last words: {words}"

    def close(self) -> None:
        """Stop the worker with whatever it runs, and remove its scratch folder."""
        if self._session is not None:
            self._session.abandon()
        if self._gpu_memory is not None:
            self._gpu_memory.stop()
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
