"""A coverage-guided run against everything that reads what a child sends.

    pip install atheris
    python tests/hostile/fuzz_decoder.py -max_total_time=600 -timeout=5 -rss_limit_mb=2048 CORPUS

The bytes are what arrives at the judge after a call. Right ends are a value, a student's exception
and the end of the child with a reason; anything else that is raised is a crash of the judge.
"""

import collections
import contextlib
import datetime as dt
import pathlib
import socket
import sys
import time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["grader.sandbox"]):
    from grader.model import Limits
    from grader.sandbox import session
    from grader.sandbox.failures import CannotCrossError, ChildEnded, StudentError, TransferError
    from grader.sandbox.handover import Handover
    from grader.sandbox.wire import channel as wire
    from grader.sandbox.wire import (
        encoding,
        nodes,
        protocol,
    )
    from grader.sandbox.worker import ChildEnd

import numpy as np
import pandas as pd
import torch

LIMITS = Limits(frame_bytes=60_000, array_bytes=1 << 20, nesting=32)


class NoWorker:
    """Stands in for the worker, which has no part in reading."""

    devices = frozenset({"cpu"})

    def end_child(self) -> ChildEnd:
        return ChildEnd(9, None)


class NoClock:
    """Counts no processor time."""

    def seconds(self) -> float:
        return 0.0

    look = seconds


class Place:
    """Stands for a class of the notebook, which stays there."""


def of_other_libraries() -> list[Any]:
    """Return values of the standard library, NumPy and pandas, of each way in which one travels."""
    day = dt.datetime(2026, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    frame = pd.DataFrame(
        {"n": [1, 2], "words": ["a", None], "kind": pd.Categorical(["x", "y"]), "o": [(1,), {2}]},
        index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["one", None]),
    )
    records = np.zeros(2, dtype=[("x", "f4"), ("name", "U3"), ("in", "i2", (2,))])
    return [
        {1, 2}, frozenset("ab"), collections.deque([1, 2], 3), collections.Counter("aab"),
        collections.OrderedDict(a=1), collections.defaultdict(list, a=[1]), bytearray(b"ab"),
        Decimal("1.5"), Fraction(1, 3), day, day.date(), day.time(), day - day, range(1, 9, 2),
        slice(1, None), pathlib.Path("a/b"), ..., NotImplemented, int, ValueError,
        records, records[0], np.array([1, "a", None], object), np.array(["ab", "c"]),
        np.ma.masked_array([1, 2], [True, False]), np.dtype([("x", "f4")]), np.datetime64("2026"),
        frame, frame["n"], frame.index, pd.Index(["a", "b"]), pd.Timestamp(day), pd.Period("2026"),
        pd.date_range("2026-01-01", periods=3, tz="UTC"), pd.Interval(0, 1), pd.NA,
        pd.array([1, None], "Int64"), torch.float16, ["text"] * 300, [1.5] * 300,
        [True, False] * 300,
    ]  # fmt: skip


def seeds() -> list[bytes]:
    """Return valid frames of each kind, from which the run starts."""
    answers: list[Any] = [
        None, True, 3, 2.5, "é", 10**30, 1 + 2j, b"abc", [1, (2, None)], {"a": [1], 2: {}},
        np.float32(1.5), np.arange(6.0).reshape(2, 3).T, np.ones(3, bool),
        torch.ones(2, 3, dtype=torch.bfloat16).t(), torch.tensor(1), np.zeros((0, 4)), print,
        *of_other_libraries(), Place,
    ]  # fmt: skip
    frames = []
    for value in answers:
        encoder = encoding.Encoder(
            array_bytes=1 << 20, nesting=32, keep=lambda _: nodes.Opaque(1, "function", True)
        )
        node = encoder.encode(value)
        encoder.seal()
        sizes = [buffer.nbytes for buffer in encoder.buffers]
        frames.append(
            protocol.dump(protocol.Answer(1, node, sizes))
            + b"".join(bytes(buffer) for buffer in encoder.buffers)
        )
    array = nodes.Array("numpy", "float64", [4], [1], 0, 0)
    alias = nodes.Alias(0, array, [2], 0)
    for number, buffer in enumerate(handed_over()._encoder.buffers):
        changed = protocol.Answer(1, alias, [buffer.nbytes], [(number, 0)])
        frames.append(protocol.dump(changed) + bytes(buffer.nbytes))
    contents = nodes.Sequence([nodes.Repeat(0), 1]), nodes.Sequence([1, 2])
    frames += [protocol.dump(protocol.Answer(1, it, [], [], [(0, it)])) for it in contents]
    twice = nodes.Sequence([nodes.Sequence([1]), nodes.Repeat(-2), nodes.Repeat(-1)])
    frames.append(protocol.dump(protocol.Answer(1, twice, [], first=-1, dropped=[0, -1])))
    failure = protocol.Failure("Oops", "ValueError", "no", "Cell 1")
    frames.append(protocol.dump(protocol.Raised(1, failure)))
    frames.append(protocol.dump(protocol.CellDone(1, failure, "text", 3, 0.1)))
    error = nodes.Opaque(2, "Oops", False, "__main__", [nodes.Kind(3, "__main__", "Oops")])
    frames.append(protocol.dump(protocol.Raised(1, failure, "printed", error)))
    frames.append(protocol.dump(protocol.Asked(1, 0, [array], {"key": 1}, [32])) + bytes(32))
    frames.append(protocol.dump(protocol.Fault(1, "it cannot travel")))
    return frames


