"""One judging process of a batch: it loads an assignment and warms a worker once, then judges.

A lane's functions are plain and take plain values, so that a local pool and Dask call them alike.
"""

import atexit
import faulthandler
import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING

from grader import __version__
from grader import machine as gpu
from grader.batch.scratch import Scratch
from grader.course.assignments import load
from grader.errors import (
    AssignmentError,
    GraderError,
    IsolationError,
    LaneStartError,
    UsageError,
    WorkerError,
)
from grader.grading.control import judge_reference
from grader.model import (
    Assignment,
    Control,
    Environment,
    Isolation,
    Limits,
    QuestionReport,
    Report,
    Status,
    Submission,
)

if TYPE_CHECKING:
    from grader.grading.judge import Engine
    from grader.sandbox.session import Worker

ATTEMPTS = 2
HEALTH_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """What a lane needs to know; small, and the same for a whole batch."""

    assignment: str  # the folder under assignments/
    seed: int
    limits: Limits
    isolation: str  # "auto" or "none"
    # "auto", "cpu" or "cuda"; "simulated" is for tests: GPU questions are judged, on the CPU
    device: str
    assignment_sha256: str = ""  # what the folder must hold, if given
    judges: str = "all"  # "cpu" or "cuda": only the questions that need no GPU, or need one


@dataclass(frozen=True, slots=True)
class Facts:
    """What a lane found out when it started."""

    isolation: Isolation
    environment: Environment
    has_cuda: bool
    gpu_fault: str = ""  # why the GPU that is here cannot be used for student code
    place: str = ""  # the machine, the device and the isolation; equal where judging is alike
    seconds: dict[str, float] = field(default_factory=dict)  # where the start's time went


@dataclass(frozen=True, slots=True)
class Judged:
    """A report, where it was made, and what the reference came to there, if nobody knew yet."""

    report: Report
    place: str
    control: Control | None = None


@dataclass(frozen=True, slots=True)
class _Ready:
    """A lane that has started."""

    settings: LaneSettings
    engine: "Engine"
    facts: Facts
    scratch: Scratch
    controls: dict[tuple[str, ...], Control] = field(default_factory=dict)  # by questions


_ready: _Ready | None = None
# A Dask worker may have several threads; a lane judges one submission at a time.
_turn = threading.RLock()


def environment(gpu_name: str | None = None, driver: str | None = None) -> Environment:
    """Return the versions that decide a score on this machine."""
    return Environment(
        grader=__version__,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        numpy=_version("numpy"),
        torch=_version("torch"),
        triton=_version("triton"),
        driver=driver,
        gpu=gpu_name,
    )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def may_have_gpu() -> bool:
    """Say at once, without torch, whether this machine can have a GPU at all."""
    if platform.system() != "Linux":
        return True
    # NVIDIA's driver, Windows's below a Linux guest, and AMD's
    return any(Path("/dev", name).exists() for name in ("nvidiactl", "dxg", "kfd"))


def start(settings: LaneSettings) -> Facts:
    """Start this lane, if it is not started, and say what it found."""
    with _turn:
        return _start(settings).facts


def engine(settings: LaneSettings) -> "Engine":
    """Return this lane's engine, for who judges something other than a class's submissions."""
    with _turn:
        return _start(settings).engine


def _start(settings: LaneSettings) -> _Ready:
    """Start this lane; LaneStartError where that fails for a reason of this process's own."""
    global _ready  # noqa: PLW0603 - a process is one lane
    if _ready is None or _ready.settings != settings:
        close()
        if _ready is None:
            atexit.register(close)  # where a lane is a guest in a process that lives on
        try:
            _ready = _warm_up(settings)
        except (AssignmentError, UsageError):
            raise  # no other lane would fare better
        except GraderError as problem:
            raise LaneStartError(problem) from problem
        except OSError as problem:
            reason = f"A judging process could not start: {problem}; run the same command again."
            raise LaneStartError(WorkerError(reason)) from problem
    return _ready


