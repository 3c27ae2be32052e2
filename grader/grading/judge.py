"""Judge one submission: in which order its questions, and which child may speak to its student.

A question is judged where the notebook checks it, its public cases before its hidden ones. When a
child ends early, what was judged keeps its score, and the rest is judged in a fresh child that
replays the cells without the one that ended it. What a student reads of their own code's words
comes only from a child that has seen no hidden input: a public case that fails after a hidden one
has run is judged again in such a child.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from grader import wording
from grader.course import notebooks
from grader.errors import WorkerError
from grader.grading import outcomes
from grader.grading.explain import Notes, explain
from grader.grading.otter_tests import CaseSuite, SessionNames
from grader.grading.replay import Phases, Replay, Script
from grader.grading.whereabouts import Whereabouts, failures
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
from grader.sandbox import ChildEnded, Worker

OnQuestion = Callable[[QuestionReport], None]


def _say_nothing(_question: QuestionReport) -> None:
    return


@dataclass(frozen=True, slots=True)
class Engine:
    """Everything that stays the same from one submission to the next."""

    suite: CaseSuite
    workers: dict[str, Worker]  # by what a question requires: "cpu" always, "cuda" where there is
    environment: Environment
    device_names: dict[str, str] = field(default_factory=lambda: {"cuda": "cuda"})
    gpu_fault: str = ""  # why a GPU that is here cannot be used
    handout: notebooks.Notebook | None = None  # where it says that an answer in words belongs

    @property
    def assignment(self) -> Assignment:
        return self.suite.assignment

    @property
    def judges_on_gpu(self) -> bool:
        """Whether this process uses a GPU itself, for the reference and the comparisons."""
        return "cuda" in self.workers and self.device_names.get("cuda") == "cuda"


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be judged, and how much of it.

    `only` names questions, all of them where it is None; `limits` are the assignment's where they
    are None. With `until_loss` the first case that does not pass ends it: what follows is
    `pending`, since whoever asks only whether anything is lost need not wait for the rest.
    `on_question` is told of each question as soon as it is judged; what the report says of it in
    the end is final.
    """

    submission: Submission
    limits: Limits | None = None
    only: tuple[str, ...] | None = None
    until_loss: bool = False
    on_question: OnQuestion = _say_nothing

    def questions_of(self, assignment: Assignment) -> list[Question]:
        """Return the questions that are to be judged, in the assignment's order."""
        return [q for q in assignment.questions if self.only is None or q.name in self.only]


def judge(request: Request, engine: Engine) -> Report:
    """Return the report on one submission, or on some of its questions."""
    started = time.monotonic()
    submission, assignment = request.submission, engine.assignment
    limits = request.limits or assignment.limits
    phases, error = Phases(), None
    ran_out: tuple[str, ...] = ()
    try:
        notebook = _read(submission, assignment, limits)
    except notebooks.NotebookUnreadableError as problem:
        error = str(problem)
        questions = [QuestionReport.refused(q, error) for q in request.questions_of(assignment)]
    else:
        judging = _Judging(request, engine, notebook, limits, phases)
        questions = judging.judge()
        ran_out = tuple(judging.ran_out)
    return Report.of(
        submission,
        questions,
        seed=engine.suite.seed,
        assignment_sha256=assignment.sha256,
        isolation=engine.workers["cpu"].isolation,
        environment=engine.environment,
        seconds=time.monotonic() - started,
        error=error,
        phases=phases,
        limits=limits,
        ran_out=ran_out,
    )


def _beside(assignment: Assignment, submission: Submission) -> tuple[tuple[str, bytes], ...]:
    """Return the files that lie beside the notebook: a student's own, else as handed out."""
    own = dict(submission.files)
    places = {name: assignment.folder / name for name in assignment.files if name not in own}
    given = {name: path.read_bytes() for name, path in places.items() if path.is_file()}
    return tuple(sorted({**given, **own}.items()))


