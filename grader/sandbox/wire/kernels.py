"""A call without the process that made it: its operations and kernel launches, to be run anew.

A tape is what a student's process says a call does: which of torch's operations, which kernels, in
which order, on which tensors. Nothing in it is believed. It is run elsewhere, on other inputs, and
what comes out there is what counts. A kernel is the text of its function, with those functions,
numbers and names of Triton's that it needs.

Both sides run this file; beside student code it is imported from text.
"""

import msgspec


class Struct(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The base of what a tape is made of: positional, nothing beyond its fields."""


class Ref(Struct, tag="r"):
    """A tensor: the inputs are numbered first, then what each step gives."""

    number: int


class Items(Struct, tag="l"):
    items: list["Item"]
    is_tuple: bool = False


class Named(Struct, tag="n"):
    """What a library or the tape itself has under a name.

    kind: "dtype", "device", "layout" and "memory_format" are torch's; "module" and "member" are
    Triton's, by their full names; "tl" is a dtype of Triton's; "kernel" is a function of the tape.
    """

    kind: str
    name: str


class Constexpr(Struct, tag="c"):
    value: "Item"


class Descriptor(Struct, tag="d"):
    """Triton's description of a tensor that is loaded and stored by whole blocks."""

    base: Ref
    shape: list[int]
    strides: list[int]
    block: list[int]


Item = bool | int | float | str | Ref | Items | Named | Constexpr | Descriptor | None


class Function(Struct):
    """The text of a kernel, or of a function that a kernel calls, from its `def` on."""

    name: str
    source: str


class Given(Struct, tag="given"):
    """A tensor that no operation of the call made: it travels beside the tape."""

    number: int


class Operation(Struct, tag="operation"):
    """One of torch's operations, by its full name, such as aten::empty.memory_format."""

    name: str
    arguments: list[Item]
    keywords: dict[str, Item]


class KernelLaunch(Struct, tag="launch"):
    kernel: str
    grid: list[int]
    arguments: list[Item]
    keywords: dict[str, Item]


class Tape(Struct):
    """One call: `inputs` counts the tensors among its arguments, in order."""

    inputs: int
    functions: list[Function]
    names: dict[str, Item]
    steps: list[Given | Operation | KernelLaunch]
    result: Item
    literals: int = 0  # of the tensors given, those that are numbers in the call's own text

    def operations(self) -> tuple[str, ...]:
        """Return the names of what is run, in order."""
        found = []
        for step in self.steps:
            if isinstance(step, Operation):
                found.append(step.name)
            elif isinstance(step, KernelLaunch):
                found.append(f"triton::{step.kernel}")
        return tuple(found)

    @property
    def outside(self) -> int:
        """How many tensors were made by nothing that is on the tape."""
        given = sum(isinstance(step, Given) for step in self.steps)
        return max(0, given - self.literals)
