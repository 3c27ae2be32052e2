"""How much memory the judge takes at most, for honest notebooks and under attack."""

import csv
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.classroom import Classroom, small_class
from tests.benchmarks.process import CommandFailedError, grader_command, run

TOTAL = "def total(values):\n    {body}\n"
# Each stands for its kind; the last lines of a cell define what is asked for.
ATTACKS = {
    "nothing: it is right": TOTAL.format(body="return float(values.sum())"),
    "400 MiB of bytes, which a message shows": TOTAL.format(body="return bytes(400 << 20)"),
    "a byte that is an array of 2²⁹ by strides of 0": (
        "import numpy as np\n"
        + TOTAL.format(body="return np.broadcast_to(np.int8(1), (1 << 29,))")
    ),
    "an iterable without end, of long texts": TOTAL.format(
        body="while True:\n        yield 'x' * 3_000"
    ),
    "one buffer of 64 KiB that a frame names 40,000 times": """import sys
nodes, encoding = sys.modules["sandbox.wire.nodes"], sys.modules["sandbox.wire.encoding"]
encode = encoding.Encoder.encode

def forge(self, value, depth=0):
    if value == "many":
        self.buffers.append(memoryview(bytes(64 << 10)))
        return nodes.Sequence([nodes.Bytes(0)] * 40_000)
    return encode(self, value, depth)

encoding.Encoder.encode = forge

def total(values):
    return "many"
""",
}  # fmt: skip
TEST = """\
        got = total(values)
        if hasattr(got, "__iter__") and not hasattr(got, "__len__"):
            got = list(got)
        if not isinstance(got, (bytes, list)):
            got = np.asarray(got).astype(np.float64)
        assert np.all(got == length * (length - 1) / 2), f"the total is another than {got!r}"
"""


@dataclass(frozen=True, slots=True)
class Peak:
    """What one notebook sent, what became of it, and the judge's largest size."""

    what: str
    status: str
    judge_mib: float


def measure(folder: Path) -> Iterator[Peak]:
    """Grade a notebook of each kind beside a right one, which must have full marks."""
    for number, (what, cell) in enumerate(ATTACKS.items()):
        shutil.rmtree(folder, ignore_errors=True)
        yield _measure(small_class(folder, 1), what, cell, folder / f"out-{number}")


def _measure(classroom: Classroom, what: str, cell: str, out: Path) -> Peak:
    for path in classroom.course.rglob("tests/q1.py"):
        head, _, _ = path.read_text(encoding="utf-8").partition("        assert")
        path.write_text(f"{head}{TEST}", encoding="utf-8")
    [right] = classroom.notebooks
    data = json.loads(right.read_bytes())
    [stub] = [item for item in data["cells"] if "def total" in "".join(item["source"])]
    stub["source"] = cell
    sent = right.with_name("sent.ipynb")
    sent.write_text(json.dumps(data), encoding="utf-8")
    command = [
        *grader_command(), "grade", classroom.assignment.slug, classroom.folder,
        "--course", classroom.course, "-o", out, "--jobs", "1",
    ]  # fmt: skip
    done = run(command, watch_memory=True)
    with (out / "grades.csv").open(encoding="utf-8", newline="") as file:
        status = {row["student"]: row["status"] for row in csv.DictReader(file)}
    if status[right.stem] != "passed":
        raise CommandFailedError(f"beside {what}, a right notebook is {status[right.stem]}.")
    return Peak(what, status[sent.stem], done.judge_mib)
