"""Grade many submissions: decide what is still to do, hand it to lanes, keep each report at once.

The pool of lanes is an argument: processes of this machine or Dask's, one call for both.
"""

import atexit
import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, as_completed, wait
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from grader import machine as gpu
from grader.batch import process as lane
from grader.batch.pool import LanePool, Lanes
from grader.errors import (
    GraderError,
    IsolationError,
    UsageError,
    WorkerError,
)
from grader.gradebook.store import Current, Store
from grader.grading import control
from grader.model import (
    Assignment,
    Control,
    Limits,
    Question,
    Report,
    Status,
    Submission,
)
from grader.sandbox.levels import cgroup

# A lane must not wait for the batch between two submissions, and a lost lane must lose little.
IN_FLIGHT_PER_SLOT = 2
JUDGE_GPU_BYTES = 1 << 30  # what a lane itself needs of the GPU, beside its submission
TRIES = 2  # a notebook that ends its lane every time must not be handed out for ever


@dataclass(frozen=True, slots=True)
class Task:
    """Some questions of one submission."""

    submission: Submission
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """What questions need to be judged: a device, and whether nothing else may run meanwhile."""

    device: str = "cpu"
    alone: bool = False


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


def jobs_on_gpu(limits: Limits, jobs: int) -> int:
    """Return how many submissions may share the GPU: a core each, and memory for each."""
    memory = gpu.memory_bytes()
    if memory is None:
        return 1
    return max(1, min(jobs, memory // (limits.gpu_memory_bytes + JUDGE_GPU_BYTES)))


@dataclass(slots=True)
class _Line:
    """Tasks on their way through one kind of lane, and what the reference comes to there."""

    lanes: Lanes
    settings: lane.LaneSettings
    facts: lane.Facts
    window: int
    waiting: deque[Task]
    running: dict[Future[lane.Judged], Task] = field(default_factory=dict)
    losses: dict[tuple[str, tuple[str, ...]], int] = field(default_factory=dict)
    control: Future[Control] | None = None
    controls: dict[str, Control] = field(default_factory=dict)  # by place
    held: list[tuple[Task, lane.Judged]] = field(default_factory=list)

    def ask_for_control(self, assignment: Assignment) -> None:
        """Have the reference judged before anybody else."""
        asked = {name for task in self.waiting for name in task.questions}
        names = tuple(q.name for q in assignment.questions if q.name in asked)
        self.control = self.lanes.submit(lane.control, self.settings, names)

    def fill(self) -> None:
        controlled = frozenset(self.controls)
        if self.control is not None:
            controlled |= {self.facts.place}
        window = self.window - (self.control is not None)
        while self.waiting and len(self.running) < window:
            task = self.waiting.popleft()
            future = self.lanes.submit(
                lane.grade_one, self.settings, task.submission, task.questions, controlled
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
        on_phase: Callable[[str], None] = lambda _text: None,
        pool: Pool = local_pool,
    ) -> None:
        self._settings = replace(settings, assignment_sha256=assignment.sha256)
        self._assignment = assignment
        self._store = store
        self._on_report = on_report
        self._on_phase = on_phase
        self._pool = pool

    def run(
        self,
        submissions: Iterable[Submission],
        *,
        jobs: int,
        gpu_jobs: int | None = None,
        only: str | None = None,
        on_plan: Callable[[list[Task], lane.Facts | None], None] = lambda _tasks, _facts: None,
    ) -> int:
        """Grade what is due and return how many reports were made.

        `gpu_jobs` submissions share a GPU, by default as many as its memory and the cores allow.
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
            groups = by_kind(tasks, self._assignment, has_cuda=facts.has_cuda)
            on_plan([task for group in groups.values() for task in group], facts)
            gpu = {kind: found for kind, found in groups.items() if kind.device == "cuda"}
            if gpu:
                most = max(len(found) for found in gpu.values())
                count = min(gpu_jobs or jobs_on_gpu(self._settings.limits, jobs), most)
                gpu_lanes = stack.enter_context(self._pool(count, "cuda"))
                # They start while the first questions are judged.
                gpu_facts = _starting(gpu_lanes, replace(settings, judges="cuda"))
            for kinds in _phases(groups, lanes):
                lines = []
                for kind in kinds:
                    if kind.device == "cuda":
                        there = _first_started(gpu_facts)
                        line = _line(kind, gpu_lanes, replace(settings, judges="cuda"), there)
                    else:
                        line = _line(kind, lanes, settings, facts)
                    line.waiting.extend(groups[kind])
                    self._on_phase(_describe(kind, line))
                    lines.append(line)
                self._grade(lines)
        return sum(len(found) for found in groups.values())

    def _hopes_for_gpu(self) -> bool:
        """Say whether starting a lane may find a GPU; a run with nothing to do starts none."""
        match self._settings.device:
            case "cpu":
                return False
            case "auto" if self._pool is local_pool:
                return lane.may_have_gpu()
        return True

    def _grade(self, lines: list[_Line]) -> None:
        """Keep every report as it comes, in whatever order, once the reference is judged there."""
        for line in lines:
            line.ask_for_control(self._assignment)
        while True:
            for line in lines:
                line.fill()
            running: dict[Future[Any], _Line] = {
                future: line for line in lines for future in line.running
            }
            running |= {line.control: line for line in lines if line.control is not None}
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                line = running[future]
                if future is line.control:
                    self._take_control(line, future)
                else:
                    self._settle(line, line.running.pop(future), future)

    def _take_control(self, line: _Line, future: Future[Control]) -> None:
        """Note what the reference came to, and keep the reports that waited for it."""
        line.control = None
        try:
            found = future.result()
        except CancelledError:
            raise _went_away() from None
        except IsolationError:
            raise
        except GraderError as problem:
            names = {name for task, _ in line.held for name in task.questions}
            names |= {name for task in [*line.waiting, *line.running.values()]
                      for name in task.questions}  # fmt: skip
            found = control.not_judged(self._assignment, names, line.facts, str(problem))
        self._note_control(line, found)
        held, line.held = line.held, []
        for task, judged in held:
            self._keep(line, task, judged)

    def _note_control(self, line: _Line, found: Control) -> None:
        line.controls[found.place] = found
        self._store.add_control(found)
        for cause in found.causes:
            self._on_phase(f"ungraded for everybody: {cause}")

    def _settle(self, line: _Line, task: Task, future: Future[lane.Judged]) -> None:
        """Keep what became of a task, or put it back in line if its lane was lost."""
        try:
            judged = future.result()
        except IsolationError:
            raise
        except CancelledError:
            raise _went_away() from None
        except GraderError as problem:
            if isinstance(problem, WorkerError) and line.may_try_again(task):
                line.waiting.append(task)
                return
            report = lane.ungraded(
                line.settings, self._assignment, task.submission, task.questions, line.facts,
                str(problem),
            )  # fmt: skip
            self._add(report)
            return
        if judged.control is not None:
            self._note_control(line, judged.control)
        self._keep(line, task, judged)

    def _keep(self, line: _Line, task: Task, judged: lane.Judged) -> None:
        """Keep a report once it is known what the reference came to in the same place."""
        found = line.controls.get(judged.place)
        if found is not None:
            self._add(control.settle(judged.report, found))
        elif not any(item.cases for item in judged.report.questions):
            self._add(judged.report)  # nothing was run
        elif line.control is not None:
            line.held.append((task, judged))
        else:  # it was judged in a place that nobody foresaw: there, the reference comes next
            line.waiting.append(task)

    def _add(self, report: Report) -> None:
        self._store.add(report, self._assignment.questions)
        self._on_report(report)


def _went_away() -> WorkerError:
    return WorkerError(
        "The judging processes went away; what was graded is kept. Run the same command to go on."
    )


def _line(kind: Kind, lanes: Lanes, settings: lane.LaneSettings, facts: lane.Facts) -> _Line:
    window = lanes.slots * IN_FLIGHT_PER_SLOT
    if kind.device == "cuda":  # a task takes so long that its lane can wait for the next
        window = lanes.slots
    if kind.alone and lanes.share_cores:
        window = 1
    return _Line(lanes, settings, facts, window, deque())


def _describe(kind: Kind, line: _Line) -> str:
    where = "on the GPU" if kind.device == "cuda" else "on the CPU"
    how = "alone, one at a time" if kind.alone else f"{line.lanes.slots} at once"
    text = f"{len(line.waiting)} {where}, {how}"
    if kind.device == "cuda" and line.facts.gpu_fault:
        text += f"; they stay pending: {line.facts.gpu_fault}"
    return text


def _phases(groups: dict[Kind, list[Task]], lanes: Lanes) -> list[list[Kind]]:
    """Return which kinds of tasks are judged side by side, and in which order."""
    shared = [kind for kind in groups if not kind.alone]
    alone = [[kind] for kind in groups if kind.alone]
    # Student code has limits of time: lanes that share cores take turns, not each other's cores.
    first = [[kind] for kind in shared] if lanes.share_cores else [shared]
    return [kinds for kinds in [*first, *alone] if kinds]


def _starting(lanes: Lanes, settings: lane.LaneSettings) -> list[Future[lane.Facts]]:
    return [lanes.submit(lane.start, settings) for _ in range(lanes.slots)]


def _first_started(starts: list[Future[lane.Facts]]) -> lane.Facts:
    """Return what the first lane to start found; the error of the last where none starts."""
    for future in as_completed(starts):
        if future.exception() is None:
            break
    return future.result()


def _facts(lanes: Lanes, settings: lane.LaneSettings) -> lane.Facts:
    """Start every lane, and return what the first one found, with what the pool knows of GPUs."""
    facts = _first_started(_starting(lanes, settings))
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


def by_kind(tasks: list[Task], assignment: Assignment, *, has_cuda: bool) -> dict[Kind, list[Task]]:
    """Split each task by what its questions need; without a GPU there, those stay pending."""

    def kind(question: Question) -> Kind:
        needs_gpu = question.requires == "cuda"
        if needs_gpu and not has_cuda:
            return Kind()
        return Kind("cuda" if needs_gpu else "cpu", question.alone)

    kinds = {question.name: kind(question) for question in assignment.questions}
    groups: dict[Kind, list[Task]] = {}
    for wanted in (Kind(device, alone) for alone in (False, True) for device in ("cpu", "cuda")):
        parts = (
            Task(task.submission, tuple(q for q in task.questions if kinds[q] == wanted))
            for task in tasks
        )
        if found := [item for item in parts if item.questions]:
            groups[wanted] = found
    return groups
