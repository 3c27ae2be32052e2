"""Grade many submissions: decide what is still to do, hand it to lanes, keep each report at once.

The pool of lanes is an argument: processes of this machine or Dask's, one call for both.
"""

import atexit
import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass, field, replace
from typing import Protocol

from grader import lane
from grader.errors import GraderError, IsolationError, UsageError, WorkerError
from grader.model import Assignment, Question, Report, Status, Submission
from grader.pool import LanePool, Lanes
from grader.sandbox import cgroup
from grader.store import Current, Store

# A lane must not wait for the batch between two submissions, and a lost lane must lose little.
IN_FLIGHT_PER_SLOT = 2
TRIES = 2  # a notebook that ends its lane every time must not be handed out for ever


@dataclass(frozen=True, slots=True)
class Task:
    """Some questions of one submission."""

    submission: Submission
    questions: tuple[str, ...]


class Pool(Protocol):
    """What opens lanes: `jobs` of them for any question, or those with a GPU for `device` cuda."""

    def __call__(self, jobs: int, device: str, /) -> contextlib.AbstractContextManager[Lanes]: ...


def plan(
    submissions: Iterable[Submission],
    assignment: Assignment,
    held: dict[tuple[str, str], Current],
    *,
    seed: int,
    has_cuda: bool,
    only: str | None = None,
) -> list[Task]:
    """Return what must be judged: what is new, changed, ungraded, or pending a GPU that is here.

    `only` is "pending", "changed", a student or a question; the last two are judged again whatever
    the store holds. UsageError where it is none of these.
    """
    submissions = list(submissions)
    known = {item.name for item in assignment.questions}
    students = {item.student for item in submissions}
    if only is not None and only not in {"pending", "changed"} | known | students:
        raise UsageError(
            f"--only {only} names no question and no student here; "
            "use pending, changed, a question or a student."
        )

    def wanted(submission: Submission, question: Question) -> bool:
        if only in known:
            return question.name == only
        if only in students:
            return submission.student == only
        current = held.get((submission.student, question.name))
        return _is_due(submission, question, current, seed, has_cuda=has_cuda, only=only)

    tasks = []
    for submission in submissions:
        names = tuple(q.name for q in assignment.questions if wanted(submission, q))
        if names:
            tasks.append(Task(submission, names))
    return tasks


def _is_due(
    submission: Submission,
    question: Question,
    current: Current | None,
    seed: int,
    *,
    has_cuda: bool,
    only: str | None,
) -> bool:
    if current is None:
        return only != "pending"
    waits = current.status is Status.PENDING and question.requires == "cuda" and has_cuda
    if only == "pending":
        return waits
    changed = (
        current.submission_sha256 != submission.sha256
        or current.question_sha256 != question.sha256
        or current.seed != seed
    )
    if only == "changed":
        return changed
    return changed or waits or current.status is Status.UNGRADED


@contextlib.contextmanager
def local_pool(jobs: int, device: str = "cpu") -> Iterator[LanePool]:  # noqa: ARG001
    """Yield lanes on this machine, and leave none of their processes behind."""
    cgroup.delegated()  # before the lanes start, which are then born where they may be capped
    pool = LanePool(jobs, lane.finish)
    try:
        yield pool
    except BaseException:
        pool.kill()
        raise
    # The lanes take their workers apart while the outputs are rendered.
    pool.shutdown(wait=False)
    atexit.register(pool.join)


