"""Grade many submissions: hand what is due to grader processes, and keep each report at once.

The pool is an argument: processes of this machine or a cluster's, one call for both.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, as_completed, wait
from dataclasses import dataclass, field, replace
from typing import Any

from grader import machine, wording
from grader.batch import plan, process
from grader.batch.messages import Facts, Judged, ProcessSettings
from grader.batch.plan import Kind, Task
from grader.batch.pool import Pool, Processes, local_pool
from grader.errors import (
    GraderError,
    IsolationError,
    ProcessLostError,
    WorkerError,
)
from grader.gradebook.store import Store
from grader.grading import control, outcomes
from grader.grading.second_look import Look
from grader.model import Assignment, Limits, Status, Submission
from grader.reports import Control, QuestionReport, Report

# A grader process must not wait for the batch between two submissions, and a lost one must lose
# little.
IN_FLIGHT_PER_SLOT = 2
JUDGE_GPU_BYTES = 1 << 30  # what a grader process itself needs of the GPU, beside its submission
TRIES = 2  # a notebook that ends its grader process every time must not be handed out for ever


def jobs_on_gpu(limits: Limits, jobs: int) -> int:
    """Return how many submissions may share the GPU: a core each, and memory for each."""
    memory = machine.gpu_memory_bytes()
    if memory is None:
        return 1
    return max(1, min(jobs, memory // (limits.gpu_memory_bytes + JUDGE_GPU_BYTES)))


@dataclass(slots=True)
class _Queue:
    """Tasks on their way through one kind of process, and what the reference comes to there."""

    processes: Processes
    settings: ProcessSettings
    facts: Facts
    window: int
    waiting: deque[Task]
    look: Look = Look.BESIDE  # how each is judged first
    running: dict[Future[Judged], Task] = field(default_factory=dict)
    losses: dict[tuple[str, tuple[str, ...]], int] = field(default_factory=dict)
    control: Future[Control] | None = None
    control_losses: int = 0
    questions: tuple[str, ...] = ()  # of all tasks
    controls: dict[str, Control] = field(default_factory=dict)  # by place
    held: list[tuple[Task, Judged]] = field(default_factory=list)
    # To be judged once more with nothing beside them: what may have been lost by what was beside it
    # or by a busy machine, with what it came to, and what ended its grader process.
    again: deque[tuple[Task, Judged | None]] = field(default_factory=deque)

    def ask_for_control(self, assignment: Assignment) -> None:
        """Have the reference judged before anybody else."""
        asked = {name for task in self.waiting for name in task.questions}
        self.questions = tuple(q.name for q in assignment.questions if q.name in asked)
        self.ask_again_for_control()

    def ask_again_for_control(self) -> None:
        self.control = self.processes.submit(process.control, self.settings, self.questions)

    def fill(self) -> None:
        controlled = frozenset(self.controls)
        if self.control is not None:
            controlled |= {self.facts.place}
        window = self.window - (self.control is not None)
        while self.waiting and len(self.running) < window:
            task = self.waiting.popleft()
            future = self.processes.submit(
                process.grade_one,
                self.settings,
                task.submission,
                task.questions,
                controlled,
                self.questions,
                look=self.look,
            )
            self.running[future] = task

    def may_try_again(self, task: Task) -> bool:
        """Count a loss; say whether the task is worth another grader process."""
        key = (task.submission.student, task.questions)
        self.losses[key] = self.losses.get(key, 0) + 1
        return self.losses[key] < TRIES


class Batch:
    """One run over a class: where the reports go and how it is told what happened."""

    def __init__(
        self,
        settings: ProcessSettings,
        assignment: Assignment,
        store: Store,
        *,
        on_report: Callable[[Report], None] = lambda _report: None,
        on_phase: Callable[[str], None] = lambda _text: None,
        pool: Pool = local_pool,
    ) -> None:
        self._settings = settings.of_batch(assignment)
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
        on_plan: Callable[[list[Task], Facts | None], None] = lambda _tasks, _facts: None,
    ) -> int:
        """Grade what is due and return how many reports were made.

        `gpu_jobs` submissions share a GPU, by default as many as its memory and the cores allow.
        IsolationError stops it before anything is graded; StoreError when nothing can be kept.
        """
        submissions = list(submissions)
        self._store.set_submissions(submissions)
        held = self._store.current()

        def due(*, has_cuda: bool) -> list[Task]:
            tasks = plan.due(submissions, self._assignment, held, seed=self._settings.seed,
                         limits=self._settings.limits, has_cuda=has_cuda, only=only)  # fmt: skip
            return plan.by_risk(tasks, held)

        hopes = self._hopes_for_gpu()
        if not (hopeful := due(has_cuda=hopes)):
            on_plan([], None)
            return 0
        hoped = plan.by_kind(hopeful, self._assignment, has_cuda=hopes)
        # One also says what this machine is where nothing is left but what needs a GPU.
        most = max([1, *(len(found) for kind, found in hoped.items() if kind.device == "cpu")])
        with contextlib.ExitStack() as stack:
            processes = stack.enter_context(self._pool(min(jobs, most), "cpu"))
            settings = self._settings
            facts = _facts(processes, settings)
            tasks = due(has_cuda=facts.has_cuda)
            groups = plan.by_kind(tasks, self._assignment, has_cuda=facts.has_cuda)
            on_plan([task for group in groups.values() for task in group], facts)
            gpu = {kind: found for kind, found in groups.items() if kind.device == "cuda"}
            if gpu:
                most = max(len(found) for found in gpu.values())
                count = min(gpu_jobs or jobs_on_gpu(self._settings.limits, jobs), most)
                gpu_processes = stack.enter_context(self._pool(count, "cuda"))
                # They start while the first questions are judged.
                gpu_facts = _starting(gpu_processes, replace(settings, judges="cuda"))
            for kinds in _phases(groups, processes):
                queues = []
                for kind in kinds:
                    if kind.device == "cuda":
                        there = _first_started(gpu_facts)
                        queue = _queue(kind, gpu_processes, replace(settings, judges="cuda"), there)
                    else:
                        queue = _queue(kind, processes, settings, facts)
                    queue.waiting.extend(groups[kind])
                    self._on_phase(_describe(kind, queue))
                    queues.append(queue)
                look = Look.ALONE if _is_one_at_a_time(queues) and not gpu else Look.BESIDE
                self._grade([replace(queue, look=look) for queue in queues])
        return sum(len(found) for found in groups.values())

    def _hopes_for_gpu(self) -> bool:
        """Say whether starting a process may find a GPU; a run with nothing to do starts none."""
        match self._settings.device:
            case "cpu":
                return False
            case "auto" if self._pool is local_pool:
                return machine.may_have_gpu()
        return True

    def _grade(self, queues: list[_Queue]) -> None:
        """Keep every report as it comes, in whatever order, once the reference is judged there."""
        for queue in queues:
            queue.ask_for_control(self._assignment)
        while True:
            for queue in queues:
                queue.fill()
            running: dict[Future[Any], _Queue] = {
                future: queue for queue in queues for future in queue.running
            }
            running |= {queue.control: queue for queue in queues if queue.control is not None}
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                queue = running[future]
                if future is queue.control:
                    self._take_control(queue, future)
                else:
                    self._settle(queue, queue.running.pop(future), future)
        for queue in queues:
            if queue.again:
                self._on_phase(f"{len(queue.again)} once more, alone, one at a time")
            while queue.again:
                task, first = queue.again.popleft()
                self._add(self._once_more(queue, task, first))

    def _take_control(self, queue: _Queue, future: Future[Control]) -> None:
        """Note what the reference came to, and keep the reports that waited for it."""
        queue.control = None
        try:
            found = future.result()
        except CancelledError:
            raise _went_away() from None
        except IsolationError:
            raise
        except GraderError as problem:
            queue.control_losses += 1
            if isinstance(problem, WorkerError) and queue.control_losses < TRIES:
                queue.ask_again_for_control()
                return
            found = control.not_judged(self._assignment, queue.questions, queue.facts, str(problem))
        self._note_control(queue, found)
        held, queue.held = queue.held, []
        for task, judged in held:
            self._keep(queue, task, judged)

    def _note_control(self, queue: _Queue, found: Control) -> None:
        queue.controls[found.place] = found
        self._store.add_control(found)
        for cause in found.causes:
            self._on_phase(f"ungraded for everybody: {cause}")

    def _settle(self, queue: _Queue, task: Task, future: Future[Judged]) -> None:
        """Keep what became of a task, or put it back in line if its grader process was lost."""
        try:
            judged = future.result()
        except IsolationError:
            raise
        except CancelledError:
            raise _went_away() from None
        except ProcessLostError:
            queue.again.append((task, None))
            return
        except GraderError as problem:
            if isinstance(problem, WorkerError) and queue.may_try_again(task):
                queue.waiting.append(task)
                return
            self._add(self._ungraded(queue, task, problem))
            return
        if judged.control is not None:
            self._note_control(queue, judged.control)
        if judged.report.in_doubt:
            queue.again.append((task, judged))
            return
        self._keep(queue, task, judged)

    def _once_more(self, queue: _Queue, task: Task, first: Judged | None) -> Report:
        """Return what a submission comes to, part of it judged once more with nothing beside it.

        What a busy machine had no time for is not its student's loss; what ends its grader process
        also then is, question by question.
        """
        names = task.questions if first is None else first.report.in_doubt
        found = self._judge_alone(queue, task, names)
        if found is None:
            parts = [
                self._judge_alone(queue, task, (name,))
                or self._ended_its_process(queue, task, name)
                for name in names
            ]
            found = process.joined(parts[0], parts[1:])
        return found if first is None else process.joined(self._settled(queue, first), [found])

    def _judge_alone(self, queue: _Queue, task: Task, questions: tuple[str, ...]) -> Report | None:
        """Return a report that is settled; None where the grader process was lost once more."""
        known = frozenset(queue.controls)
        try:
            judged = queue.processes.submit(
                process.grade_one, queue.settings, task.submission, questions, known,
                queue.questions,
            ).result()  # fmt: skip
        except IsolationError:
            raise
        except CancelledError:
            raise _went_away() from None
        except ProcessLostError:
            return None
        except GraderError as problem:
            return self._ungraded(queue, replace(task, questions=questions), problem)
        if judged.control is not None:
            self._note_control(queue, judged.control)
        return self._settled(queue, judged)

    def _settled(self, queue: _Queue, judged: Judged) -> Report:
        found = queue.controls.get(judged.place)
        return judged.report if found is None else control.settle(judged.report, found)

    def _ended_its_process(self, queue: _Queue, task: Task, name: str) -> Report:
        """Return the report on a question that ended three grader processes, the last two alone.

        Where the reference does not end its own in the same place, the answer is to blame.
        """
        report = self._ungraded(queue, replace(task, questions=(name,)), _ended())
        try:
            found = queue.processes.submit(process.control, queue.settings, (name,)).result()
        except CancelledError:
            raise _went_away() from None
        except IsolationError:
            raise
        except GraderError:
            return report
        question = self._assignment.question(name)
        cases = outcomes.stopped(question.cases, Status.KILLED, wording.ENDED_THE_JUDGE)
        part = QuestionReport.judged(question, cases, all_or_nothing=False)
        return control.settle(replace(report, questions=(part,)), found)

    def _ungraded(self, queue: _Queue, task: Task, problem: GraderError) -> Report:
        return process.ungraded(
            queue.settings, self._assignment, task.submission, task.questions,
            facts=queue.facts, reason=str(problem),
        )  # fmt: skip

    def _keep(self, queue: _Queue, task: Task, judged: Judged) -> None:
        """Keep a report once it is known what the reference came to in the same place."""
        found = queue.controls.get(judged.place)
        if found is not None:
            self._add(control.settle(judged.report, found))
        elif not any(item.cases for item in judged.report.questions):
            self._add(judged.report)  # nothing was run
        elif queue.control is not None:
            queue.held.append((task, judged))
        else:  # it was judged in a place that nobody foresaw: there, the reference comes next
            queue.waiting.append(task)

    def _add(self, report: Report) -> None:
        self._store.add(report, self._assignment.questions)
        self._on_report(report)


def _went_away() -> WorkerError:
    return WorkerError(
        "The grader processes went away; what was graded is kept. Run the same command to go on."
    )


def _ended() -> WorkerError:
    return WorkerError(
        "The process that judges ended three times over this, and over the reference as well; "
        "see whether this machine has memory enough and whether a test works for minutes on one "
        "case, and run the same command again."
    )


def _queue(kind: Kind, processes: Processes, settings: ProcessSettings, facts: Facts) -> _Queue:
    window = processes.slots * IN_FLIGHT_PER_SLOT
    if kind.device == "cuda":  # a task takes so long that its grader process can wait for the next
        window = processes.slots
    if kind.alone and processes.share_cores:
        window = 1
    return _Queue(processes, settings, facts, window, deque())


def _is_one_at_a_time(queues: list[_Queue]) -> bool:
    return sum(min(queue.window, queue.processes.slots) for queue in queues) == 1


def _describe(kind: Kind, queue: _Queue) -> str:
    where = "on the GPU" if kind.device == "cuda" else "on the CPU"
    how = "alone, one at a time" if kind.alone else f"{queue.processes.slots} at once"
    text = f"{len(queue.waiting)} {where}, {how}"
    if kind.device == "cuda" and queue.facts.gpu_fault:
        text += f"; they stay pending: {queue.facts.gpu_fault}"
    return text


def _phases(groups: dict[Kind, list[Task]], processes: Processes) -> list[list[Kind]]:
    """Return which kinds of tasks are judged side by side, and in which order."""
    shared = [kind for kind in groups if not kind.alone]
    alone = [[kind] for kind in groups if kind.alone]
    # Student code has limits of time: who shares cores takes turns, not the others' cores.
    first = [[kind] for kind in shared] if processes.share_cores else [shared]
    return [kinds for kinds in [*first, *alone] if kinds]


def _starting(processes: Processes, settings: ProcessSettings) -> list[Future[Facts]]:
    return [processes.submit(process.start, settings) for _ in range(processes.slots)]


def _first_started(starts: list[Future[Facts]]) -> Facts:
    """Return what the first process to start found; the error of the last where none starts."""
    for future in as_completed(starts):
        if future.exception() is None:
            break
    return future.result()


def _facts(processes: Processes, settings: ProcessSettings) -> Facts:
    """Start every process; return what the first one found, with what the pool knows of GPUs."""
    facts = _first_started(_starting(processes, settings))
    return (
        facts if processes.offers_cuda is None else replace(facts, has_cuda=processes.offers_cuda)
    )
