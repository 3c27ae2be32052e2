"""What it costs that a value crosses the wall: `python -m tests.benchmarks.values`.

From the value on one side to an equal one on the other, both sides' work together, without a
socket; beside what `pickle` takes for the same, which nothing here may use on a child's bytes.
"""

import datetime as dt
import pickle
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch

from grader.sandbox.wire import decoding, encoding, protocol
from tests.benchmarks.spread import paired

RUNS = 9
ROOM = 1 << 29


def frame(rows: int = 50_000) -> pd.DataFrame:
    """Return a frame of ten columns as courses have them: numbers, words, some of them missing."""
    rng = np.random.default_rng(7)
    words = np.array(["apple", "pear", "fig", None, "quince"], object)
    day = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    columns: dict[str, Any] = {f"x{n}": rng.normal(size=rows) for n in range(3)}
    columns |= {f"n{n}": rng.integers(0, 99, rows) for n in range(2)}
    columns |= {f"w{n}": pd.Series(rng.choice(words, rows), dtype=object) for n in range(3)}
    columns["when"] = pd.Timestamp(day) + pd.to_timedelta(rng.integers(0, 999, rows), "h")
    columns["kind"] = pd.Categorical(rng.choice(["a", "b"], rows))
    return pd.DataFrame(columns)


VALUES: dict[str, Callable[[], Any]] = {
    "a float": lambda: 0.5,
    "an array of 1,000 float64": lambda: np.arange(1_000.0),
    "a tensor of 1,000 float16": lambda: torch.arange(1_000).half(),
    "a list of 100 floats": lambda: [n / 7 for n in range(100)],
    "a dict of 50 arrays": lambda: {str(n): np.arange(9) for n in range(50)},
    "a list of a million ints": lambda: list(range(1_000_000)),
    "a list of 300,000 words": lambda: [f"word{n}" for n in range(300_000)],
    "a frame of 50,000 x 10": frame,
    "a frame of 5 x 2": lambda: pd.DataFrame({"a": range(5), "b": list("abcde")}),
}


def cross(value: Any) -> Any:
    """Send a value and receive it."""
    encoder = encoding.Encoder(array_bytes=ROOM, nesting=32, keep=_refuse)
    node = encoder.encode(value)
    encoder.seal()
    sent = protocol.dump(protocol.Answer(1, node, [raw.nbytes for raw in encoder.buffers]))
    received = protocol.load(sent[protocol.LENGTH :], "reply")
    buffers = [memoryview(bytearray(raw)) for raw in encoder.buffers]
    decoder = decoding.Decoder(
        buffers, array_bytes=ROOM, nesting=32, opaque=_refuse, total_bytes=ROOM
    )
    return decoder.decode(received.value)


def _refuse(value: Any) -> Any:
    raise AssertionError(value)


def _seconds(work: Callable[[Any], Any], value: Any) -> float:
    began = time.process_time()
    work(value)
    once = time.process_time() - began
    times = max(1, int(0.02 / max(once, 1e-9)))
    began = time.process_time()
    for _ in range(times):
        work(value)
    return (time.process_time() - began) / times


def main() -> None:
    """Print one row a value."""
    print("| value | ms | times pickle |\n|---|---|---|")  # noqa: T201
    for what, make in VALUES.items():
        value = make()
        cross(value)
        ours, theirs = [], []
        for _ in range(RUNS):
            ours.append(_seconds(cross, value))
            theirs.append(_seconds(lambda one: pickle.loads(pickle.dumps(one)), value))  # noqa: S301
        ratio = paired(ours, theirs)
        print(f"| {what} | {1000 * sorted(ours)[RUNS // 2]:.3f} | {ratio.median:.1f} |")  # noqa: T201


if __name__ == "__main__":
    main()
