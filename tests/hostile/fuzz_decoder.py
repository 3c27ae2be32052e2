"""A coverage-guided run against everything that reads what a child sends.

    pip install atheris
    python tests/hostile/fuzz_decoder.py -max_total_time=600 -timeout=5 -rss_limit_mb=2048 CORPUS

The bytes are what arrives at the judge after a call. Right ends are a value, a student's exception
and the end of the child with a reason; anything else that is raised is a crash of the judge.
"""

import contextlib
import socket
import sys
import time
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["grader.sandbox"]):
    from grader.model import Limits
    from grader.sandbox import session
    from grader.sandbox.handover import Handover
    from grader.sandbox.wire import channel as wire
    from grader.sandbox.wire import protocol, values
    from grader.sandbox.worker import ChildEnd

import numpy as np
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


def seeds() -> list[bytes]:
    """Return valid frames of each kind, from which the run starts."""
    answers: list[Any] = [
        None, True, 3, 2.5, "é", 10**30, 1 + 2j, b"abc", [1, (2, None)], {"a": [1], 2: {}},
        np.float32(1.5), np.arange(6.0).reshape(2, 3).T, np.ones(3, bool),
        torch.ones(2, 3, dtype=torch.bfloat16).t(), torch.tensor(1), np.zeros((0, 4)), print,
    ]  # fmt: skip
    frames = []
    for value in answers:
        encoder = values.Encoder(
            array_bytes=1 << 20, nesting=32, keep=lambda _: protocol.Opaque(1, "function", True)
        )
        node = encoder.encode(value)
        sizes = [buffer.nbytes for buffer in encoder.buffers]
        frames.append(
            protocol.dump(protocol.Answer(1, node, sizes))
            + b"".join(bytes(buffer) for buffer in encoder.buffers)
        )
    array = protocol.Array("numpy", "float64", [4], [1], 0, 0)
    alias = protocol.Alias(0, array, [2], 0)
    frames.append(protocol.dump(protocol.Answer(1, alias, [32], [(0, 0)])) + bytes(32))
    again = protocol.Sequence([protocol.Repeat(0), 1])
    frames.append(protocol.dump(protocol.Answer(1, again, [], [], [(0, again)])))
    failure = protocol.Failure("Oops", "ValueError", "no", "Cell 1")
    frames.append(protocol.dump(protocol.Raised(1, failure)))
    frames.append(protocol.dump(protocol.CellDone(1, failure, "text", 3, 0.1)))
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
            reply, buffers = judge._channel.receive(1.0)
            with judge.case():
                value = judge._result(reply, buffers, handed_over())
                use(value)
        except (wire.ChannelClosedError, protocol.ProtocolViolationError, TimeoutError):
            return
        except session.StudentError as error:
            error.describe()
            return
        except session.ChildEnded:
            return


def handed_over() -> Handover:
    """Return the arguments of a call: views, arrays that share memory, a list in a list."""
    encoder = values.Encoder(
        array_bytes=1 << 20, nesting=32, as_arguments=True,
        keep=lambda _: protocol.Opaque(1, "function", True),
    )  # fmt: skip
    table = np.zeros((4, 4))
    for value in ([1, [2], {"a": 3}], table[:, :3], table[1:, ::2], torch.zeros(2, 2).t()):
        encoder.encode(value)
    encoder.seal()
    return Handover(encoder)


def use(value: Any) -> None:
    repr(value)[:100]
    if isinstance(value, np.ndarray):
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
