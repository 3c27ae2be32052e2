"""Judge one submission: run its cells in a child, and its cases against what the child answers.

A question is judged where the notebook checks it, its public cases before its hidden ones. When a
child ends early, what was judged keeps its score, and the rest is judged in a fresh child that
replays the cells without the one that ended it. What a student reads of their own code's words
comes only from a child that has seen no hidden input: a public case that fails after a hidden one
has run is judged again in such a child.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from grader.course import notebooks
from grader.errors import CannotJudgeError, WorkerError
from grader.grading.control import OUR_FAULT
from grader.grading.otter_tests import CaseSuite, SessionNames, Verdict
from grader.model import (
    Assignment,
    Environment,
    Limits,
    Outcome,
    Question,
    QuestionReport,
    Report,
    Status,
    Submission,
    TestCase,
)
from grader.sandbox import (
    ChildEnded,
    MissingNameError,
    Session,
    StudentError,
    Worker,
)

HIDDEN_FAILED = "This hidden test did not pass. It checks the contract on inputs of its own."
HIDDEN_STOPPED = "This hidden test was stopped: {reason}."
# An exit status or a signal can be chosen by code that has seen a hidden input.
PLAIN_END = {
    Status.TIMEOUT: "it took too long",
    Status.KILLED: "the notebook's process ended or broke a limit",
}
PENDING_GPU = "Waits for a machine with a GPU."
PENDING_PERSON = "Waits for a person to read it."
NOT_ASKED = "Not judged: something was lost before, and no more was asked."
DEVICE_FAULTS = ("CUDA error", "CUDA out of memory", "CUDA driver", "CUBLAS_STATUS")
MAX_MESSAGE = 2_000
MAX_ANSWER = 20_000

OnQuestion = Callable[[QuestionReport], None]


def _say_nothing(_question: QuestionReport) -> None:
    return


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that stays the same from one submission to the next."""

    suite: CaseSuite
    workers: dict[str, Worker]  # by what a question requires: "cpu" always, "cuda" where there is
    environment: Environment
    device_names: dict[str, str] = field(default_factory=lambda: {"cuda": "cuda"})
    gpu_fault: str = ""  # why a GPU that is here cannot be used

    @property
    def assignment(self) -> Assignment:
        return self.suite.assignment


def judge(
    submission: Submission,
    bench: Bench,
    *,
    limits: Limits | None = None,
    only: Iterable[str] | None = None,
    until_loss: bool = False,
    on_question: OnQuestion = _say_nothing,
) -> Report:
    """Return the report on one submission, or on some of its questions.

    With `until_loss` the first case that does not pass ends it: what follows is `pending`, since
    whoever asks only whether anything is lost need not wait for the rest. `on_question` is told of
    each question as soon as it is judged; what the report says of it in the end is final.
    """
    assignment = bench.assignment
    limits = limits or assignment.limits
    wanted = frozenset(only) if only is not None else None
    questions = [q for q in assignment.questions if wanted is None or q.name in wanted]
    started = time.monotonic()
    phases: dict[str, float] = {}
    try:
        notebook = _read(submission, assignment, limits)
    except notebooks.NotebookUnreadableError as problem:
        reports = [_unreadable(question, str(problem)) for question in questions]
        return _report(submission, bench, limits, reports, started, phases, error=str(problem))
    reports = _judge_questions(
        notebook, submission, bench, limits, questions, phases, until_loss, on_question
    )
    return _report(submission, bench, limits, reports, started, phases)


def _judge_questions(
    notebook: notebooks.Notebook,
    submission: Submission,
    bench: Bench,
    limits: Limits,
    questions: list[Question],
    phases: dict[str, float],
    until_loss: bool,
    on_question: OnQuestion,
) -> list[QuestionReport]:
    done: dict[str, QuestionReport] = {}
    for device in ("cpu", "cuda"):
        group = [q for q in questions if q.kind == "code" and (q.requires or "cpu") == device]
        if not group:
            continue
        if device not in bench.workers:
            done |= {q.name: _pending(q, PENDING_GPU, note=bench.gpu_fault) for q in group}
            continue
        run = _Run(notebook, submission, bench, limits, device, phases, until_loss, on_question)
        done |= run.judge(group)
    for question in questions:
        if question.kind == "manual":
            answer = notebook.prose.get(f"{question.name}-answer", "")[:MAX_ANSWER]
            done[question.name] = _pending(question, PENDING_PERSON, answer)
    return [done[question.name] for question in questions]


