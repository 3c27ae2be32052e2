"""The messages between a judge and its worker, and the child's first one.

Student code holds neither end of the control socket, and has not begun when a child says that it
is locked down: what does not fit here is a fault of ours.
"""

from enum import StrEnum
from typing import TypeVar

import msgspec

from .nodes import ProtocolViolationError, Struct

# The most that one packet of the control socket holds.
PACKET_BYTES = 1 << 16
# The most of an exception's text that `NotLocked` carries.
MAX_REASON = 500


class Resource(StrEnum):
    """What a submission may use up."""

    MEMORY = "memory"
    GPU = "gpu"
    PROCESSOR = "processor"
    TASKS = "tasks"
    SCRATCH = "scratch"


class ChildLimits(Struct, kw_only=True):
    """Those of a submission's limits that worker and child apply, by the names of `model.Limits`.

    Sizes in bytes, times in seconds of processor time.
    """

    cpu_seconds: int
    memory_bytes: int
    tasks: int
    open_files: int
    file_bytes: int
    scratch_bytes: int
    cell_output_bytes: int
    output_bytes: int
    frame_bytes: int
    array_bytes: int
    nesting: int


class LockdownSettings(Struct, kw_only=True):
    """What a child of one worker gives up.

    `confined` is False where nothing is given up. `nested`: each child gets its own processes,
    mounts and IPC. `uid` is whom a child becomes, or None. `filter` is a seccomp program, in which
    `own_pid`, where it is not 0, stands for the child's number. `readable` and `writable` are paths
    for Landlock; of each folder in `listed` only the entries named may be read. `tasks_base` is
    what RLIMIT_NPROC counts beside a child's own tasks. `files` is the folder with what each child
    finds in its scratch, "" for nothing. `network`: a child may connect to the `ports` of other
    machines. `owns_network`: no process outside has a socket in the worker's network.
    """

    confined: bool
    nested: bool
    uid: int | None
    scratch: str
    files: str
    filter: bytes
    own_pid: int
    landlock: bool
    readable: tuple[str, ...]
    listed: tuple[tuple[str, tuple[str, ...]], ...]
    writable: tuple[str, ...]
    tasks_base: int
    cuda: bool
    owns_network: bool
    network: bool
    ports: tuple[int, ...]


class Start(Struct):
    """What a worker is: its descriptor of the control socket, its imports, what a child loses.

    `fonts` are the texts of the files by which matplotlib knows the machine's fonts, by name.
    """

    control: int
    imports: tuple[str, ...]
    lockdown: LockdownSettings
    fonts: dict[str, str]


# From the judge to the worker.


class Spawn(Struct, tag="spawn"):
    """Fork a child whose connection is the descriptor that comes along.

    `core` is the processor that it keeps to once it is more than one task, or None. `at_once`: the
    worker and the child keep to it from now on.
    """

    seed: int
    limits: ChildLimits
    core: int | None
    at_once: bool = False


class Expect(Struct, tag="expect"):
    """Compile cells before the next fork, each as the one that a student counts by its number."""

    cells: list[tuple[int, str]]


class Kill(Struct, tag="kill"):
    """End the child and everything that it started."""


# From the worker to the judge.


class Ready(Struct, tag="ready"):
    """The imports are made: each package with its version, None where it is not installed."""

    versions: dict[str, str | None]
    seconds: float


class Spawned(Struct, tag="spawned"):
    seconds: float


class Ended(Struct, tag="ended"):
    """The child's wait status, the limit for which the worker ended it, its processor time."""

    wait_status: int
    exceeded: Resource | None
    processor_seconds: float


# From the child to the judge, once, before any student code runs.


class Locked(Struct, tag="locked"):
    """The child has given up everything that it had to."""


class NotLocked(Struct, tag="not locked"):
    """A step of the lockdown failed; the child ends."""

    reason: str


Order = Spawn | Expect | Kill
Event = Ready | Spawned | Ended
First = Locked | NotLocked
Message = TypeVar("Message")

_encoder = msgspec.msgpack.Encoder()
_start = msgspec.msgpack.Decoder(Start)
_order: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
_event: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)
_first: msgspec.msgpack.Decoder[First] = msgspec.msgpack.Decoder(First)


def dump(message: Start | Order | Event | First) -> bytes:
    """Return a message as one packet."""
    return _encoder.encode(message)


def load_start(data: bytes) -> Start:
    """Decode what a worker is started with."""
    return _load(_start, data)


def load_order(data: bytes) -> Order:
    """Decode what a judge sent to a worker."""
    return _load(_order, data)


def load_event(data: bytes) -> Event:
    """Decode what a worker sent to a judge."""
    return _load(_event, data)


def load_first(data: bytes) -> First:
    """Decode a child's first message."""
    return _load(_first, data)


def _load(decoder: msgspec.msgpack.Decoder[Message], data: bytes) -> Message:
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError, ValueError) as problem:
        raise ProtocolViolationError(f"a message that is none of these: {problem}") from None