def _warm_up(settings: LaneSettings) -> _Ready:
    seconds: dict[str, float] = {}
    # Both are long: this process's imports, and proving isolation to start a worker of its own.
    imports = threading.Thread(target=_import, args=(seconds,), name="imports")
    imports.start()
    scratch = Scratch()
    started: dict[str, Worker] = {}
    try:
        with _timed(seconds, "isolation"):
            assignment = _load(settings)
            isolation = _isolation(settings)
        with scratch.in_use():
            started["cpu"] = _worker(assignment, isolation)
        imports.join()
        name = _gpu(settings)
        fault = ""
        if name is not None and settings.judges != "cpu":
            with scratch.in_use():
                fault = _add_gpu_worker(started, settings, assignment, isolation)
        where = environment(name, gpu.driver_version() if name else None)
        engine = _engine(settings, assignment, started, where, fault)
        with _timed(seconds, "worker"):
            for item in started.values():
                item.wait_until_ready()
    except BaseException:
        for item in started.values():
            item.close()
        scratch.remove()
        raise
    place = _place(settings, isolation, where)
    facts = Facts(isolation, where, name is not None, fault, place, seconds)
    return _Ready(settings, engine, facts, scratch)


def _add_gpu_worker(
    started: "dict[str, Worker]",
    settings: LaneSettings,
    assignment: Assignment,
    isolation: Isolation,
) -> str:
    """Start a worker that may use the GPU, if one can; return why not, or ""."""
    worker = _worker(assignment, isolation, settings.device)
    try:
        worker.wait_until_ready()
        fault = "" if settings.device == "simulated" else _cuda_fault(worker, assignment)
    except WorkerError as problem:
        fault = str(problem)
    if fault:
        worker.close()
    else:
        started["cuda"] = worker
    return fault


def _cuda_fault(worker: "Worker", assignment: Assignment) -> str:
    """Return why a student's child of this worker cannot use the GPU, or ""."""
    from grader.sandbox.proof.cuda import OK, prove_cuda

    found = prove_cuda(worker, kernels="triton" in assignment.needs)
    return "" if found == OK else found


def _place(settings: LaneSettings, isolation: Isolation, where: Environment) -> str:
    device = where.gpu if settings.judges == "cuda" else "CPU"
    way = isolation.probes.get("way", "")
    level = f"{isolation.level} by {way}" if way not in {"", isolation.level} else isolation.level
    versions = f"numpy {where.numpy}, torch {where.torch}, triton {where.triton}"
    return f"{platform.node()}, {device}, {level}, Python {where.python}, {versions}"


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - started


def _import(seconds: dict[str, float]) -> None:
    with _timed(seconds, "imports"):
        for name in ("torch", "grader.grading.judge"):
            import_module(name)


def _load(settings: LaneSettings) -> Assignment:
    assignment = load(settings.assignment, need_solutions=True)
    if settings.assignment_sha256 not in {"", assignment.sha256}:
        raise AssignmentError(
            f"{settings.assignment} is not what the batch began with, or not the same on "
            f"{platform.node()}; run the same command again once it is."
        )
    return assignment


def _isolation(settings: LaneSettings) -> Isolation:
    from grader.sandbox.proof.probes import choose_isolation

    # What a GPU's driver has to be given is open in the probes too, or they would prove too much.
    opens_gpu = settings.judges != "cpu" and settings.device in {"auto", "cuda"} and may_have_gpu()
    devices = {"cpu", "cuda"} if opens_gpu else {"cpu"}
    return choose_isolation(settings.isolation, frozenset(devices))


def _worker(assignment: Assignment, isolation: Isolation, device: str = "cpu") -> "Worker":
    from grader.sandbox.session import Worker

    devices = {"cpu"} if device in {"cpu", "simulated"} else {"cpu", "cuda"}
    return Worker(imports=assignment.needs, isolation=isolation, devices=frozenset(devices))


def _gpu(settings: LaneSettings) -> str | None:
    """Return the GPU's name, or None; UsageError where one was asked for and there is none."""
    import torch

    if settings.device == "simulated":
        return "simulated"
    if settings.device != "cpu" and torch.cuda.is_available():
        # The library's own answer spares a context of its own on the GPU.
        return gpu.name() or torch.cuda.get_device_name()
    if settings.device == "cuda":
        raise UsageError(
            "--device cuda: this machine offers no GPU to torch; run `grader doctor`, or use "
            "--device auto and grade GPU questions later."
        )
    return None


def _engine(
    settings: LaneSettings,
    assignment: Assignment,
    workers: "dict[str, Worker]",
    where: Environment,
    gpu_fault: str,
) -> "Engine":
    import torch

    from grader.grading.judge import Engine
    from grader.grading.otter_tests import CaseSuite

    torch.set_num_threads(1)
    simulated = settings.device == "simulated"
    interpret = simulated or settings.judges != "cuda"
    suite = CaseSuite(assignment, seed=settings.seed, interpret=interpret)
    names = {"cuda": "cpu"} if simulated else {"cuda": "cuda"}
    return Engine(suite, workers, where, names, gpu_fault)