def framed(data: bytes) -> bytes:
    """Spare the run from guessing lengths: after an even first byte the rest is one body."""
    if not data or data[0] % 2:
        return data[1:]
    body = data[1:]
    return len(body).to_bytes(4, "little") + body + bytes(4096)


def read_one(data: bytes) -> None:
    """Give the bytes to a session, and use what comes of them as a test would."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(framed(data[:60_000]))
        theirs.close()
        judge = session.Session(
            NoWorker(), ours, LIMITS, time.monotonic() + 5, clock=NoClock()  # type: ignore[arg-type]
        )  # fmt: skip
        try:
            reply, buffers = judge._conversation._channel.receive(1.0)
            with judge.case():
                if isinstance(reply, protocol.Asked):
                    arguments(judge, reply, buffers)
                else:
                    use(judge._answers.result(reply, buffers, handed_over()))
        except (wire.ChannelClosedError, nodes.ProtocolViolationError, TimeoutError):
            return
        except StudentError as error:
            error.describe()
            return
        except (ChildEnded, TransferError, CannotCrossError):
            return


def arguments(judge: session.Session, asked: protocol.Asked, buffers: list[memoryview]) -> None:
    """Read the arguments with which a student's code calls a function of a test."""
    decoder = judge._answers.decoder(buffers)
    for node in [*asked.arguments, *asked.keywords.values()]:
        use(decoder.decode(node))


def handed_over() -> Handover:
    """Return the arguments of a call: views, arrays that share memory, a list in a list."""
    encoder = encoding.Encoder(
        array_bytes=1 << 20, nesting=32, as_arguments=True,
        keep=lambda _: nodes.Opaque(1, "function", True),
    )  # fmt: skip
    table = np.zeros((4, 4))
    for value in (
        [1, [2], {"a": 3}],
        {1},
        collections.deque([1]),
        pd.DataFrame({"a": [1]}),
        table[:, :3],
        table[1:, ::2],
        torch.zeros(2, 2).t(),
    ):
        encoder.encode(value)
    encoder.seal()
    return Handover(encoder)


def use(value: Any) -> None:
    with contextlib.suppress(NotImplementedError):  # pandas has no words for years past 9999
        repr(value)[:100]
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "biufc":
            with np.errstate(all="ignore"):
                np.abs(value).sum()
    elif isinstance(value, torch.Tensor):
        value.clone()
    elif isinstance(value, (list, tuple)):
        for item in value:
            use(item)
    elif isinstance(value, dict):
        for item in value.values():
            use(item)


def main() -> None:
    for argument in sys.argv[1:]:
        with contextlib.suppress(OSError):
            if Path(argument).is_dir():
                for number, frame in enumerate(seeds()):
                    Path(argument, f"raw{number}").write_bytes(b"\1" + frame)
                    body = frame[4 : 4 + int.from_bytes(frame[:4], "little")]
                    Path(argument, f"body{number}").write_bytes(b"\0" + body)
    atheris.Setup(sys.argv, read_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
