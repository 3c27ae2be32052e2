"""Grade many submissions: decide what is still to do, hand it to lanes, keep each report at once.

The executor is an argument: a local pool of processes or Dask's, one call for both.
"""

import contextlib
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from grader import lane
from grader.errors import UsageError
from grader.model import Assignment, Question, Report, Status, Submission
from grader.store import Current, Store

# A lane must not wait for the batch between two submissions, and a lost lane must lose little.
IN_FLIGHT_PER_JOB = 2


@dataclass(frozen=True, slots=True)
class Task:
    """Some questions of one submission."""

    submission: Submission
    questions: tuple[str, ...]


Pool = Callable[[int], contextlib.AbstractContextManager[Executor]]


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
def local_pool(jobs: int) -> Iterator[Executor]:
    """Yield a pool of lanes on this machine, and leave none of its processes behind."""
    context = multiprocessing.get_context("forkserver" if _can_fork() else "spawn")
    if _can_fork():
        # One import of torch and otter for all lanes; the lanes are forked from there.
        context.set_forkserver_preload(["torch", "grader.judge", "grader.lane"])
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=lane.watch_parent)
    try:
        yield pool
        pool.shutdown()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()


def _can_fork() -> bool:
    return "forkserver" in multiprocessing.get_all_start_methods()


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
        self._settings = settings
        self._assignment = assignment
        self._store = store
        self._on_report = on_report
        self._pool = pool

    def facts(self, executor: Executor) -> lane.Facts:
        """Start a lane and return what it found; IsolationError where nothing may be graded."""
        return executor.submit(lane.start, self._settings).result()

    def run(
        self,
        submissions: Iterable[Submission],
        *,
        jobs: int,
        only: str | None = None,
        on_plan: Callable[[list[Task], lane.Facts], None] = lambda _tasks, _facts: None,
    ) -> int:
        """Grade what is due and return how many reports were made."""
        submissions = list(submissions)
        with self._pool(jobs) as executor:
            facts = self.facts(executor)
            tasks = plan(
                submissions,
                self._assignment,
                self._store.current(),
                seed=self._settings.seed,
                has_cuda=facts.has_cuda,
                only=only,
            )
            on_plan(tasks, facts)
            on_cpu, on_gpu = _by_device(tasks, self._assignment, has_cuda=facts.has_cuda)
            lost = self._grade(executor, on_cpu, jobs * IN_FLIGHT_PER_JOB)
            # One submission a device: two kernels that share it disturb each other's timing.
            lost += self._grade(executor, on_gpu, 1)
        for task in lost:
            self._grade_alone(task, facts)
        return len(tasks)

    def _grade(self, executor: Executor, tasks: list[Task], window: int) -> list[Task]:
        """Grade tasks, at most `window` at once; return those that were lost with their lane."""
        waiting = iter(tasks)
        running: dict[Future[Report], Task] = {}
        lost: list[Task] = []
        broken = False
        while True:
            while not broken and len(running) < window:
                task = next(waiting, None)
                if task is None:
                    break
                try:
                    future = executor.submit(
                        lane.grade_one, self._settings, task.submission, task.questions
                    )
                except BrokenProcessPool:
                    broken = True
                    lost.append(task)
                    break
                running[future] = task
            if not running:
                return lost + list(waiting)
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                task = running.pop(future)
                try:
                    self._keep(future.result())
                except BrokenProcessPool:
                    broken = True
                    lost.append(task)

    def _grade_alone(self, task: Task, facts: lane.Facts) -> None:
        """Grade what a lost lane took with it; what loses its lane again is ungraded."""
        with self._pool(1) as executor:
            again = self._grade(executor, [task], 1)
        if again:
            reason = "The process that judged this ended twice; run the same command again."
            self._keep(
                lane.ungraded(self._settings, task.submission, task.questions, facts, reason)
            )

    def _keep(self, report: Report) -> None:
        self._store.add(report, self._assignment.questions)
        self._on_report(report)


def _by_device(
    tasks: list[Task], assignment: Assignment, *, has_cuda: bool
) -> tuple[list[Task], list[Task]]:
    """Split each task into what any lane judges and what needs the GPU, where there is one."""
    if not has_cuda:
        return tasks, []
    gpu = {item.name for item in assignment.questions if item.requires == "cuda"}

    def part(keep: Callable[[str], Any]) -> list[Task]:
        parts = (Task(t.submission, tuple(q for q in t.questions if keep(q))) for t in tasks)
        return [item for item in parts if item.questions]

    return part(lambda name: name not in gpu), part(lambda name: name in gpu)
