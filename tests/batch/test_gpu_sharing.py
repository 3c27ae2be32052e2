"""Several submissions on one GPU: how many, with how much memory each, and who goes alone.

Nothing here needs a GPU: what its driver tells is made up, and questions that need one are judged
on the CPU.
"""

import itertools
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grader import machine
from grader.batch import process, warm_up
from grader.batch.messages import ProcessSettings
from grader.batch.run import Batch, jobs_on_gpu
from grader.course.assignments import load
from grader.gradebook.store import Store
from grader.model import Limits, Status
from grader.sandbox import ChildEnded, Worker, gpu_memory
from grader.sandbox.inside.usage import below
from tests.conftest import submission_of
from tests.grading.test_control import here
from tests.support import classes

GIB = 1 << 30


class NVMLError(Exception):
    """As the library's own."""


def library(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> None:
    """Put a management library in place that gives these answers, or its error."""
    fake: Any = types.ModuleType("pynvml")
    fake.NVMLError, fake.NVML_CLOCK_SM = NVMLError, 1
    fake.nvmlInit = fake.nvmlShutdown = lambda: None
    fake.nvmlDeviceGetHandleByIndex = lambda _number: "device"

    def answer(name: str) -> Any:
        def ask(*_: Any) -> Any:
            if name not in answers:
                raise NVMLError("not supported")
            return answers[name]

        return ask

    for name in ("Name", "MemoryInfo", "ComputeRunningProcesses", "ClockInfo"):
        setattr(fake, f"nvmlDeviceGet{name}", answer(name))
    monkeypatch.setitem(sys.modules, "pynvml", fake)


def test_what_the_driver_tells_is_known_without_touching_cuda(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    processes = [
        types.SimpleNamespace(pid=7, usedGpuMemory=3 * GIB),
        types.SimpleNamespace(pid=8, usedGpuMemory=None),  # a container hides it
    ]
    library(
        monkeypatch, Name=b"NVIDIA H100", MemoryInfo=types.SimpleNamespace(total=80 * GIB),
        ComputeRunningProcesses=processes, ClockInfo=1980,
    )  # fmt: skip
    assert machine.gpu_name() == "NVIDIA H100"
    assert machine.gpu_memory_bytes() == 80 * GIB
    assert machine.gpu_memory_by_process() == {7: 3 * GIB}
    assert machine.gpu_clock_mhz() == 1980


def test_what_it_does_not_tell_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    library(monkeypatch)
    assert (machine.gpu_name(), machine.gpu_memory_bytes(), machine.gpu_clock_mhz()) == (
        None,
        None,
        None,
    )
    assert machine.gpu_memory_by_process() == {}


def test_the_library_stays_open_while_it_is_asked_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library(monkeypatch, Name="NVIDIA H100")
    said: list[str] = []
    monkeypatch.setattr(sys.modules["pynvml"], "nvmlInit", lambda: said.append("init"))
    monkeypatch.setattr(sys.modules["pynvml"], "nvmlShutdown", lambda: said.append("shutdown"))
    with machine.management_library():
        machine.gpu_name()
    assert said == ["init", "init", "shutdown", "shutdown"]  # it counts


def test_a_machine_without_the_library_knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with machine.management_library():
        assert machine.gpu_name() is None


@pytest.mark.parametrize(
    ("memory", "jobs", "expected"),
    [(80 * GIB, 16, 11), (80 * GIB, 4, 4), (8 * GIB, 16, 1), (4 * GIB, 16, 1), (None, 16, 1)],
)
def test_as_many_share_a_gpu_as_cores_and_memory_allow(
    memory: int | None, jobs: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "gpu_memory_bytes", lambda: memory)
    assert jobs_on_gpu(Limits(), jobs) == expected


# Memory.


@pytest.fixture
def gpu_worker() -> Iterator[Worker]:
    with Worker(devices=frozenset({"cpu", "cuda"}), warm=False) as worker:
        worker.wait_until_ready()
        yield worker


LOOKS = 6


def run_until_seen(
    worker: Worker, held: Callable[[], dict[int, int]], monkeypatch: pytest.MonkeyPatch
) -> str:
    """Run cells until the GPU's memory was looked at several times; say how the child ended."""
    looks: list[dict[int, int]] = []

    def look() -> dict[int, int]:
        looks.append(held())
        return looks[-1]

    monkeypatch.setattr(machine, "gpu_memory_by_process", look)
    session = worker.session(Limits(cell_seconds=60), deadline=time.monotonic() + 600)
    try:
        for number in itertools.count(1):
            session.run_cell("import time; time.sleep(0.02)", number)
            if len(looks) >= LOOKS:
                break
    except ChildEnded as ended:
        return f"{ended.status}: {ended.reason}"
    finally:
        session.close()
    return "ran"


def test_who_takes_too_much_of_the_gpus_memory_is_ended_and_the_next_one_is_not(
    gpu_worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_memory, "EVERY_SECONDS", 0.05)
    pid = gpu_worker._started.process.pid
    said = run_until_seen(gpu_worker, lambda: dict.fromkeys(below(pid), 7 * GIB), monkeypatch)
    assert said == "killed: the notebook used more than 6 GiB of the GPU's memory"
    for held in (
        lambda: dict.fromkeys(below(pid), 5 * GIB),
        lambda: {1: 70 * GIB},  # somebody else's
    ):
        assert run_until_seen(gpu_worker, held, monkeypatch) == "ran"


# Who goes alone.


def test_what_must_run_alone_comes_last_and_one_at_a_time(tmp_path: Path) -> None:
    course = classes.write_gpu_course(tmp_path / "course")
    toml = course / "assignments" / "small" / "assignment.toml"
    text = toml.read_text(encoding="utf-8")
    toml.write_text(text.replace('requires = "cuda"', 'requires = "cuda"\nalone = true'),
                    encoding="utf-8")  # fmt: skip
    small = load("small", course, need_solutions=True)
    students = sorted(classes.write_class(tmp_path / "class", 3).iterdir())
    settings = ProcessSettings(str(small.folder), 0, small.limits, "none", "simulated")
    said: list[str] = []
    order: list[tuple[str, ...]] = []
    with Store(tmp_path / "grades.db") as store:
        store.bind(small, 0)
        try:
            batch = Batch(
                settings, small, store, pool=here, on_phase=said.append,
                on_report=lambda report: order.append(tuple(q.name for q in report.questions)),
            )  # fmt: skip
            batch.run([submission_of(p.read_bytes(), p.stem) for p in students], jobs=1)
        finally:
            process.close()
        reports = store.gradebook().reports
    assert said == ["3 on the CPU, 1 at once", "3 on the GPU, alone, one at a time"]
    assert order == [("q1", "q2", "r1")] * 3 + [("g1",)] * 3
    assert [report.questions[3].status for report in reports] == [
        Status.PASSED, Status.FAILED, Status.PASSED,
    ]  # fmt: skip


def test_a_gpu_that_student_code_cannot_use_leaves_its_questions_pending_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = load("small", classes.write_gpu_course(tmp_path / "course"), need_solutions=True)
    students = sorted(classes.write_class(tmp_path / "class", 1).iterdir())
    settings = ProcessSettings(str(small.folder), 0, small.limits, "none", "auto")
    monkeypatch.setattr(warm_up, "_gpu", lambda _settings: "NVIDIA H100")
    monkeypatch.setattr(machine, "may_have_gpu", lambda: True)
    monkeypatch.setattr(warm_up, "_cuda_fault", lambda *_: "the driver answers error 304")
    said: list[str] = []
    with Store(tmp_path / "grades.db") as store:
        store.bind(small, 0)
        try:
            batch = Batch(settings, small, store, pool=here, on_phase=said.append)
            batch.run([submission_of(p.read_bytes(), p.stem) for p in students], jobs=1)
        finally:
            process.close()
        [report] = store.gradebook().reports
    by_name = {question.name: question for question in report.questions}
    assert by_name["q1"].status is by_name["q2"].status is Status.PASSED
    assert (by_name["g1"].status, by_name["g1"].pending) == (Status.PENDING, 2.0)
    assert by_name["g1"].note == "the driver answers error 304"
    assert said[1] == ("1 on the GPU, 1 at once; they stay pending: the driver answers error 304")