def grade_one(
    settings: LaneSettings,
    submission: Submission,
    questions: tuple[str, ...],
    controlled: frozenset[str] = frozenset(),
) -> Judged:
    """Judge some questions of one submission; a fault of ours leaves them `ungraded`.

    A worker that was lost is replaced, and the submission judged once more. `controlled` names
    the places whose control somebody has or will have; elsewhere this lane judges the reference.
    GraderError where this lane cannot judge anything.
    """
    with _turn:
        for _ in range(ATTEMPTS):
            ready = _start(settings)
            with _watchdog(settings.limits):
                report = _judge(ready, submission, questions)
            if not any(item.status is Status.UNGRADED for item in report.questions):
                break
            _leave_a_broken_device()
            if _is_healthy(ready):
                break
            close()
        place = ready.facts.place
        known = place in controlled or not any(item.cases for item in report.questions)
        return Judged(report, place, None if known else control(settings, questions))


def control(settings: LaneSettings, questions: tuple[str, ...]) -> Control:
    """Return what the reference comes to here on some questions, judged once by this lane."""
    with _turn:
        ready = _start(settings)
        if questions not in ready.controls:
            ready.controls[questions] = judge_reference(
                ready.engine.assignment,
                questions,
                lambda submission, names: _grade_reference(settings, submission, names),
                ready.facts,
            )
        return ready.controls[questions]


def _grade_reference(
    settings: LaneSettings, submission: Submission, questions: list[str]
) -> Report:
    everywhere = frozenset({_start(settings).facts.place})
    return grade_one(settings, submission, tuple(questions), everywhere).report


@contextmanager
def _watchdog(limits: Limits) -> Iterator[None]:
    """End this process if judging hangs where no limit holds, as in a hidden test's own loop."""
    faulthandler.dump_traceback_later(2 * limits.submission_seconds + 120, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def _judge(ready: _Ready, submission: Submission, questions: tuple[str, ...]) -> Report:
    from grader.grading.judge import Request, judge

    try:
        request = Request(submission, limits=ready.settings.limits, only=questions)
        return judge(request, ready.engine)
    except IsolationError:
        raise
    except GraderError as problem:
        reason = str(problem)
    except Exception as problem:  # noqa: BLE001 - whatever it is, it is not the student's fault
        reason = f"{type(problem).__name__} while judging: {problem}"
    return ungraded(
        ready.settings, ready.engine.assignment, submission, questions, ready.facts, reason
    )


def _is_healthy(ready: _Ready) -> bool:
    """Say whether every worker still takes a submission."""
    deadline = time.monotonic() + HEALTH_SECONDS
    try:
        for worker in set(ready.engine.workers.values()):
            worker.session(ready.settings.limits, deadline=deadline).close()
    except GraderError:
        return False
    return True


def _leave_a_broken_device() -> None:
    """End this process if its own CUDA context is lost: nothing but a new process gets another."""
    import torch

    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        try:
            torch.cuda.synchronize()
        except RuntimeError:
            finish(at_once=True)
            os._exit(1)


def ungraded(
    settings: LaneSettings,
    assignment: Assignment,
    submission: Submission,
    questions: tuple[str, ...],
    facts: Facts,
    reason: str,
) -> Report:
    """Return a report that says for each question that the machine or the staff is at fault."""
    return Report.of(
        submission,
        [QuestionReport.ungraded(assignment.question(name), reason) for name in questions],
        seed=settings.seed,
        assignment_sha256=assignment.sha256,
        isolation=facts.isolation,
        environment=facts.environment,
        limits=settings.limits,
    )


def close() -> None:
    """Stop this lane's workers and remove its temporary files; it can be started again."""
    global _ready  # noqa: PLW0603 - a process is one lane
    with _turn:
        if _ready is not None:
            for worker in set(_ready.engine.workers.values()):
                worker.close()
            _ready.scratch.remove()
            _ready = None


def finish(at_once: bool) -> None:
    """Tidy up before this process ends; at once: while another thread may still be judging."""
    if not at_once:
        close()
    elif _ready is not None:
        _ready.scratch.remove()  # the workers end with this process