def _read(submission: Submission, assignment: Assignment, limits: Limits) -> notebooks.Notebook:
    if submission.problem is not None:
        raise notebooks.NotebookUnreadableError(submission.problem)
    notebook = notebooks.read(submission.content, limits)
    names = [name for question in assignment.questions for name in question.names]
    if names and not notebook.binds(names):
        raise notebooks.NotebookUnreadableError(
            wording.another_notebook(
                assignment.slug, names, notebook.seems_to_be(), assignment.notebook.name
            )
        )
    return notebook


@dataclass(frozen=True, slots=True)
class _Judging:
    """One request whose notebook could be read."""

    request: Request
    engine: Engine
    notebook: notebooks.Notebook
    limits: Limits
    phases: Phases
    ran_out: list[str] = field(default_factory=list)  # questions that time was too short for

    def judge(self) -> list[QuestionReport]:
        """Judge what code decides, device by device; the rest waits for a GPU or a person."""
        questions = self.request.questions_of(self.engine.assignment)
        done: dict[str, QuestionReport] = {}
        for device in ("cpu", "cuda"):
            group = [q for q in questions if q.kind == "code" and (q.requires or "cpu") == device]
            if group and device in self.engine.workers:
                judged = _DeviceJudging(self, device)
                done |= judged.judge(group)
                self.ran_out.extend(judged.ran_out())
            else:
                done |= {question.name: self._without_gpu(question) for question in group}
        done |= {q.name: self._for_a_person(q) for q in questions if q.kind == "manual"}
        return [done[question.name] for question in questions]

    def _without_gpu(self, question: Question) -> QuestionReport:
        cases = [outcomes.pending(case, wording.NEEDS_GPU) for case in question.cases]
        return QuestionReport.waiting(question, cases, note=self.engine.gpu_fault)

    def _for_a_person(self, question: Question) -> QuestionReport:
        cases = [outcomes.pending(case, wording.NEEDS_PERSON) for case in question.cases]
        handout = self.engine.handout or self.notebook
        written = notebooks.find_answer(self.notebook, handout, question.name)
        if written.missing == notebooks.NOT_FOUND:
            written = replace(written, searched=self.request.submission.sha256)
        return QuestionReport.waiting(question, cases, written=written)

    def script(self) -> Script:
        """Return what a child runs before it is asked anything."""
        seed = int(self.request.submission.sha256[:8] or "0", 16)
        assignment = self.engine.assignment
        skipped = assignment.ignored_cells | {""}
        return Script(self.notebook, seed, skipped, _beside(assignment, self.request.submission))


