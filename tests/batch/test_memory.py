"""What a submission sends takes a bounded part of a grader process's memory, and gives it back."""

import ctypes
import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.batch import memory, process
from grader.batch.pool import LocalProcesses
from grader.grading.judge import Engine, Request, judge
from grader.model import Status
from grader.reports import Report
from tests.conftest import notebook_of, submission_of
from tests.support.classes import RIGHT, SETUP

ROOM = 300 << 20
MAPPED = 128 << 20  # addresses that this process has, and had no page at before
STATUS = Path("/proc/self/status")
pytestmark = pytest.mark.skipif(not STATUS.exists(), reason="/proc tells what a process uses")

LARGE = {
    "bytes in a message": "def double(x):\n    return bytes(64 << 20)",
    "an array that grows": (
        "import numpy as np\ndef double(x):\n    return np.broadcast_to(np.int8(1), (1 << 26,))"
    ),
    "an iterable without end": ("def double(x):\n    while True:\n        yield 'x' * 3_000"),
}
HIDDEN = """OK_FORMAT = False
name = "q1"

from otter.test_files import test_case


@test_case(name="q1 of many", points=2, hidden=True)
def test_many(double):
    import numpy as np

    got = double(2)
    if not isinstance(got, (int, bytes, np.ndarray)):
        got = list(got)
    assert np.all(np.asarray(got, "S" if isinstance(got, bytes) else float) == 4), f"{got!r}"
"""


def grown(engine: Engine, function: str, most: int | None) -> tuple[Report, int]:
    """Return the report on a notebook, and how much larger this process was meanwhile."""
    # What was kept for nothing would be used again, and the process would not grow.
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak is from now on
    before = peak()
    content = notebook_of(SETUP, function, "grader.check('q1')", RIGHT["square"])
    request = Request(submission_of(content))
    if most is None:
        return judge(request, engine), peak() - before
    with memory.bounded(memory.addresses() + most):
        return judge(request, engine), peak() - before


def peak() -> int:
    [line] = [line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    from grader.course.assignments import load
    from grader.grading.assemble import assemble, start_worker
    from tests.conftest import write_small_course

    root = write_small_course(tmp_path_factory.mktemp("memory"))
    (root / "solutions" / "small" / "tests" / "q1.py").write_text(HIDDEN)
    small = load("small", root, need_solutions=True)
    with start_worker(small) as worker:
        yield assemble(small, {"cpu": worker})


@pytest.mark.parametrize("what", LARGE)
def test_a_large_answer_is_lost_by_itself_and_the_next_one_is_judged(
    what: str, engine: Engine
) -> None:
    report, more = grown(engine, LARGE[what], ROOM)
    assert report.questions[0].status in {Status.FAILED, Status.KILLED}
    assert report.questions[1].status is Status.PASSED
    assert all(len(case.message) < 3_000 for case in report.questions[0].cases)
    assert more < ROOM + MAPPED
    after, _ = grown(engine, RIGHT["double"], ROOM)
    assert [question.status for question in after.questions[:2]] == [Status.PASSED] * 2


def test_without_the_bound_the_same_answer_takes_more(engine: Engine) -> None:
    _, more = grown(engine, LARGE["bytes in a message"], None)
    assert more > ROOM + MAPPED


def test_the_limit_is_gone_after_a_submission_for_a_worker_would_inherit_it() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    with memory.bounded(memory.addresses() + ROOM):
        assert resource.getrlimit(resource.RLIMIT_AS) != before
        with pytest.raises(MemoryError):
            bytes(2 * ROOM)
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def keep_much() -> int:
    process.is_spent = lambda: True
    return os.getpid()


def test_a_process_that_has_kept_much_is_replaced_and_its_answer_kept() -> None:
    with LocalProcesses(1, process.finish) as processes:
        first = processes.submit(keep_much).result()
        second = processes.submit(os.getpid).result()
        assert first != second
        assert processes.submit(os.getpid).result() == second


def test_the_kernel_ends_a_grader_process_before_the_command() -> None:
    with LocalProcesses(1, process.finish) as processes:
        score = processes.submit(Path("/proc/self/oom_score_adj").read_text).result()
    assert int(score) >= memory.OOM_SCORE > int(Path("/proc/self/oom_score_adj").read_text())
