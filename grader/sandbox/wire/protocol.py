"""Every frame that crosses between the judge and a child, and how values travel in it.

A frame is a 4-byte little-endian length, a MessagePack body of that length, and then the raw
buffers that the body announces, one after the other. Bodies decode to the structs below and, within
them, the values of `nodes`, and to nothing else: there is no pickle and no evaluation, and the
receiving side checks each size before it allocates. Both sides run this same file; in the child it
is executed from source, so it may import only its neighbours, the standard library and msgspec.
"""

from typing import Any

import msgspec

from .findings import Finding
from .kernels import Tape
from .nodes import Array, Contents, Node, Opaque, ProtocolViolationError


class Message(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The base of every message: positional, nothing beyond its fields."""


# What student code may do with an object of a class of the test's.
GIVEN_OPERATIONS = frozenset({
    "call", "getattr", "setattr", "len", "iter", "next", "contains", "getitem", "setitem",
    "delitem", "str", "repr", "format",
    "bool", "hash", "eq", "ne", "lt", "le", "gt", "ge", "add", "radd", "sub",
    "rsub", "mul", "rmul", "truediv", "rtruediv", "floordiv", "mod", "pow", "neg", "abs", "float",
    "int", "index", "round", "iadd", "enter", "exit",
})  # fmt: skip


# From the judge to the child.


class RunCell(Message, tag="run"):
    """Run one cell. `number` is what the student counts: 1 for the first code cell.

    continues: whether it is the rest of the cell that ran last. tell: names that may be looked up
    next; of those that stand for functions of the notebook's, the answer says so unasked.
    """

    request: int
    number: int
    source: str
    continues: bool = False
    tell: list[str] = []


class Get(Message, tag="get"):
    """Look up a name in the student's notebook, or pyplot by its module's name.

    watch: remember what the answer is. again: say `Unchanged` where it is what it was the last
    time that somebody watched.
    """

    request: int
    name: str
    watch: bool = False
    again: bool = False


class Case(Message, tag="case"):
    """A case begins, whose tests may ask more of objects than to be called; there is no answer.

    Objects with keys below `forget` are asked for no more, and no containers are shared yet.
    """

    request: int
    forget: int


class ListFiles(Message, tag="list files"):
    """List the files of the child's folder: each name with its bytes and the time it changed."""

    request: int


class ReadFile(Message, tag="read file"):
    """Return what a file of the child's folder holds, as an array of bytes."""

    request: int
    name: str


class WriteFile(Message, tag="write file"):
    """Give a file of the child's folder what a test has written to its own; remove it for None."""

    request: int
    name: str
    content: Node
    buffers: list[int]


class Call(Message, tag="call"):
    """Call an opaque object, or do something else with it: `operation` is one of OPERATIONS.

    first: the number of the first container that the arguments hold and both sides do not have yet.
    dropped: those that the test does not hold any more. gives_up: whether nothing that both sides
    have is followed any more. no_graph: whether the test asks within `torch.no_grad`.
    """

    request: int
    key: int
    arguments: list[Node]
    keywords: dict[str, Node]
    buffers: list[int]
    operation: str = "call"
    first: int = 0
    dropped: list[int] = []
    gives_up: bool = False
    no_graph: bool = False


class Update(Message, tag="update"):
    """Give containers that both sides have what the test has put into them.

    given_up: where the case ends, those that are followed no more and the test has changed. The
    answer is a list of those that differ: these where they are still here, and those changed here.
    gradients: those that the test has made of tensors that both sides have.
    """

    request: int
    contents: list[tuple[int, "Contents"]]
    buffers: list[int]
    first: int = 0
    given_up: list[int] = []
    ends: bool = False
    gradients: list[tuple[int, bool, Array | None]] = []


class Replace(Message, tag="replace"):
    """Have what a test has put in the place of something, and nothing that it had put there before.

    places: of each the module, the names that lead there from it, and what is to be there while
    student code runs. settings: of the environment; None removes one. asked: which of them the
    answer says, as a dict.
    """

    request: int
    places: list[tuple[str, str, Node]]
    settings: dict[str, str | None]
    asked: list[str]
    buffers: list[int]


class Import(Message, tag="import"):
    """Import a module by its name; the answer is the module."""

    request: int
    name: str


class Backward(Message, tag="backward"):
    """Work out gradients of a tensor that both have; the answer is those of `inputs`, or None.

    gradient: of what the judge has worked out from the tensor, with respect to it.
    """

    request: int
    number: int
    gradient: Node
    inputs: list[int]
    buffers: list[int]


class Returned(Message, tag="returned"):
    """What a function of the judge's gave, which the child has called within a request."""

    request: int
    value: Node
    buffers: list[int]
    first: int = 0


class Threw(Message, tag="threw"):
    """What a function of the judge's raised: a builtin class, or an exception of the child's."""

    request: int
    number: int
    builtin: str
    message: str
    key: int = -1


class Next(Message, tag="next"):
    """Take up to `count` items of an opaque iterable."""

    request: int
    key: int
    count: int


class Record(Message, tag="record"):
    """Call an opaque object and say what the call does; its kernels are not run."""

    request: int
    key: int
    arguments: list[Node]
    keywords: dict[str, Node]
    buffers: list[int]


class Bound(Message, tag="bound"):
    """List the names that the notebook has bound; the answer is a list of str."""

    request: int


class Seed(Message, tag="seed"):
    """Put generators of random numbers that a process has once into a state; None leaves one.

    numpy: the words of the legacy Mersenne Twister, as bytes, and its position, has_gauss and
    cached_gaussian. python: the words and position of `random`'s, and its gauss_next. torch: the
    state of the default generator of the CPU.
    """

    request: int
    numpy: tuple[bytes, int, int, float] | None
    python: tuple[list[int], float | None] | None
    torch: bytes | None


# From the judge to a child that has run no cell, and never will.


class Prepare(Message, tag="prepare"):
    """Keep a tape, with the tensors that travel beside it."""

    request: int
    tape: Tape
    given: list[Array]
    buffers: list[int]


class Replay(Message, tag="replay"):
    """Run a program on some inputs; the answer is its value."""

    request: int
    program: int
    inputs: list[Array]
    buffers: list[int]


class Compile(Message, tag="compile"):
    """Compile the kernels that a program launches on such inputs; none of them is run."""

    request: int
    program: int
    inputs: list[Array]
    buffers: list[int]
    targets: list[str]


class Chain(Message, tag="chain"):
    """Run a program many times, on inputs drawn there; the answer is two tensors."""

    request: int
    program: int
    shape: list[int]
    dtype: str
    seed: int
    steps: int
    device: str


# From the child to the judge.


class Failure(Message):
    """An exception of the student's: its class, the nearest builtin class, and what it said."""

    type_name: str
    builtin: str
    message: str
    traceback: str


class CellDone(Message, tag="ran"):
    """What a cell came to; `checked` are the questions that it checked, each with its line.

    rebound: here and in other replies, the names that stood for a function when they were looked
    up and stand for something else by now. functions: what names stand for, as if looked up.
    """

    request: int
    failure: Failure | None
    output: str
    discarded: int
    seconds: float
    checked: list[tuple[str, int]] = []
    rebound: list[str] = []
    functions: dict[str, Opaque] = {}


class Answer(Message, tag="answer"):
    """A value by value, and what the call wrote to of its arguments.

    `changed` holds pairs of numbers: a buffer of the call, and the answer's buffer that holds its
    memory now. `contents` holds what the containers hold that student code has changed, of those
    that both sides have. `first`: the number of the first container that the answer holds and both
    sides have from now on; 0 where they do not. `dropped`: those that no student code holds any
    more. `output` is what was printed meanwhile, cut as a cell's is; `errors` what was printed as
    an error, and `warned` the warnings, so far as a case asks for that. `gradients` are those that
    student code has made of tensors that both sides have.
    """

    request: int
    value: Node
    buffers: list[int]
    changed: list[tuple[int, int]] = []
    contents: list[tuple[int, "Contents"]] = []
    seconds: float = 0.0
    output: str = ""
    rebound: list[str] = []
    first: int = 0
    dropped: list[int] = []
    warned: list[Opaque] = []
    errors: str = ""
    gradients: list[tuple[int, bool, Array | None]] = []


class Missing(Message, tag="missing"):
    """No such name in the student's notebook."""

    request: int


class Unchanged(Message, tag="unchanged"):
    """The name's value is what the last answer about it has said."""

    request: int


class Raised(Message, tag="raised"):
    """What student code raised, and printed before.

    `error` is the exception itself, where a case asks for it. `thrown` is the number of an
    exception of the judge's that went through student code. What it has changed before is said as
    in an answer.
    """

    request: int
    failure: Failure
    output: str = ""
    error: Opaque | None = None
    thrown: int = -1
    rebound: list[str] = []
    buffers: list[int] = []
    changed: list[tuple[int, int]] = []
    contents: list[tuple[int, "Contents"]] = []
    first: int = 0
    dropped: list[int] = []
    warned: list[Opaque] = []
    errors: str = ""


class Asked(Message, tag="asked"):
    """Call a function of the judge's, within a request that stays unanswered meanwhile.

    operation: what else is done with an object of a test's; one of GIVEN_OPERATIONS; or "backward",
    to work out gradients of the tensor of this number, with respect to those of others.

    `output` is what the student's code printed before, and `contents` and `first` say what it has
    changed and what both sides have from now on, as in an answer.
    """

    request: int
    number: int
    arguments: list[Node]
    keywords: dict[str, Node]
    buffers: list[int]
    output: str = ""
    contents: list[tuple[int, "Contents"]] = []
    first: int = 0
    dropped: list[int] = []
    warned: list[Opaque] = []
    errors: str = ""
    operation: str = "call"
    gradients: list[tuple[int, bool, Array | None]] = []


class Fault(Message, tag="fault"):
    """What failed in the child's own code, which only carries values; `what` is for staff."""

    request: int
    what: str
    rebound: list[str] = []


class Recorded(Message, tag="recorded"):
    """A tape and the tensors that travel beside it; or why there is no tape."""

    request: int
    tape: Tape | None
    problem: str = ""
    given: list[Array] = []
    buffers: list[int] = []
    rebound: list[str] = []


class Prepared(Message, tag="prepared"):
    """A program's number; or what is in a kernel that keeps it from being run by itself."""

    request: int
    program: int
    problem: str = ""


class Compiled(Message, tag="compiled"):
    """One finding a kernel and target, in order."""

    request: int
    findings: list[Finding]


Request = (
    RunCell | Get | Bound | Seed | ListFiles | ReadFile | WriteFile | Call | Next | Case
    | Update | Replace | Import | Backward | Returned | Threw | Record | Prepare | Replay | Compile
    | Chain
)  # fmt: skip
Reply = (
    CellDone | Answer | Missing | Unchanged | Raised | Asked | Fault | Recorded | Prepared
    | Compiled
)  # fmt: skip

# Those that come after student code has run.
Ran = CellDone | Answer | Raised | Fault | Recorded

# The exit status of a child whose code left the GPU's context unusable.
DEVICE_LOST = 73
# And of one that has found its connection to the judge closed.
DISCONNECTED = 74

_encoder = msgspec.msgpack.Encoder()
_decoders: dict[str, msgspec.msgpack.Decoder[Any]] = {
    "request": msgspec.msgpack.Decoder(Request),
    "reply": msgspec.msgpack.Decoder(Reply),
}

LENGTH = 4


def dump(message: Request | Reply) -> bytes:
    """Return a frame's length and body."""
    body = _encoder.encode(message)
    return len(body).to_bytes(LENGTH, "little") + body


def load(body: bytes | bytearray | memoryview, side: str) -> Any:
    """Decode a body as a "request" or a "reply"; ProtocolViolationError where it is neither."""
    try:
        return _decoders[side].decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, ValueError) as problem:
        raise ProtocolViolationError(f"a frame that is no {side}: {problem}") from None