def _read(submission: Submission, assignment: Assignment, limits: Limits) -> notebooks.Notebook:
    if submission.problem is not None:
        raise notebooks.NotebookUnreadableError(submission.problem)
    notebook = notebooks.read(submission.content, limits)
    names = [name for question in assignment.questions for name in question.names]
    if names and not notebook.binds(names):
        raise notebooks.NotebookUnreadableError(
            f"This is not {assignment.slug}: it defines none of {', '.join(names[:3])}…; "
            f"{notebook.seems_to_be()}. Hand in {assignment.notebook.name}."
        )
    return notebook


def _unreadable(question: Question, reason: str) -> QuestionReport:
    return QuestionReport(question.name, Status.ERROR, 0.0, question.points, note=reason)


def _pending(question: Question, message: str, answer: str = "", note: str = "") -> QuestionReport:
    cases = tuple(
        Outcome(case.name, case.hidden, Status.PENDING, 0.0, case.points, message)
        for case in question.cases
    )
    return QuestionReport(
        question.name, Status.PENDING, 0.0, question.points, question.points, cases, note, answer
    )


def _report(
    submission: Submission,
    bench: Bench,
    limits: Limits,
    questions: list[QuestionReport],
    started: float,
    phases: dict[str, float],
    error: str | None = None,
) -> Report:
    return Report(
        student=submission.student,
        path=submission.path,
        sha256=submission.sha256,
        questions=tuple(questions),
        seed=bench.suite.seed,
        assignment_sha256=bench.assignment.sha256,
        isolation=bench.workers["cpu"].isolation,
        environment=bench.environment,
        seconds=time.monotonic() - started,
        error=error,
        received=submission.received,
        late=submission.late,
        members=submission.members,
        phases=phases,
        limits=limits,
    )


