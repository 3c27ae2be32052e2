"""A short conversation in the warm worker, so that no child begins with an untried one.

Executed from source in the worker. Tables of classes, decoders and lines of source are made at
their first use: done here, every child has them from its fork. No name and no object stays.
"""

import contextlib
import socket
import sys
from collections.abc import Iterator
from typing import Any

from ..wire.channel import Channel
from ..wire.encoding import Encoder
from ..wire.nodes import Opaque
from ..wire.orders import ChildLimits
from ..wire.protocol import Call, Get, RunCell
from .child import NotebookProcess

ROOM = 1 << 20  # bytes, for whatever is said
LIMITS = ChildLimits(
    cpu_seconds=60, memory_bytes=ROOM, tasks=1, open_files=ROOM, file_bytes=ROOM,
    scratch_bytes=ROOM, cell_output_bytes=ROOM, output_bytes=ROOM, frame_bytes=ROOM,
    array_bytes=ROOM, nesting=64,
)  # fmt: skip
CELL = """
def rehearsed(value):
    print(value)
    return {"same": [value], "other": value + value if hasattr(value, "dtype") else (value, True)}
"""


def rehearse(shell: Any) -> None:
    """Run a cell, look a function up, call it with values of each common kind, have it raise."""
    before = dict(shell.user_ns)
    ours, theirs = socket.socketpair()
    with ours, theirs, contextlib.suppress(Exception), contextlib.redirect_stdout(None):
        judge = Channel(ours, receives="reply", frame_bytes=ROOM, array_bytes=ROOM)
        channel = Channel(theirs, receives="request", frame_bytes=ROOM, array_bytes=ROOM)
        notebook = NotebookProcess(shell, channel, LIMITS)
        for message, buffers in _requests():
            judge.send(message, buffers)
            notebook.serve_one()
            judge.receive()
    for name in [name for name in shell.user_ns if name not in before]:
        del shell.user_ns[name]


def _requests() -> Iterator[tuple[Any, list[memoryview]]]:
    yield RunCell(1, 1, CELL, False), []
    yield Get(2, "rehearsed"), []
    yield Get(3, "not_there"), []
    for number, value in enumerate(_values(), 4):
        encoder = Encoder(array_bytes=ROOM, nesting=64, keep=_refuse, as_arguments=True)
        nodes = [encoder.encode(value)]
        encoder.seal()
        sizes = [buffer.nbytes for buffer in encoder.buffers]
        yield Call(number, 0, nodes, {}, sizes), encoder.buffers
    yield Call(99, 0, [], {}, []), []  # TypeError
    yield RunCell(100, 2, "1 / 0", False), []


def _values() -> Iterator[Any]:
    yield from (None, 1, 1.0, 1j, "text", b"bytes", [1.0, 2], (1, 2), {"key": 1}, {1, 2}, range(3))
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None:
        for name in ("float16", "float32", "float64", "int64", "bool"):
            array = numpy.ones(4, name)
            yield from (array, array.reshape(2, 2).T, array[0])
    if torch is not None:
        for name in ("float16", "bfloat16", "float32", "float64", "int64"):
            tensor = torch.ones(2, 4, dtype=getattr(torch, name))
            yield from (tensor, tensor[:, ::2])


def _refuse(_value: Any) -> Opaque:
    raise ValueError("a rehearsal hands over nothing that stays")
