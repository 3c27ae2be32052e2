"""Dask's workers as processes: proved with a scheduler and two worker processes on this machine."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from grader.batch.cluster import connect
from grader.errors import UsageError
from tests.conftest import write_small_course
from tests.support import classes
from tests.support.processes import lives

pytestmark = pytest.mark.long

CLASS = 24
PATIENCE = 240.0


@dataclass
class Cluster:
    """A scheduler on a port of its own, and the workers that joined it."""

    folder: Path
    address: str = ""

    def __post_init__(self) -> None:
        self.started: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start("dask_scheduler", "--port", "0", "--no-dashboard",
                                     "--scheduler-file", str(self.file))  # fmt: skip

    @property
    def file(self) -> Path:
        return self.folder / "scheduler.json"

    def _start(self, module: str, *arguments: str) -> "subprocess.Popen[bytes]":
        log = (self.folder / f"{len(self.started)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{module}", "--host", "127.0.0.1",
                 *arguments],
                env=classes.environment(self.folder / "tmp"), stdout=log, stderr=log,
                cwd=self.folder,
            )  # fmt: skip
        self.started.append(process)
        return process

    def add_worker(self, *more: str) -> "subprocess.Popen[bytes]":
        return self._start(
            "dask_worker", "--scheduler-file", str(self.file), "--nthreads", "1", "--no-nanny",
            "--no-dashboard", "--local-directory", str(self.folder), *more,
        )  # fmt: skip

    def wait_for_workers(self, count: int) -> str:
        """Return the scheduler's address when all workers have joined it."""
        from distributed import Client

        wait_until(self.file.exists)
        with Client(scheduler_file=str(self.file), set_as_default=False) as client:  # type: ignore[no-untyped-call]
            if count:
                client.wait_for_workers(count, timeout=PATIENCE)
            return str(client.scheduler.address)  # type: ignore[union-attr]

    def stop(self) -> None:
        """End the workers in order, and then the scheduler, which has nothing to lose."""
        workers = [process for process in self.started if process is not self.scheduler]
        for process in workers:
            process.send_signal(signal.SIGTERM)
        for process in workers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
        for process in self.started:
            process.kill()
            process.wait()


