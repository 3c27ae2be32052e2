"""Every frame that crosses between the judge and a child, and how values travel in it.

A frame is a 4-byte little-endian length, a MessagePack body of that length, and then the raw
buffers that the body announces, one after the other. Bodies decode to the typed structs below and
to nothing else: there is no pickle and no evaluation, and the receiving side checks each size
before it allocates. Both sides run this same file; in the child it is executed from source, so it
may import only the standard library and msgspec.
"""

from typing import Any

import msgspec

from .findings import Finding
from .kernels import Tape


class ProtocolViolationError(Exception):
    """The other side sent what the protocol does not allow; the sentence says what."""


class Struct(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The base of everything on the wire: positional, nothing beyond its fields."""


# Values. None, bool, int of 64 bits, float and short str stand for themselves.


class Complex(Struct, tag="c"):
    real: float
    imag: float


class BigInt(Struct, tag="i"):
    hexadecimal: str


class Bytes(Struct, tag="b"):
    buffer: int


class Text(Struct, tag="s"):
    buffer: int


class Sequence(Struct, tag="l"):
    items: list["Node"]
    is_tuple: bool = False


class Mapping(Struct, tag="d"):
    pairs: list[tuple["Node", "Node"]]


class Scalar(Struct, tag="g"):
    """A NumPy scalar; its bytes are those of a 0-d array of the dtype."""

    dtype: str
    raw: bytes


class Packed(Struct, tag="p"):
    """Many items of one kind, where a container's items stand; see `packing`.

    kind: "int", "float", "bool", "date" or "str". `data` and, of texts, `lengths` and `missing`
    are numbers of buffers, or -1.
    """

    kind: str
    count: int
    data: int
    lengths: int = -1
    missing: int = -1


class Collection(Struct, tag="k"):
    """Any other container: its items, and of one with keys all keys and then all values.

    form: its name in `containers.FORMS`. about: what its form needs beside the items.
    """

    form: str
    items: list["Node"]
    about: list["Node"]


class Made(Struct, tag="m"):
    """A value that is made of parts; kind: its name in `kinds.BY_NAME`, which says of which."""

    kind: str
    parts: list["Node"]


class Repeat(Struct, tag="r"):
    """A container that both sides have by this number, or that came before in the message."""

    container: int


class Array(Struct, tag="a"):
    """A strided view of a buffer, for NumPy (`library` "numpy") or torch; see `dtypes`.

    Strides and offset count elements; NumPy's strides may be negative. `device` is "cpu" or "cuda".
    Arguments that share memory name the same buffer.
    """

    library: str
    dtype: str
    shape: list[int]
    strides: list[int]
    offset: int
    buffer: int
    device: str = "cpu"
    is_readonly: bool = False


class Alias(Struct, tag="v"):
    """A view of the call's argument array number `argument`, and what it holds.

    Strides and offset count elements from the argument's first one; the shape is the value's.
    """

    argument: int
    value: Array
    strides: list[int]
    offset: int


class Kind(Struct):
    """A class as the child names it; `bases` are numbers of a lineage, of its direct bases."""

    key: int
    module: str
    name: str
    bases: list[int] = []


class Opaque(Struct, tag="o"):
    """An object that stays with the child, and what the child claims of it.

    `module` is the name of a module. `lineage` is that of an exception class, itself first, or of
    an exception, whose text is `said`; `is_callable` tells the two apart. `base` is the name of
    the plain class that the object's derives from. `comparing` is the name in `COMPARING` of a
    library's function that compares.
    """

    key: int
    type_name: str
    is_callable: bool
    module: str = ""
    lineage: list[Kind] = []
    said: str = ""
    base: str = ""
    comparing: str = ""


class Named(Struct, tag="n"):
    """What a library calls by this name, for the child: a module, a class or a function."""

    module: str
    name: str = ""


class Callback(Struct, tag="f"):
    """A function that stays with the judge, or one that gives an iterator's next items.

    is_object: it is an object of a class of the test's, of which more can be asked than a call.
    """

    number: int
    name: str = ""
    is_iterator: bool = False
    doc: str | None = None
    is_object: bool = False


Node = (
    bool
    | int
    | float
    | str
    | Complex
    | BigInt
    | Bytes
    | Text
    | Sequence
    | Mapping
    | Packed
    | Collection
    | Made
    | Repeat
    | Scalar
    | Array
    | Alias
    | Opaque
    | Named
    | Callback
    | None
)


# What student code may do with an object of a class of the test's.
GIVEN_OPERATIONS = frozenset({
    "call", "getattr", "setattr", "len", "iter", "next", "contains", "getitem", "setitem",
    "delitem", "str", "repr", "format",
    "bool", "hash", "eq", "ne", "lt", "le", "gt", "ge", "add", "radd", "sub",
    "rsub", "mul", "rmul", "truediv", "rtruediv", "floordiv", "mod", "pow", "neg", "abs", "float",
    "int", "index", "round", "iadd", "enter", "exit",
})  # fmt: skip

# What a container holds that both sides have.
Contents = Sequence | Mapping | Collection | Made


# From the judge to the child.


class RunCell(Struct, tag="run"):
    """Run one cell. `number` is what the student counts: 1 for the first code cell.

    continues: whether it is the rest of the cell that ran last.
    """

    request: int
    number: int
    source: str
    continues: bool = False


class Get(Struct, tag="get"):
    """Look up a name in the student's notebook, or pyplot by its module's name.

    watch: remember what the answer is. again: say `Unchanged` where it is what it was the last
    time that somebody watched.
    """

    request: int
    name: str
    watch: bool = False
    again: bool = False


class Case(Struct, tag="case"):
    """A case begins, whose tests may ask more of objects than to be called; there is no answer.

    Objects with keys below `forget` are asked for no more, and no containers are shared yet.
    """

    request: int
    forget: int


class ListFiles(Struct, tag="list files"):
    """List the files of the child's folder: each name with its bytes and the time it changed."""

    request: int


class ReadFile(Struct, tag="read file"):
    """Return what a file of the child's folder holds, as an array of bytes."""

    request: int
    name: str


class WriteFile(Struct, tag="write file"):
    """Give a file of the child's folder what a test has written to its own; remove it for None."""

    request: int
    name: str
    content: Node
    buffers: list[int]


class Call(Struct, tag="call"):
    """Call an opaque object, or do something else with it: `operation` is one of OPERATIONS.

    first: the number of the first container that the arguments hold and both sides do not have yet.
    dropped: those that the test does not hold any more.
    """

    request: int
    key: int
    arguments: list[Node]
    keywords: dict[str, Node]
    buffers: list[int]
    operation: str = "call"
    first: int = 0
    dropped: list[int] = []


class Update(Struct, tag="update"):
    """Give containers that both sides have what the test has put into them."""

    request: int
    contents: list[tuple[int, "Contents"]]
    buffers: list[int]
    first: int = 0


class Returned(Struct, tag="returned"):
    """What a function of the judge's gave, which the child has called within a request."""

    request: int
    value: Node
    buffers: list[int]
    first: int = 0


class Threw(Struct, tag="threw"):
    """What a function of the judge's raised: a builtin class, or an exception of the child's."""

    request: int
    number: int
    builtin: str
    message: str
    key: int = -1


class Next(Struct, tag="next"):
    """Take up to `count` items of an opaque iterable."""

    request: int
    key: int
    count: int


class Record(Struct, tag="record"):
    """Call an opaque object and say what the call does; its kernels are not run."""

    request: int
    key: int
    arguments: list[Node]
    keywords: dict[str, Node]
    buffers: list[int]


class Bound(Struct, tag="bound"):
    """List the names that the notebook has bound; the answer is a list of str."""

    request: int


class Seed(Struct, tag="seed"):
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


class Prepare(Struct, tag="prepare"):
    """Keep a tape, with the tensors that travel beside it."""

    request: int
    tape: Tape
    given: list[Array]
    buffers: list[int]


class Replay(Struct, tag="replay"):
    """Run a program on some inputs; the answer is its value."""

    request: int
    program: int
    inputs: list[Array]
    buffers: list[int]


class Compile(Struct, tag="compile"):
    """Compile the kernels that a program launches on such inputs; none of them is run."""

    request: int
    program: int
    inputs: list[Array]
    buffers: list[int]
    targets: list[str]


class Chain(Struct, tag="chain"):
    """Run a program many times, on inputs drawn there; the answer is two tensors."""

    request: int
    program: int
    shape: list[int]
    dtype: str
    seed: int
    steps: int
    device: str


# From the child to the judge.


class Failure(Struct):
    """An exception of the student's: its class, the nearest builtin class, and what it said."""

    type_name: str
    builtin: str
    message: str
    traceback: str


class CellDone(Struct, tag="ran"):
    """What a cell came to; `checked` are the questions that it checked, each with its line.

    rebound: here and in other replies, the names that stood for a function when they were looked
    up and stand for something else by now.
    """

    request: int
    failure: Failure | None
    output: str
    discarded: int
    seconds: float
    checked: list[tuple[str, int]] = []
    rebound: list[str] = []


class Answer(Struct, tag="answer"):
    """A value by value, and what the call wrote to of its arguments.

    `changed` holds pairs of numbers: a buffer of the call, and the answer's buffer that holds its
    memory now. `contents` holds what the containers hold that student code has changed, of those
    that both sides have. `first`: the number of the first container that the answer holds and both
    sides have from now on; 0 where they do not. `dropped`: those that no student code holds any
    more. `output` is what was printed meanwhile, cut as a cell's is; `errors` what was printed as
    an error, and `warned` the warnings, so far as a case asks for that.
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


class Missing(Struct, tag="missing"):
    """No such name in the student's notebook."""

    request: int


class Unchanged(Struct, tag="unchanged"):
    """The name's value is what the last answer about it has said."""

    request: int


class Raised(Struct, tag="raised"):
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


class Asked(Struct, tag="asked"):
    """Call a function of the judge's, within a request that stays unanswered meanwhile.

    operation: what else is done with an object of a test's; one of GIVEN_OPERATIONS.

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


class Fault(Struct, tag="fault"):
    """What failed in the child's own code, which only carries values; `what` is for staff."""

    request: int
    what: str
    rebound: list[str] = []


class Recorded(Struct, tag="recorded"):
    """A tape and the tensors that travel beside it; or why there is no tape."""

    request: int
    tape: Tape | None
    problem: str = ""
    given: list[Array] = []
    buffers: list[int] = []
    rebound: list[str] = []


class Prepared(Struct, tag="prepared"):
    """A program's number; or what is in a kernel that keeps it from being run by itself."""

    request: int
    program: int
    problem: str = ""


class Compiled(Struct, tag="compiled"):
    """One finding a kernel and target, in order."""

    request: int
    findings: list[Finding]


Request = (
    RunCell | Get | Bound | Seed | ListFiles | ReadFile | WriteFile | Call | Next | Case
    | Update | Returned | Threw | Record | Prepare | Replay | Compile | Chain
)  # fmt: skip
Reply = (
    CellDone | Answer | Missing | Unchanged | Raised | Asked | Fault | Recorded | Prepared
    | Compiled
)  # fmt: skip

# Those that come after student code has run.
Ran = CellDone | Answer | Raised | Fault | Recorded

# The exit status of a child whose code left the GPU's context unusable.
DEVICE_LOST = 73

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
