"""Kill a batch, its grader processes, its workers, or its disk, at any moment: no grade is lost."""

import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from grader.batch import scratch
from grader.batch.messages import ProcessSettings
from tests.conftest import notebook_of
from tests.support import classes
from tests.support.classes import PATIENCE, Gate

pytestmark = pytest.mark.long

CLASS = 24
KILLS = 3
GONE_SECONDS = 20.0
LOOK_SECONDS = 0.1


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return classes.write_patient_course(tmp_path_factory.mktemp("crash"))


@pytest.fixture(scope="module")
def students(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return classes.write_class(tmp_path_factory.mktemp("crash") / "class", CLASS)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


@pytest.fixture
def held(gate: Gate, students: Path, tmp_path: Path) -> Path:
    """The whole class, whose last notebook waits."""
    folder = tmp_path / "held"
    shutil.copytree(students, folder)
    gate.add(folder, "999-waits")
    return folder


@pytest.fixture
def held_midway(gate: Gate, students: Path, tmp_path: Path) -> Path:
    """The whole class, in whose middle two notebooks wait: as many as there are processes."""
    folder = tmp_path / "held"
    shutil.copytree(students, folder)
    gate.add(folder, "012-waits", "012-waits-as-well")
    return folder


def without_waiting(results: Any) -> Any:
    """Return results without the rows of those that waited, who all have full marks."""
    rows = results["submissions"]
    waited = [row for row in rows if "waits" in row["student"]]
    assert waited
    assert all(row["score"] == 6 for row in waited)
    return {**results, "submissions": [row for row in rows if row not in waited]}


@pytest.fixture(scope="module")
def undisturbed(course: Path, students: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("undisturbed")
    done = classes.grade_here(course, students, folder / "out")
    assert done.returncode == 0, done.stderr
    return classes.results(folder / "out")


class Running:
    """A batch under way, with everything that it started."""

    def __init__(
        self, command: list[str], temporary: Path, first: Callable[[], None] = lambda: None
    ) -> None:
        def begin() -> None:
            # Who starts pytest in the background of a shell has it deaf to this, and its children.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            first()

        self.temporary = temporary
        self.process = subprocess.Popen(
            command, env=classes.environment(temporary), start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=begin,  # noqa: PLW1509 - no other thread of this process is in the way
        )  # fmt: skip
        self.said = ""
        self._family: dict[int, psutil.Process] = {}

    def family(self) -> list[psutil.Process]:
        """Return its living descendants: grader processes, workers, children."""
        if self.process.poll() is None:
            for item in psutil.Process(self.process.pid).children(recursive=True):
                self._family[item.pid] = item
        return [item for item in self._family.values() if is_alive(item)]

    def processes(self) -> list[psutil.Process]:
        """Return the processes that judge: those that have started a worker."""
        own = [item for item in self.family() if item.ppid() == self.process.pid]
        judging = [item for item in own if item.children()]
        assert judging, "no grader process was found"
        return judging

    def wait_for(self, ready: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Wait until something is so, or the batch has ended by itself."""
        limit, look = time.monotonic() + seconds, 0.0
        while not ready() and self.process.poll() is None:
            assert time.monotonic() < limit, "the batch does not get on"
            time.sleep(0.01)
            if time.monotonic() >= look:  # a look takes as long as a submission
                self.family()
                look = time.monotonic() + LOOK_SECONDS

    def end(self, number: int = signal.SIGKILL) -> tuple[int, str]:
        """Send a signal to the batch's own process, and return its exit status and words."""
        self.family()
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said

    def finishes(self) -> int:
        """Wait for its end, and return its exit status."""
        _, self.said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode

    def leaves_nothing(self) -> bool:
        """Say whether all that it started is gone within seconds."""
        limit = time.monotonic() + GONE_SECONDS
        while (left := self.family()) and time.monotonic() < limit:
            time.sleep(0.05)
        for item in left:
            kill(item)
        return not left


def kill(process: psutil.Process) -> None:
    """Kill it, unless it has ended meanwhile with another."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def start(course: Path, students: Path, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def begin(*more: str, folder: Path = students, **options: Any) -> Running:
        command = classes.grade_command(course, folder, tmp_path / "out", *more)
        started.append(Running(command, tmp_path / "tmp", **options))
        return started[-1]

    yield begin
    for item in started:
        for process in item.family():
            kill(process)
        item.process.kill()
        item.process.communicate()


def graded(tmp_path: Path) -> int:
    return len(classes.attempts(tmp_path / "out"))


def test_a_batch_killed_three_times_ends_as_if_nothing_had_happened(
    start: Callable[..., Running],
    tmp_path: Path,
    held: Path,
    gate: Gate,
    undisturbed: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = random.Random()  # noqa: S311 - any moment will do
    moments = []
    for _ in range(KILLS):
        enough = min(graded(tmp_path) + chance.randrange(1, CLASS // KILLS), CLASS)
        running = start(folder=held)
        running.wait_for(lambda enough=enough: graded(tmp_path) >= enough)  # type: ignore[misc]
        time.sleep(chance.random() / 20)
        running.end()
        moments.append(graded(tmp_path))
        assert running.leaves_nothing(), f"something outlived the kill after {moments}"
    gate.open()
    last = start(folder=held)
    assert last.finishes() == 0, last.said
    found = classes.results(tmp_path / "out")
    assert without_waiting(found) == undisturbed, f"killed after {moments}"
    assert set(classes.attempts(tmp_path / "out").values()) == {1}
    # A folder whose maker was killed before it was locked is left for a minute, then swept.
    monkeypatch.setattr(scratch, "UNLOCKED_SECONDS", 0.0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    scratch.sweep()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_batch_killed_while_it_starts_leaves_nothing(
    start: Callable[..., Running], held: Path
) -> None:
    for seconds in (0.4, 1.2, 2.0):
        running = start(folder=held)
        time.sleep(seconds)
        assert running.process.poll() is None
        running.end()
        assert running.leaves_nothing(), f"something outlived a kill after {seconds} s"


def test_an_interrupt_stops_cleanly_and_keeps_what_was_graded(
    start: Callable[..., Running],
    tmp_path: Path,
    held_midway: Path,
    gate: Gate,
    undisturbed: Any,
) -> None:
    running = start(folder=held_midway)
    running.wait_for(lambda: graded(tmp_path) >= 6 and gate.waiting() > 0)
    running.family()
    os.killpg(running.process.pid, signal.SIGINT)  # as a terminal does: to all in the foreground
    _, said = running.process.communicate(timeout=PATIENCE)
    assert running.process.returncode == 130, said
    assert "What was graded is kept" in said
    assert "Traceback" not in said
    assert running.leaves_nothing()
    assert list((tmp_path / "tmp").iterdir()) == []
    kept = classes.results(tmp_path / "out")["submissions"]
    finished = [row for row in kept if row["status"] != "ungraded"]
    assert 6 <= len(finished) < CLASS
    for row in finished:
        assert row in undisturbed["submissions"]
    gate.open()
    again = start(folder=held_midway)
    assert again.finishes() == 0, again.said
    assert without_waiting(classes.results(tmp_path / "out")) == undisturbed


def test_a_lost_grader_process_and_a_lost_worker_are_replaced_and_cost_nobody_points(
    start: Callable[..., Running],
    tmp_path: Path,
    held_midway: Path,
    gate: Gate,
    undisturbed: Any,
) -> None:
    running = start(folder=held_midway)
    running.wait_for(lambda: gate.waiting() == 2)
    # Each holds one notebook that waits, so that each is lost once: twice would be too often.
    first, second = running.processes()
    first.kill()
    second.children()[0].kill()
    gate.open()
    assert running.finishes() == 0, running.said
    assert without_waiting(classes.results(tmp_path / "out")) == undisturbed
    assert set(classes.attempts(tmp_path / "out").values()) == {1}
    assert running.leaves_nothing()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_what_ends_its_process_or_its_time_is_judged_once_more_alone(
    course: Path, tmp_path: Path
) -> None:
    """By its question it is lost, and where it was the machine's doing nobody loses."""
    from grader.batch.messages import ProcessSettings
    from grader.batch.run import Batch
    from grader.course.assignments import load
    from grader.gradebook.store import Store
    from tests.conftest import submission_of

    small = load("small", course, need_solutions=True)
    limits = replace(small.limits, call_seconds=0.3)
    settings = ProcessSettings(str(small.folder), 0, limits, "none", "cpu")
    fine = [submission_of(path.read_bytes(), path.stem) for path in class_of(tmp_path, 5)]
    deadly = replace(fine[0], student="deadly")
    slow = {
        name: submission_of(notebook_of(classes.SETUP, source, classes.RIGHT["square"]), name)
        for name, source in {
            "once": stops(tmp_path / "once"),
            "always": stops(tmp_path / "always", again="while True: pass"),
            # As the kernel does where the machine is out of memory.
            "killed": stops(tmp_path / "killed", "os.kill(os.getpid(), 9)"),
        }.items()
    }
    said: list[str] = []
    with Store(tmp_path / "grades.db") as store:
        store.bind(small, 0)
        batch = Batch(settings, small, store, pool=deadly_pool, on_phase=said.append)
        batch.run([*fine, deadly, *slow.values()], jobs=2)
        reports = {item.student: item for item in store.gradebook().reports}
    found = {name: [q.status for q in item.questions][:2] for name, item in reports.items()}
    assert found["deadly"] == ["killed", "passed"]
    assert "ended the process" in reports["deadly"].questions[0].cases[0].staff_message
    assert found["once"] == found["killed"] == ["passed", "passed"]
    assert found["always"] == ["timeout", "passed"]
    assert all(reports[item.student].status != "ungraded" for item in fine)
    assert "4 once more, alone, one at a time" in said


STOPS = """import os, pathlib, time
marker = pathlib.Path({marker!r})

def double(x):
    if marker.exists():
        {again}
    else:
        marker.touch()
        {first}
    return 2 * x
"""


def stops(marker: Path, first: str = "while True: pass", again: str = "pass") -> str:
    """Return a right function that does something else when it is called first."""
    return STOPS.format(marker=str(marker), first=first, again=again)


def test_where_one_submission_is_judged_alone_only_time_by_the_clock_is_looked_at_once_more(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from grader.batch import process
    from grader.course.assignments import load
    from grader.grading.judge import Request
    from tests.conftest import submission_of

    small = load("small", course, need_solutions=True)
    limits = replace(small.limits, call_seconds=0.3)
    settings = ProcessSettings(str(small.folder), 0, limits, "none", "cpu")
    found = {}
    try:
        for first in ("time.sleep(60)", "while True: pass"):
            slow = stops(tmp_path / first.split()[0], first)
            sent = submission_of(notebook_of(classes.SETUP, slow, classes.RIGHT["square"]))
            report = process.judge_once_more(settings, Request(sent, limits))
            found[first] = [item.status for item in report.questions][:2]
            # On a busy machine the clock would run out first for what takes all processor time.
            monkeypatch.setattr("grader.sandbox.conversation.WALL", 100)
    finally:
        process.close()
    assert found == {
        "time.sleep(60)": ["passed", "passed"],
        "while True: pass": ["timeout", "passed"],
    }


def class_of(tmp_path: Path, size: int) -> list[Path]:
    return sorted(classes.write_class(tmp_path / "class", size).iterdir())


def deadly_pool(jobs: int, device: str = "cpu") -> Any:
    """Return the local pool, but for a submission that ends its grader process."""
    from grader.batch import process
    from grader.batch.pool import local_pool

    @contextlib.contextmanager
    def pool() -> Iterator[Any]:
        with local_pool(jobs, device) as processes:
            submit = processes.submit

            def change(function: Any, *args: Any, **options: Any) -> Any:
                if (
                    function is process.grade_one
                    and args[1].student == "deadly"
                    and "q1" in args[2]
                ):
                    return submit(os._exit, 9)
                return submit(function, *args, **options)

            processes.submit = change  # type: ignore[method-assign]
            yield processes

    return pool()


def test_a_full_disk_stops_the_batch_with_a_clear_error_and_loses_nothing(
    start: Callable[..., Running], tmp_path: Path, undisturbed: Any
) -> None:
    def no_file_above() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    running = start(first=no_file_above)
    _, said = running.process.communicate(timeout=PATIENCE)
    assert running.process.returncode == 1, said
    assert "grades.db could not be written" in said
    assert "What it held before is safe" in said
    assert "Traceback" not in said
    assert running.leaves_nothing()
    before = classes.attempts(tmp_path / "out")
    assert 0 < len(before) < CLASS
    again = start()
    assert again.finishes() == 0, again.said
    assert classes.results(tmp_path / "out") == undisturbed
    assert set(classes.attempts(tmp_path / "out").values()) == {1}


def test_two_batches_into_one_folder_are_refused_at_once(
    start: Callable[..., Running], tmp_path: Path, held_midway: Path
) -> None:
    first = start(folder=held_midway)
    first.wait_for((tmp_path / "out" / "grades.lock").exists)
    second = start(folder=held_midway)
    _, said = second.process.communicate(timeout=PATIENCE)
    assert second.process.returncode == 1
    assert "Another batch is grading into" in said
    assert first.process.poll() is None
