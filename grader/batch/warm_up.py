"""How a grader process starts: an assignment, a proved isolation and warm workers, as an engine."""

import gc
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING

from grader import machine
from grader.batch import memory
from grader.batch.messages import Facts, ProcessSettings
from grader.batch.scratch import Scratch
from grader.course import beside
from grader.errors import AssignmentError, GraderError, UsageError, WorkerError
from grader.grading.assemble import assemble, start_worker
from grader.model import Assignment, Environment, Isolation, IsolationLevel
from grader.reports import Control
from grader.submissions.autograders import load

if TYPE_CHECKING:
    from grader.grading.judge import Engine
    from grader.sandbox import Worker

# First what the start of a worker takes, then the proof, then judging; in small steps, between
# which an order is looked for.
AHEAD = (
    "grader.sandbox.launch", "grader.sandbox.worker", "numpy", "grader.sandbox.proof.probes",
    "grader.course.otter.classes", "grader.grading.judge",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ready:
    """A grader process that has started."""

    settings: ProcessSettings
    engine: "Engine"
    facts: Facts
    scratch: Scratch
    addresses: int  # bytes of them that the process uses before it has judged anything
    controls: dict[tuple[str, ...], Control] = field(default_factory=dict)  # by questions


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


def warm_up(settings: ProcessSettings) -> Ready:
    seconds: dict[str, float] = {}
    assignment = _load(settings)
    scratch = Scratch()
    started: dict[str, Worker] = {}
    try:
        kind = "cuda" if _judges_on_gpu_only(settings) else "cpu"
        # All three take long: a worker's imports, this process's own, and proving isolation.
        with scratch.in_use(), _timed(seconds, "start"):
            likely = _start_early(settings, assignment, started, kind)
        imports = threading.Thread(target=_import, args=(seconds, assignment.libraries))
        imports.start()
        # What the proof lays out for a child goes away with this process, however that ends.
        with scratch.in_use(), _timed(seconds, "isolation"):
            isolation = _isolation(settings, assignment)
        if not started or not isolation.is_made_like(likely):
            with scratch.in_use():
                _close_all(started)
                started[kind] = _worker(settings, assignment, isolation, kind)
        started[kind].isolation = isolation
        imports.join()
        name = _gpu(settings)
        fault = ""
        if settings.judges != "cpu":
            with scratch.in_use():
                fault = _offer_gpu(name, started, settings, assignment)
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
    return Ready(settings, engine, facts, scratch, memory.addresses())


def _judges_on_gpu_only(settings: ProcessSettings) -> bool:
    """Say whether this process may do without a worker that has no GPU."""
    wants = settings.judges == "cuda" and settings.device in {"auto", "cuda"}
    return wants and machine.may_have_gpu()


def _start_early(
    settings: ProcessSettings, assignment: Assignment, started: "dict[str, Worker]", kind: str
) -> Isolation:
    """Start the worker of the level that is likely to be proved here, and return that level.

    It makes its imports meanwhile. No student code gets to it unless that very level is proved.
    """
    from grader.sandbox.levels.recipes import likely_isolation

    likely = likely_isolation(settings.isolation, network=settings.access.network)
    with suppress(GraderError, OSError):  # the proof is to say what is wrong
        started[kind] = _worker(settings, assignment, likely, kind)
    return likely


def _close_all(started: "dict[str, Worker]") -> None:
    while started:
        started.popitem()[1].close()


def _offer_gpu(
    name: str | None,
    started: "dict[str, Worker]",
    settings: ProcessSettings,
    assignment: Assignment,
) -> str:
    """Have a worker that may use the GPU of this name, if one can; return why not, or "".

    There is another one where none can.
    """
    isolation = next(iter(started.values())).isolation
    fault = ""
    if name is not None:
        worker = started.get("cuda") or _worker(settings, assignment, isolation, "cuda")
        started["cuda"] = worker
        try:
            worker.wait_until_ready()
            fault = "" if settings.device == "simulated" else _cuda_fault(worker, assignment)
        except WorkerError as problem:
            fault = str(problem)
    if (name is None or fault) and "cuda" in started:
        started.pop("cuda").close()
        if not started:
            started["cpu"] = _worker(settings, assignment, isolation, "cpu")
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
    devices = {"cpu", "cuda"} if _may_open_gpu(settings) else {"cpu"}
    reached = (*(str(place) for place in places), *settings.places)
    return choose_isolation(
        settings.isolation, frozenset(devices), reached, network=settings.access.network
    )


def _worker(
    settings: ProcessSettings, assignment: Assignment, isolation: Isolation, kind: str
) -> "Worker":
    uses_gpu = kind == "cuda" and settings.device in {"auto", "cuda"}
    # Threads that a GPU's driver starts here would stay where this one is.
    shares_core = not _may_open_gpu(settings)
    return start_worker(assignment, isolation, uses_gpu=uses_gpu, shares_core=shares_core)


def _may_open_gpu(settings: ProcessSettings) -> bool:
    wants = settings.judges != "cpu" and settings.device in {"auto", "cuda"}
    return wants and machine.may_have_gpu()


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