def wait_until(ready: Callable[[], object]) -> None:
    limit = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < limit, "it does not come"
        time.sleep(0.02)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    folder = tmp_path / "cluster"
    folder.mkdir()
    made = Cluster(folder)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a scheduler listens whose two workers stay, one of them with a GPU."""
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    made.add_worker()
    made.add_worker("--resources", "GPU=1", "--nthreads", "4")
    yield made.wait_for_workers(2)
    made.stop()


def children_of(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def test_a_class_loses_nothing_when_one_of_two_workers_is_killed(
    cluster: Cluster, tmp_path: Path
) -> None:
    course = classes.be_patient(classes.write_gpu_course(tmp_path / "course"))
    students = classes.write_class(tmp_path / "class", CLASS)
    gate = classes.Gate(tmp_path / "gate")
    gate.add(students, "999-waits")
    first, second = cluster.add_worker(), cluster.add_worker()
    address = cluster.wait_for_workers(2)
    out = tmp_path / "out"
    command = classes.grade_command(course, students, out, "--cluster", address)
    environment = classes.environment(tmp_path / "tmp")
    batch = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    wait_until(
        lambda: (
            batch.poll() is not None
            or (len(classes.attempts(out)) >= 10 and children_of(first) and children_of(second))
        )
    )
    theirs = children_of(first)
    first.kill()
    gate.open()
    _, said = batch.communicate(timeout=PATIENCE)
    assert batch.returncode == 0, said
    rows = classes.results(out)["submissions"]
    assert len(rows) == CLASS + 1
    assert classes.attempts(out) == {row["student"]: 1 for row in rows}
    for row in rows:
        kind = row["student"].partition("-")[2]
        statuses = [question["status"] for question in row["questions"]]
        assert statuses == EXPECTED[kind], row["student"]
    wait_until(lambda: not any(lives(item.pid) for item in theirs))
    assert theirs, "the killed worker had started nothing"
    assert children_of(second), "the other worker judged nothing"
    cluster.stop()
    left = list((cluster.folder / "tmp").glob("grader-process-*"))
    assert len(left) <= 1, "only the killed worker may leave a folder to whoever comes next"


EXPECTED = {
    "right": ["passed", "passed", "pending", "pending"],
    "adds": ["failed", "passed", "pending", "pending"],
    "raises": ["passed", "error", "pending", "pending"],
    "exits": ["passed", "killed", "pending", "pending"],
    "warns": ["passed", "passed", "pending", "pending"],
    "waits": ["passed", "passed", "pending", "pending"],
}


def test_gpu_questions_go_to_workers_with_the_resource_one_at_a_time(
    address: str, tmp_path: Path
) -> None:
    from grader.batch.messages import ProcessSettings
    from grader.batch.run import Batch
    from grader.course.assignments import load
    from grader.gradebook.store import Store
    from tests.conftest import submission_of

    course = classes.write_gpu_course(tmp_path / "course")
    students = classes.write_class(tmp_path / "class", 10)
    pool = watched(connect(address))
    small = load("small", course, need_solutions=True)
    settings = ProcessSettings(str(small.folder), 0, small.limits, "none", "simulated")
    submissions = [submission_of(path.read_bytes(), path.stem) for path in students.iterdir()]
    with Store(tmp_path / "grades.db") as store:
        store.bind(small, 0)
        Batch(settings, small, store, pool=pool).run(submissions, jobs=1)
        reports = store.gradebook().reports
    assert {report.pending for report in reports} == {1.0}
    on_gpu = [options for device, options in pool.calls if device == "cuda"]
    assert len(on_gpu) == 10 + 2  # a grader process's start, and the reference before everybody
    assert {slots for slots, _ in on_gpu} == {1}
    assert max(running for _, running in on_gpu) == 1


class watched:  # noqa: N801 - it stands for a function
    """A pool that notes what is submitted to it, and how many tasks were under way then."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self.calls: list[tuple[str, tuple[int, int]]] = []

    @contextlib.contextmanager
    def __call__(self, jobs: int, device: str) -> Iterator[Any]:
        with self._pool(jobs, device) as processes:
            submit, running = processes.submit, []

            def note(*call: Any, **options: Any) -> Any:
                running.append(submit(*call, **options))
                under_way = sum(not future.done() for future in running)
                self.calls.append((device, (processes.slots, under_way)))
                return running[-1]

            processes.submit = note
            yield processes


def test_a_cluster_that_does_not_answer_or_has_no_workers_is_named(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grader.batch.cluster.CONNECT_SECONDS", 1)
    with pytest.raises(UsageError, match="No Dask scheduler answers at"):
        connect("tcp://127.0.0.1:9").__call__(1, "cpu").__enter__()
    monkeypatch.setattr("grader.batch.cluster.CONNECT_SECONDS", 60)
    with pytest.raises(UsageError, match="has no workers"):
        connect(cluster.wait_for_workers(0)).__call__(1, "cpu").__enter__()


def test_a_cluster_without_dask_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"pip install 'ulp-grader\[cluster\]'"):
        connect("tcp://127.0.0.1:8786")


def test_the_same_class_on_this_machine_gets_the_same_results(address: str, tmp_path: Path) -> None:
    course = write_small_course(tmp_path / "course")
    students = classes.write_class(tmp_path / "class", 5)
    for name, more in (("here", ()), ("there", ("--cluster", address))):
        done = classes.grade_here(course, students, tmp_path / name, *more)
        assert done.returncode == 0, done.stderr
    assert classes.results(tmp_path / "here") == classes.results(tmp_path / "there")