def usable_cores() -> int:
    """Return how many cores this process may use, which a cluster's job may have limited."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(slots=True)
class _Line:
    """Tasks on their way through one kind of lane."""

    lanes: Lanes
    settings: lane.LaneSettings
    window: int
    waiting: deque[Task]
    running: dict[Future[Report], Task] = field(default_factory=dict)
    losses: dict[tuple[str, tuple[str, ...]], int] = field(default_factory=dict)

    def fill(self) -> None:
        while self.waiting and len(self.running) < self.window:
            task = self.waiting.popleft()
            future = self.lanes.submit(
                lane.grade_one, self.settings, task.submission, task.questions
            )
            self.running[future] = task

    def may_try_again(self, task: Task) -> bool:
        """Count a loss; say whether the task is worth another lane."""
        key = (task.submission.student, task.questions)
        self.losses[key] = self.losses.get(key, 0) + 1
        return self.losses[key] < TRIES


class Batch:
    """One run over a class: where the reports go and how it is told what happened."""

    def __init__(
        self,
        settings: lane.LaneSettings,
        assignment: Assignment,
        store: Store,
        *,
        on_report: Callable[[Report], None] = lambda _report: None,
        pool: Pool = local_pool,
    ) -> None:
        self._settings = replace(settings, assignment_sha256=assignment.sha256)
        self._assignment = assignment
        self._store = store
        self._on_report = on_report
        self._pool = pool

    def run(
        self,
        submissions: Iterable[Submission],
        *,
        jobs: int,
        only: str | None = None,
        on_plan: Callable[[list[Task], lane.Facts | None], None] = lambda _tasks, _facts: None,
    ) -> int:
        """Grade what is due and return how many reports were made.

        IsolationError stops it before anything is graded; StoreError when nothing can be kept.
        """
        submissions = list(submissions)
        self._store.set_submissions(submissions)
        held = self._store.current()

        def due(*, has_cuda: bool) -> list[Task]:
            tasks = plan(submissions, self._assignment, held, seed=self._settings.seed,
                         has_cuda=has_cuda, only=only)  # fmt: skip
            return by_risk(tasks, held)

        if not (hopeful := due(has_cuda=self._hopes_for_gpu())):
            on_plan([], None)
            return 0
        with contextlib.ExitStack() as stack:
            lanes = stack.enter_context(self._pool(min(jobs, len(hopeful)), "cpu"))
            settings = replace(self._settings, judges="cpu")
            facts = _facts(lanes, settings)
            tasks = due(has_cuda=facts.has_cuda)
            on_cpu, on_gpu = by_device(tasks, self._assignment, has_cuda=facts.has_cuda)
            on_plan([*on_cpu, *on_gpu], facts)
            lines = [_Line(lanes, settings, lanes.slots * IN_FLIGHT_PER_SLOT, deque(on_cpu))]
            if on_gpu:
                gpu_lanes = stack.enter_context(self._pool(1, "cuda"))
                settings = replace(self._settings, judges="cuda")
                # One submission a device: kernels that share it disturb each other's timing.
                lines.append(_Line(gpu_lanes, settings, gpu_lanes.slots, deque(on_gpu)))
            self._grade(lines, facts)
        return len(on_cpu) + len(on_gpu)

    def _hopes_for_gpu(self) -> bool:
        """Say whether starting a lane may find a GPU; a run with nothing to do starts none."""
        match self._settings.device:
            case "cpu":
                return False
            case "auto" if self._pool is local_pool:
                return lane.may_have_gpu()
        return True

    def _grade(self, lines: list[_Line], facts: lane.Facts) -> None:
        """Keep every report as it comes, in whatever order."""
        while True:
            for line in lines:
                line.fill()
            running = {future: line for line in lines for future in line.running}
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                line = running[future]
                self._settle(line, line.running.pop(future), future, facts)

    def _settle(self, line: _Line, task: Task, future: Future[Report], facts: lane.Facts) -> None:
        """Keep what became of a task, or put it back in line if its lane was lost."""
        try:
            report = future.result()
        except IsolationError:
            raise
        except CancelledError:
            raise WorkerError(
                "The judging processes went away; what was graded is kept. "
                "Run the same command to go on."
            ) from None
        except GraderError as problem:
            if isinstance(problem, WorkerError) and line.may_try_again(task):
                line.waiting.append(task)
                return
            report = lane.ungraded(
                line.settings, self._assignment, task.submission, task.questions, facts,
                str(problem),
            )  # fmt: skip
        self._store.add(report, self._assignment.questions)
        self._on_report(report)


def _facts(lanes: Lanes, settings: lane.LaneSettings) -> lane.Facts:
    """Start every lane, and return what the first one found, with what the pool knows of GPUs."""
    starts = [lanes.submit(lane.start, settings) for _ in range(lanes.slots)]
    first = wait(starts, return_when=FIRST_COMPLETED).done.pop()
    facts: lane.Facts = first.result()
    return facts if lanes.offers_cuda is None else replace(facts, has_cuda=lanes.offers_cuda)


def by_risk(tasks: list[Task], held: dict[tuple[str, str], Current]) -> list[Task]:
    """Return tasks with those first that took longest last time.

    A notebook that runs into its limits takes minutes; begun last, it would keep everybody waiting
    with all other lanes idle. Nothing is known of a new notebook, so the class's order remains.
    """

    def seconds(task: Task) -> float:
        known = (held.get((task.submission.student, name)) for name in task.questions)
        return max((item.seconds for item in known if item is not None), default=0.0)

    return sorted(tasks, key=seconds, reverse=True)


def by_device(
    tasks: list[Task], assignment: Assignment, *, has_cuda: bool
) -> tuple[list[Task], list[Task]]:
    """Split each task into what any lane judges and what needs the GPU, where there is one."""
    if not has_cuda:
        return tasks, []
    gpu = {item.name for item in assignment.questions if item.requires == "cuda"}

    def part(*, on_gpu: bool) -> list[Task]:
        parts = (
            Task(task.submission, tuple(q for q in task.questions if (q in gpu) is on_gpu))
            for task in tasks
        )
        return [item for item in parts if item.questions]

    return part(on_gpu=False), part(on_gpu=True)
