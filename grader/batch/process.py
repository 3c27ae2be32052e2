"""One grader process of a batch: it loads an assignment and warms a worker once, then judges.

Its functions are plain and take plain values, so that a local pool and Dask call them alike.
"""

import atexit
import faulthandler
import gc
import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Self

from grader import machine, wording
from grader.batch import memory
from grader.batch.scratch import Scratch
from grader.course import beside
from grader.course.beside import Access
from grader.errors import (
    AssignmentError,
    GraderError,
    IsolationError,
    ProcessStartError,
    UsageError,
    WorkerError,
)
from grader.grading import outcomes, own_time
from grader.grading.assemble import assemble, start_worker
from grader.grading.control import judge_reference, settle
from grader.model import (
    Assignment,
    Control,
    Environment,
    Isolation,
    IsolationLevel,
    Limits,
    Question,
    QuestionReport,
    Report,
    Status,
    Submission,
)
from grader.sandbox.patience import WALL
from grader.submissions.autograders import load

if TYPE_CHECKING:
    from grader.gradebook.terms import Terms
    from grader.grading.judge import Engine, Request
    from grader.sandbox import Worker

ATTEMPTS = 2
HEALTH_SECONDS = 30.0
# First what the start of a worker takes, then the proof, then judging; in small steps, between
# which an order is looked for.
AHEAD = (
    "grader.sandbox.launch", "grader.sandbox.worker", "numpy", "grader.sandbox.proof.probes",
    "grader.course.otter.classes", "grader.grading.judge",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """What a grader process needs to know; small, and the same for a whole batch."""

    assignment: str  # its folder
    seed: int
    limits: Limits
    isolation: str  # "auto" or "none"
    # "auto", "cpu" or "cuda"; "simulated" is for tests: GPU questions are judged, on the CPU
    device: str
    assignment_sha256: str = ""  # what the folder must hold, if given
    judges: str = "all"  # "cpu" or "cuda": only the questions that need no GPU, or need one
    places: tuple[str, ...] = ()  # of submissions and results, which no student's code may read
    access: Access = field(default_factory=Access)  # of students' code, as somebody said
    imports: tuple[str, ...] = ()  # modules that many notebooks import, for the warm worker
    packed: str = ""  # what the folder was unpacked from, for a machine that lacks it

    @classmethod
    def of_class(cls, assignment: Assignment, terms: "Terms", seed: int, isolation: str) -> Self:
        """Return what the terms of a class come to, which are applied to the assignment by now."""
        return cls(
            str(assignment.folder), seed, assignment.limits, isolation, terms.device,
            places=terms.places, access=terms.access, imports=terms.imports,
            packed=assignment.otter.origin if assignment.otter else "",
        )  # fmt: skip

    def of_batch(self, assignment: Assignment) -> Self:
        """Return them for the processes that a batch starts first, which judge on the CPU."""
        return replace(self, assignment_sha256=assignment.sha256, judges="cpu")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a grader process found out when it started."""

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
    """A grader process that has started."""

    settings: ProcessSettings
    engine: "Engine"
    facts: Facts
    scratch: Scratch
    addresses: int  # bytes of them that the process uses before it has judged anything
    controls: dict[tuple[str, ...], Control] = field(default_factory=dict)  # by questions


_ready: _Ready | None = None
# A Dask worker may have several threads; a grader process judges one submission at a time.
_turn = threading.RLock()


def import_ahead(is_asked: Callable[[], bool]) -> None:
    """Import what judging takes, in the order in which it is needed, until somebody asks for it.

    Nothing that an assignment may do without.
    """
    with _without_collecting():
        for name in AHEAD:
            if is_asked():
                break
            module = import_module(name)
            if name.endswith(".launch"):
                module.worker_codes()


def start(settings: ProcessSettings) -> Facts:
    """Start this grader process, if it is not started, and say what it found."""
    with _turn:
        return _start(settings).facts


def engine(settings: ProcessSettings) -> "Engine":
    """Return what this process judges with, for a caller that judges no class's submissions."""
    with _turn:
        return _start(settings).engine


def _start(settings: ProcessSettings) -> _Ready:
    """Start this process; ProcessStartError where that fails for a reason of this process's own."""
    global _ready  # noqa: PLW0603 - this module's state is the process's
    if _ready is None or _ready.settings != settings:
        close()
        if _ready is None:
            atexit.register(close)  # where it shares a process that lives on, as in Dask
        try:
            _ready = _warm_up(settings)
        except (AssignmentError, UsageError):
            raise  # no other grader process would fare better
        except GraderError as problem:
            raise ProcessStartError(problem) from problem
        except OSError as problem:
            reason = f"A grader process could not start: {problem}; run the same command again."
            raise ProcessStartError(WorkerError(reason)) from problem
    return _ready


def _warm_up(settings: ProcessSettings) -> _Ready:
    seconds: dict[str, float] = {}
    assignment = _load(settings)
    scratch = Scratch()
    started: dict[str, Worker] = {}
    try:
        # All three take long: a worker's imports, this process's own, and proving isolation.
        with scratch.in_use(), _timed(seconds, "start"):
            likely = _start_early(settings, assignment, started)
        imports = threading.Thread(target=_import, args=(seconds, assignment.libraries))
        imports.start()
        # What the proof lays out for a child goes away with this process, however that ends.
        with scratch.in_use(), _timed(seconds, "isolation"):
            isolation = _isolation(settings, assignment)
        if not started or not isolation.is_made_like(likely):
            with scratch.in_use():
                _close_all(started)
                started["cpu"] = _worker(assignment, isolation)
        started["cpu"].isolation = isolation
        imports.join()
        name = _gpu(settings)
        fault = ""
        if name is not None and settings.judges != "cpu":
            with scratch.in_use():
                fault = _add_gpu_worker(started, settings, assignment, isolation)
        where = machine.environment(name)
        with scratch.in_use():
            engine = _assemble(settings, assignment, started, where, fault)
        with _timed(seconds, "worker"):
            for item in started.values():
                item.wait_until_ready()
    except BaseException:
        _close_all(started)
        scratch.remove()
        raise
    place = _place(settings, isolation, where)
    facts = Facts(isolation, where, name is not None, fault, place, seconds)
    return _Ready(settings, engine, facts, scratch, memory.addresses())


def _start_early(
    settings: ProcessSettings, assignment: Assignment, started: "dict[str, Worker]"
) -> Isolation:
    """Start the worker of the level that is likely to be proved here, and return that level.

    It makes its imports meanwhile. No student code gets to it unless that very level is proved.
    """
    from grader.sandbox.levels.recipes import likely_isolation

    likely = likely_isolation(settings.isolation, network=settings.access.network)
    with suppress(GraderError, OSError):  # the proof is to say what is wrong
        started["cpu"] = _worker(assignment, likely)
    return likely


def _close_all(started: "dict[str, Worker]") -> None:
    while started:
        started.popitem()[1].close()


def _add_gpu_worker(
    started: "dict[str, Worker]",
    settings: ProcessSettings,
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


def _place(settings: ProcessSettings, isolation: Isolation, where: Environment) -> str:
    device = where.gpu if settings.judges == "cuda" else "CPU"
    level = f"{isolation.level} by {isolation.way}" if isolation.way else isolation.level
    level += ", network open" if isolation.network else ""
    versions = f"numpy {where.numpy}, torch {where.torch}, triton {where.triton}"
    return f"{platform.node()}, {device}, {level}, Python {where.python}, {versions}"


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - started


def _import(seconds: dict[str, float], libraries: tuple[str, ...]) -> None:
    with _timed(seconds, "imports"), _without_collecting():
        for name in ("grader.grading.judge", *({"torch"} & {*libraries})):
            import_module(name)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Do not look for garbage meanwhile: while modules are imported there is next to none."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _load(settings: ProcessSettings) -> Assignment:
    name = settings.assignment
    if settings.packed and not os.path.isdir(name):  # noqa: PTH112 - a path as text
        name = settings.packed
    assignment = load(name, need_solutions=True, ignore_plugins=True)
    assignment = beside.ruled(assignment, settings.access)
    if settings.assignment_sha256 not in {"", assignment.sha256}:
        raise AssignmentError(
            f"{name} is not what the batch began with, or not the same on "
            f"{platform.node()}; run the same command again once it is."
        )
    needs = dict.fromkeys([*assignment.needs, *settings.imports])
    return replace(assignment, needs=tuple(needs))


def _isolation(settings: ProcessSettings, assignment: Assignment) -> Isolation:
    """Prove what keeps student code apart, also from the very places of this batch."""
    from grader.sandbox.levels.view import refuse_shown
    from grader.sandbox.proof.probes import choose_isolation

    folders = [assignment.folder, assignment.solutions]
    places = [folder for folder in folders if folder is not None]
    if settings.isolation != IsolationLevel.NONE:
        refuse_shown(places)

    # What a GPU's driver has to be given is open in the probes too, or they would prove too much.
    opens_gpu = (
        settings.judges != "cpu" and settings.device in {"auto", "cuda"} and machine.may_have_gpu()
    )
    devices = {"cpu", "cuda"} if opens_gpu else {"cpu"}
    reached = (*(str(place) for place in places), *settings.places)
    return choose_isolation(
        settings.isolation, frozenset(devices), reached, network=settings.access.network
    )


def _worker(assignment: Assignment, isolation: Isolation, device: str = "cpu") -> "Worker":
    return start_worker(assignment, isolation, uses_gpu=device in {"auto", "cuda"})


def _gpu(settings: ProcessSettings) -> str | None:
    """Return the GPU's name, or None; UsageError where one was asked for and there is none."""
    if settings.device == "simulated":
        return "simulated"
    looks = settings.device == "cuda" or (settings.device == "auto" and machine.may_have_gpu())
    found = machine.usable_gpu() if looks else None
    if found is None and settings.device == "cuda":
        raise UsageError(
            "--device cuda: this machine offers no GPU to torch; run `grader doctor`, or use "
            "--device auto and grade GPU questions later."
        )
    return found


def _assemble(
    settings: ProcessSettings,
    assignment: Assignment,
    workers: "dict[str, Worker]",
    where: Environment,
    gpu_fault: str,
) -> "Engine":
    if "torch" in assignment.libraries:
        import torch

        torch.set_num_threads(1)
    return assemble(
        assignment,
        workers,
        seed=settings.seed,
        where=where,
        on_gpu=settings.judges == "cuda",
        simulated=settings.device == "simulated",
        gpu_fault=gpu_fault,
    )


def grade_one(
    settings: ProcessSettings,
    submission: Submission,
    questions: tuple[str, ...],
    controlled: frozenset[str] = frozenset(),
    of_batch: tuple[str, ...] = (),
) -> Judged:
    """Judge some questions of one submission; a fault of ours leaves them `ungraded`.

    A worker that was lost is replaced, and the submission judged once more; where that is lost as
    well, and the reference loses none, the answer is to blame. `controlled` names
    the places whose control somebody has or will have; elsewhere this process judges the reference,
    on all questions `of_batch`, since other submissions may be asked others.
    GraderError where this grader process cannot judge anything.
    """
    with _turn:
        report, place, has_lost_all = _judged_with_new_workers(settings, submission, questions)
        if has_lost_all:
            found = control(settings, questions)
            report = settle(_lost_with_workers(settings, report), found)
        known = place in controlled or not any(item.cases for item in report.questions)
        return Judged(report, place, None if known else control(settings, of_batch or questions))


def _judged_with_new_workers(
    settings: ProcessSettings, submission: Submission, questions: tuple[str, ...]
) -> tuple[Report, str, bool]:
    """Return a report, where it was made, and whether each attempt at it lost its worker."""
    for _ in range(ATTEMPTS):
        ready = _start(settings)
        with _watchdog(settings.limits):
            report = _judge(ready, submission, questions)
        if not any(item.status is Status.UNGRADED for item in report.questions):
            return report, ready.facts.place, False
        _leave_a_broken_device()
        if _is_healthy(ready):
            return report, ready.facts.place, False
        close()
    return report, ready.facts.place, True


def _lost_with_workers(settings: ProcessSettings, report: Report) -> Report:
    """Return a report in which what could not be judged was ended by the answer."""
    assignment = _start(settings).engine.assignment
    return replace(
        report,
        questions=tuple(
            _lost_with_worker(assignment.question(item.name), item)
            if item.status is Status.UNGRADED
            else item
            for item in report.questions
        ),
    )


def _lost_with_worker(question: Question, item: QuestionReport) -> QuestionReport:
    found = {case.name: case for case in item.cases if case.status is not Status.UNGRADED}
    lost = [
        outcomes.lost(case, Status.KILLED, wording.ENDED_THE_WORKER)
        for case in question.cases
        if case.name not in found
    ]
    cases = found | {outcome.name: outcome for outcome in lost}
    ordered = [cases[case.name] for case in question.cases]
    return QuestionReport.judged(question, ordered, all_or_nothing=False, note=item.note)


def control(settings: ProcessSettings, questions: tuple[str, ...]) -> Control:
    """Return what the reference comes to here on some questions, judged once by this process."""
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
    settings: ProcessSettings, submission: Submission, questions: list[str]
) -> Report:
    return _judged_with_new_workers(settings, submission, tuple(questions))[0]


@contextmanager
def _watchdog(limits: Limits) -> Iterator[None]:
    """End this process if judging hangs where no limit holds, as in a hidden test's own loop."""
    seconds = 2 * WALL * limits.submission_seconds + 120
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        with own_time.bounded(limits):
            yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def judge(settings: ProcessSettings, request: "Request") -> Report:
    """Judge in this process, which takes no more of the machine's memory than a part of it."""
    from grader.grading import judge as judging

    with _turn:
        ready = _start(settings)
        room = memory.room(request.limits or settings.limits)
        most = ready.addresses + room
        on_gpu = ready.engine.judges_on_gpu
        with memory.watched(room) if on_gpu else memory.bounded(most):
            return judging.judge(request, ready.engine)


def judge_once_more(settings: ProcessSettings, request: "Request") -> Report:
    """Judge, and what time was too short for once more before it costs a point."""
    report = judge(settings, request)
    if not report.ran_out:
        return report
    return joined(report, [judge(settings, replace(request, only=report.ran_out))])


def joined(report: Report, others: Iterable[Report]) -> Report:
    """Return a report with what others say of some of its questions, or of further ones."""
    questions = {item.name: item for item in report.questions}
    for other in others:
        questions |= {item.name: item for item in other.questions}
        report = replace(report, seconds=report.seconds + other.seconds)
    return replace(report, questions=tuple(questions.values()))


def is_spent() -> bool:
    """Say whether this process has kept so much of what it judged that another should go on."""
    if _ready is None or not _ready.addresses:
        return False
    most = _ready.addresses + memory.KEPT
    if memory.addresses() > most:
        gc.collect()
    return memory.addresses() > most


def _judge(ready: _Ready, submission: Submission, questions: tuple[str, ...]) -> Report:
    from grader.grading.judge import Request

    try:
        return judge(
            ready.settings, Request(submission, limits=ready.settings.limits, only=questions)
        )
    except IsolationError:
        raise
    except GraderError as problem:
        reason = str(problem)
    except Exception as problem:  # noqa: BLE001 - whatever it is, it is not the student's fault
        reason = f"{type(problem).__name__} while judging: {problem}"
    return ungraded(
        ready.settings,
        ready.engine.assignment,
        submission,
        questions,
        facts=ready.facts,
        reason=reason,
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
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        try:
            torch.cuda.synchronize()
        except RuntimeError:
            finish(at_once=True)
            os._exit(1)


def ungraded(
    settings: ProcessSettings,
    assignment: Assignment,
    submission: Submission,
    questions: tuple[str, ...],
    *,
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
    """Stop this process's workers and remove its temporary files; it can be started again."""
    global _ready  # noqa: PLW0603 - this module's state is the process's
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
