"""What stands in a frame for a value: a number, a list, an array, an object that stayed.

What each may be made of, and what it becomes, `encoding` and `decoding` say. Both sides run this
file; in the child it is executed from source, so it may import only the standard library and
msgspec.
"""

import msgspec


class ProtocolViolationError(Exception):
    """The other side sent what the protocol does not allow; the sentence says what."""


class Struct(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The base of all nodes: positional, nothing beyond its fields."""


# None, bool, int of 64 bits, float and short str stand for themselves.


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
    Arguments that share memory name the same buffer. `graph`: 0; or 1 for a tensor that is to have
    a gradient, and `gradient` is what it has; or 2 for one that was worked out from such, and
    `sources` are those of the other side's, by their numbers; or 3 for a parameter of a module.
    """

    library: str
    dtype: str
    shape: list[int]
    strides: list[int]
    offset: int
    buffer: int
    device: str = "cpu"
    is_readonly: bool = False
    graph: int = 0
    gradient: "Array | None" = None
    sources: list[int] = []


class Alias(Struct, tag="v"):
    """A view of the call's argument array number `argument`, and what it holds.

    Where arrays are shared from call to call, it is the number by which both sides know the array.

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

# What a container, a frame or an array holds that both sides have.
Contents = Sequence | Mapping | Collection | Made | Array