class _Run:
    """What one kind of device can judge of one submission, in one or more children."""

    def __init__(
        self,
        notebook: notebooks.Notebook,
        submission: Submission,
        bench: Bench,
        limits: Limits,
        device: str,
        phases: dict[str, float],
        until_loss: bool,
        on_question: OnQuestion,
    ) -> None:
        self._until_loss = until_loss
        self._on_question = on_question
        self._notebook = notebook
        self._bench = bench
        self._limits = limits
        self._device = device
        self._phases = phases
        self._no_need_to_run = bench.assignment.ignored_cells | {""}
        self._seed = int(submission.sha256[:8] or "0", 16)
        self._deadline = time.monotonic() + limits.submission_seconds
        self._session: Session | None = None
        self._position = 0  # cells that the current child has run
        self._deadly: dict[int, str] = {}  # cell number: how it ended its child
        self._cell_failures: dict[int, str] = {}
        self._tainted = False  # the current child has seen a hidden input
        self._notes: list[str] = []
        self._memory: dict[Any, Any] = {}  # what tests leave for this submission's later cases

    def judge(self, questions: list[Question]) -> dict[str, QuestionReport]:
        """Judge questions in the order in which the notebook checks them."""
        where = {q.name: self._notebook.check_position(q.name) for q in questions}
        ordered = sorted(questions, key=lambda q: where[q.name])
        outcomes: dict[str, list[Outcome]] = {}
        notes: dict[str, str] = {}
        doubtful: list[tuple[Question, TestCase]] = []
        try:
            for question in ordered:
                if self._until_loss and _lost(outcomes):
                    outcomes[question.name] = _all(question.cases, Status.PENDING, NOT_ASKED, "")
                    continue
                outcomes[question.name] = self._judge_question(
                    question, where[question.name], doubtful
                )
                notes[question.name] = "; ".join(self._notes)
                self._notes = []
                self._on_question(
                    self._question_report(question, outcomes[question.name], notes[question.name])
                )
            self._judge_again(doubtful, where, outcomes)
        except WorkerError as problem:
            for question in ordered:
                if question.name not in outcomes:
                    outcomes[question.name] = _all(
                        question.cases, Status.UNGRADED, OUR_FAULT, str(problem)
                    )
        finally:
            self._end_session()
        return {
            question.name: self._question_report(
                question, outcomes[question.name], notes.get(question.name, "")
            )
            for question in questions
        }

    def _question_report(
        self, question: Question, outcomes: list[Outcome], note: str
    ) -> QuestionReport:
        status = Status.worst([outcome.status for outcome in outcomes])
        score = round(sum(outcome.score for outcome in outcomes), 9)
        if question.name in self._bench.suite.all_or_nothing and status is not Status.PASSED:
            score = 0.0
        return QuestionReport(
            question.name, status, score, question.points, 0.0, tuple(outcomes), note
        )

    def _judge_question(
        self, question: Question, position: int, doubtful: list[tuple[Question, TestCase]]
    ) -> list[Outcome]:
        """Judge one question; its public cases come first, so that they speak freely."""
        try:
            self._run_cells(position)
        except ChildEnded as end:  # the whole submission is out of time
            return _all(question.cases, end.status, _sentence(PLAIN_END[end.status]), end.reason)
        outcomes: dict[str, Outcome] = {}
        cases = sorted(question.cases, key=lambda case: case.hidden)
        for number, case in enumerate(cases):
            was_tainted = self._tainted
            try:
                outcome = self._judge_case(question, case)
            except ChildEnded as end:
                self._notes.append(f"the child ended in case {case.name!r}: {end.reason}")
                stopped = cases[number:]
                outcomes |= {o.name: o for o in _stopped(stopped, end)}
                if was_tainted:
                    doubtful.extend((question, c) for c in stopped if not c.hidden)
                self._end_session()
                break
            outcomes[case.name] = outcome
            if self._until_loss and outcome.status is not Status.PASSED:
                left = _all(cases[number + 1 :], Status.PENDING, NOT_ASKED, "")
                outcomes |= {o.name: o for o in left}
                break
            if was_tainted and not case.hidden and outcome.status is not Status.PASSED:
                doubtful.append((question, case))
        return [outcomes[case.name] for case in question.cases]

    def _judge_again(
        self,
        doubtful: list[tuple[Question, TestCase]],
        where: dict[str, int],
        outcomes: dict[str, list[Outcome]],
    ) -> None:
        """Judge public cases in a child that sees no hidden input, and take what comes of it."""
        self._end_session()
        for question, case in doubtful:
            try:
                self._run_cells(where[question.name])
                clean = self._judge_case(question, case)
            except ChildEnded as end:
                clean = _stopped([case], end)[0]
                self._end_session()
            outcomes[question.name] = [
                clean if outcome.name == case.name else outcome
                for outcome in outcomes[question.name]
            ]

    def _run_cells(self, position: int) -> None:
        """Bring a child to where it has run the first `position` cells, replaying if it must."""
        while self._position < position or self._session is None:
            if self._session is None:
                self._begin_session()
            if self._position >= position:
                return
            cell = self._notebook.cells[self._position]
            self._position += 1
            source = cell.source.strip()
            if cell.number in self._deadly or source in self._no_need_to_run:
                continue
            self._run_cell(cell)

    def _run_cell(self, cell: notebooks.CodeCell) -> None:
        started, tainted = time.perf_counter(), self._tainted
        try:
            result = self._live.run_cell(cell.source, cell.number)
        except ChildEnded as end:
            self._end_session()
            if time.monotonic() >= self._deadline:
                raise
            self._deadly[cell.number] = PLAIN_END[end.status] if tainted else end.reason
            self._notes.append(
                f"cell {cell.number} ended its child ({end.reason}); "
                "judged in a fresh child without it"
            )
            return
        finally:
            self._spend("cells", started)
        if result.failure is not None and not self._tainted:
            failure = result.failure
            self._cell_failures[cell.number] = f"{failure.type_name}: {failure.message}"

    @property
    def _live(self) -> Session:
        if self._session is None:
            raise WorkerError("There is no child to ask; this is a fault of the grader.")
        return self._session

    def _begin_session(self) -> None:
        started = time.perf_counter()
        worker = self._bench.workers[self._device]
        if time.monotonic() >= self._deadline:
            seconds = f"{self._limits.submission_seconds:g}"
            raise ChildEnded(Status.TIMEOUT, f"the notebook took longer than {seconds} s")
        self._session = worker.session(self._limits, deadline=self._deadline, seed=self._seed)
        self._position = 0
        self._tainted = False
        self._spend("start", started)

    def _end_session(self) -> None:
        if self._session is not None:
            started = time.perf_counter()
            self._session.close()
            self._session = None
            self._spend("end", started)

    def _spend(self, phase: str, started: float) -> None:
        self._phases[phase] = self._phases.get(phase, 0.0) + time.perf_counter() - started

    def _judge_case(self, question: Question, case: TestCase) -> Outcome:
        started = time.perf_counter()
        self._tainted = self._tainted or case.hidden
        device = self._bench.device_names.get(self._device, self._device)
        names = SessionNames(self._live, device, self._memory)
        verdict = self._bench.suite.run(question.name, case.name, names)
        self._spend("cases", started)
        if self._live.ended is not None and not verdict.passed:
            raise self._live.ended
        if verdict.passed:
            return Outcome(case.name, case.hidden, Status.PASSED, case.points, case.points,
                           seconds=verdict.seconds)  # fmt: skip
        return self._explain(question, case, verdict)

    def _explain(self, question: Question, case: TestCase, verdict: Verdict) -> Outcome:
        problem = verdict.problem
        status = Status.FAILED
        match problem:
            case CannotJudgeError():
                return _ungraded(case, f"{question.name}, {case.name!r}: {problem}")
            case StudentError():
                status, text = self._describe_error(problem)
            case MissingNameError():
                text = self._describe_missing(str(problem))
            case AssertionError():
                text = str(problem) or "The answer is not what was asked for."
            case _ if is_device_fault(problem):
                return _ungraded(case, f"{question.name}, {case.name!r}: {_brief(problem)}")
            case _:
                # The test's own fault, unless the reference passes it in the same place: the
                # control decides (`grader.control`).
                text = f"The answer has a form that cannot be judged: {_brief(problem)}"
        staff = f"{text}\n({verdict.place})" if verdict.place else text
        message = HIDDEN_FAILED if case.hidden else text
        return Outcome(case.name, case.hidden, status, 0.0, case.points,
                       message[:MAX_MESSAGE], staff[:MAX_MESSAGE], verdict.seconds)  # fmt: skip

    def _describe_error(self, problem: StudentError) -> tuple[Status, str]:
        kind = problem.failure.type_name
        if kind == "NotImplementedError":
            return Status.FAILED, f"Not written yet. {problem.failure.message}".strip()
        if kind == "ValueRefusedError":
            return Status.FAILED, f"The answer cannot be handed over: {problem.failure.message}."
        return Status.ERROR, f"Your code raised an error.\n{problem.describe()}"

    def _describe_missing(self, name: str) -> str:
        text = f"{name} is not defined in the notebook."
        for number, reason in self._deadly.items():
            if name in self._notebook.cells[number - 1].source:
                return f"{text} Cell {number}, which holds it, was stopped: {reason}."
        for number, reason in self._cell_failures.items():
            if name in self._notebook.cells[number - 1].source:
                return f"{text} Cell {number}, which holds it, raised {reason}"
        return text