class _DeviceJudging:
    """What one kind of device can judge of one notebook, in one or more children."""

    def __init__(self, judging: _Judging, device: str) -> None:
        engine = judging.engine
        self._request = judging.request
        self._suite = engine.suite
        self._device_name = engine.device_names.get(device, device)
        self._notebook = judging.notebook
        self._position = judging.notebook.check_position
        self._phases = judging.phases
        self._replay = Replay(
            judging.script(), engine.workers[device], judging.limits, judging.phases
        )
        self._found: dict[str, list[Outcome]] = {}
        self._notes: dict[str, str] = {}
        self._doubtful: list[tuple[Question, TestCase]] = []
        self._memory: dict[Any, Any] = {}  # what tests leave for this submission's later cases

    def judge(self, questions: list[Question]) -> dict[str, QuestionReport]:
        """Judge questions in the order in which the notebook checks them."""
        ordered = sorted(questions, key=lambda question: self._position(question.name))
        try:
            for question in ordered:
                self._judge_question_unless_lost(question)
            self._judge_doubtful_again()
        except WorkerError as problem:
            for question in ordered:
                cases = [outcomes.ungraded(case, str(problem)) for case in question.cases]
                self._found.setdefault(question.name, cases)
        finally:
            self._replay.end_child()
        return {question.name: self._report(question) for question in questions}

    def ran_out(self) -> list[str]:
        """Return the questions that lost by a limit of time, of theirs or of a cell before."""
        lost = frozenset(Status) - {Status.PASSED, Status.PENDING}
        counts = lost if self._replay.ran_out else {Status.TIMEOUT}
        return [
            name
            for name, cases in self._found.items()
            if any(case.status in counts for case in cases)
        ]

    def _report(self, question: Question) -> QuestionReport:
        return QuestionReport.judged(
            question,
            self._found[question.name],
            all_or_nothing=question.name in self._suite.all_or_nothing,
            note=self._notes.get(question.name, ""),
        )

    def _judge_question_unless_lost(self, question: Question) -> None:
        if self._request.until_loss and _is_lost(self._found):
            self._found[question.name] = [
                outcomes.pending(case, wording.NOT_ASKED) for case in question.cases
            ]
            return
        notes: list[str] = []
        self._found[question.name] = self._judge_question(question, notes)
        self._notes[question.name] = "; ".join(notes)
        self._request.on_question(self._report(question))

    def _judge_question(self, question: Question, notes: list[str]) -> list[Outcome]:
        """Judge one question; its public cases come first, so that they speak freely."""
        try:
            self._replay.run_to(self._position(question.name))
        except ChildEnded as end:  # the whole submission is out of time
            text = wording.sentence(wording.plain_end(end.status))
            return [outcomes.lost(c, end.status, text, staff=end.reason) for c in question.cases]
        finally:
            notes += self._replay.take_notes()
        found: dict[str, Outcome] = {}
        cases = sorted(question.cases, key=lambda case: case.hidden)
        for number, case in enumerate(cases):
            was_clean = self._replay.is_clean
            try:
                outcome = self._judge_case(question, case)
            except ChildEnded as end:
                notes.append(f"the child ended in case {case.name!r}: {end.reason}")
                owed = cases[number:]
                found |= {o.name: o for o in outcomes.stopped(owed, end.status, end.reason)}
                if not was_clean:
                    self._doubtful.extend((question, c) for c in owed if not c.hidden)
                self._replay.end_child()
                break
            found[case.name] = outcome
            is_lost = outcome.status is not Status.PASSED
            if self._request.until_loss and is_lost:
                left = cases[number + 1 :]
                found |= {c.name: outcomes.pending(c, wording.NOT_ASKED) for c in left}
                break
            if is_lost and not was_clean and not case.hidden:
                self._doubtful.append((question, case))
        return [found[case.name] for case in question.cases]

    def _judge_doubtful_again(self) -> None:
        """Judge public cases in a child that sees no hidden input, and take what comes of it."""
        self._replay.end_child()
        for question, case in self._doubtful:
            try:
                self._replay.run_to(self._position(question.name))
                clean = self._judge_case(question, case)
            except ChildEnded as end:
                [clean] = outcomes.stopped([case], end.status, end.reason)
                self._replay.end_child()
            self._found[question.name] = [
                clean if outcome.name == case.name else outcome
                for outcome in self._found[question.name]
            ]

    def _judge_case(self, question: Question, case: TestCase) -> Outcome:
        if case.hidden:
            self._replay.mark_unclean()
        session = self._replay.session
        names = SessionNames(session, self._device_name, self._memory)
        with self._phases.spent_on("cases"):
            verdict = self._suite.run(question.name, case.name, names)
        if verdict.passed:
            return outcomes.passed(case, verdict.seconds)
        if session.ended is not None:
            raise session.ended
        position = self._position(question.name)
        where = Whereabouts(self._notebook, failures(self._replay.failed), position)
        return explain(question, case, verdict, Notes(where, self._suite.unwritten))


def _is_lost(found: dict[str, list[Outcome]]) -> bool:
    return any(one.status is not Status.PASSED for cases in found.values() for one in cases)
