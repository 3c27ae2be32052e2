"""One judging process of a batch: it loads an assignment and warms a worker once, then judges.

A lane's functions are plain and take plain values, so that a local pool and Dask call them alike.
"""

import functools
import os
import platform
import re
import signal
import threading
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from grader import __version__
from grader.assignments import load
from grader.errors import GraderError
from grader.model import (
    Environment,
    Isolation,
    Limits,
    QuestionReport,
    Report,
    Status,
    Submission,
)

if TYPE_CHECKING:
    from grader.judge import Bench


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """What a lane needs to know; small, and the same for a whole batch."""

    assignment: str  # the folder under assignments/
    seed: int
    limits: Limits
    isolation: str  # "auto" or "none"
    device: str  # "auto", "cpu" or "cuda"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a lane found out when it started."""

    isolation: Isolation
    environment: Environment
    has_cuda: bool


def environment(gpu: str | None = None, driver: str | None = None) -> Environment:
    """Return the versions that decide a score on this machine."""
    return Environment(
        grader=__version__,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        numpy=_version("numpy"),
        torch=_version("torch"),
        triton=_version("triton"),
        driver=driver,
        gpu=gpu,
    )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def driver_version() -> str | None:
    """Return the NVIDIA driver's version as its kernel module states it, or None."""
    try:
        text = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"\b\d+\.\d+(?:\.\d+)?\b", text)
    return found[0] if found else None


def watch_parent() -> None:
    """End this process when the batch that started it is gone, and leave Ctrl-C to the batch."""
    import multiprocessing

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True, name="parent-watch").start()


@functools.lru_cache(maxsize=1)
def _bench(settings: LaneSettings):  # type: ignore[no-untyped-def] # noqa: ANN202 - heavy types
    from grader.sandbox.session import Worker

    assignment = load(settings.assignment, need_solutions=True)
    # The worker imports while this process does.
    worker = Worker(imports=assignment.needs)
    import torch

    from grader.judge import Bench
    from grader.otter_tests import CaseSuite

    torch.set_num_threads(1)
    workers = {"cpu": worker}
    gpu = driver = None
    if settings.device != "cpu" and torch.cuda.is_available():
        gpu, driver = torch.cuda.get_device_name(), driver_version()
        workers["cuda"] = Worker(
            imports=assignment.needs,
            devices=frozenset({"cpu", "cuda"}),
        )
    suite = CaseSuite(assignment, seed=settings.seed)
    for item in workers.values():
        item.wait_until_ready()
    return Bench(suite, workers, environment(gpu, driver))


def bench(settings: LaneSettings) -> "Bench":
    """Return this lane's bench, for who judges something other than a class's submissions."""
    made: Bench = _bench(settings)
    return made


def start(settings: LaneSettings) -> Facts:
    """Start this lane, if it is not started, and say what it found."""
    bench = _bench(settings)
    return Facts(bench.workers["cpu"].isolation, bench.environment, "cuda" in bench.workers)


def grade_one(settings: LaneSettings, submission: Submission, questions: tuple[str, ...]) -> Report:
    """Judge some questions of one submission; a fault of ours leaves them `ungraded`."""
    from grader.judge import judge

    bench = _bench(settings)
    try:
        return judge(submission, bench, limits=settings.limits, only=questions)
    except GraderError as problem:
        _bench.cache_clear()  # whatever broke, the next submission gets a fresh worker
        facts = Facts(bench.workers["cpu"].isolation, bench.environment, False)
        return ungraded(settings, submission, questions, facts, str(problem))


def ungraded(
    settings: LaneSettings,
    submission: Submission,
    questions: tuple[str, ...],
    facts: Facts,
    reason: str,
) -> Report:
    """Return a report that says for each question that the machine or the staff is at fault."""
    assignment = load(str(Path(settings.assignment)))
    return Report(
        student=submission.student,
        path=submission.path,
        sha256=submission.sha256,
        questions=tuple(
            QuestionReport(
                name, Status.UNGRADED, 0.0, assignment.question(name).points, note=reason
            )
            for name in questions
        ),
        seed=settings.seed,
        assignment_sha256=assignment.sha256,
        isolation=facts.isolation,
        environment=facts.environment,
        received=submission.received,
        late=submission.late,
        members=submission.members,
    )