def is_device_fault(problem: BaseException | None) -> bool:
    """Say whether an exception of the judge's own process is its GPU's, and nobody's answer.

    A tensor on the wrong device raises a RuntimeError as well, and that is the answer's fault.
    """
    return isinstance(problem, RuntimeError) and any(said in str(problem) for said in DEVICE_FAULTS)


def _brief(problem: BaseException | None) -> str:
    return f"{type(problem).__name__}: {problem}"


def _sentence(reason: str) -> str:
    return reason[:1].upper() + reason[1:] + "."


def _ungraded(case: TestCase, reason: str) -> Outcome:
    return Outcome(case.name, case.hidden, Status.UNGRADED, 0.0, case.points, OUR_FAULT, reason)


def _all(cases: Iterable[TestCase], status: Status, message: str, staff: str) -> list[Outcome]:
    return [Outcome(c.name, c.hidden, status, 0.0, c.points, message, staff) for c in cases]


def _lost(outcomes: dict[str, list[Outcome]]) -> bool:
    return any(o.status is not Status.PASSED for found in outcomes.values() for o in found)


def _stopped(cases: list[TestCase], end: ChildEnded) -> list[Outcome]:
    """Return the outcomes of the case in which a child ended, and of those that it still owed."""
    first, *rest = cases
    hidden_message = HIDDEN_STOPPED.format(reason=PLAIN_END[end.status])
    message = hidden_message if first.hidden else _sentence(end.reason)
    later = "Not judged: an earlier test of this question was stopped."
    return [
        Outcome(first.name, first.hidden, end.status, 0.0, first.points, message, end.reason),
        *_all(rest, end.status, later, end.reason),
    ]
