"""Judge one submission: in which order its cases, and which child may speak to its student.

Each question is judged where the notebook checks it, twice over: the public cases of all questions
first, then the hidden ones. What a student reads of their own code's words so comes from children
that have seen no hidden input, and that no such child came before. Where the last child has run
cells beyond a question's check that reuse its names (`reuse`), its hidden cases have a fresh child
that replays the cells up to there.
"""

import contextlib
import time
from dataclasses import dataclass, field, replace

from grader import wording
from grader.course import notebooks
from grader.grading import intake, outcomes
from grader.grading.case_judging import CaseJudging
from grader.grading.device_judging import CheckedElsewhereError, DeviceJudging, OnQuestion
from grader.grading.otter_tests import CaseSuite
from grader.grading.reference_child import ReferenceChild, Site
from grader.grading.replay import CellsLeftOut, Phases, Replay
from grader.grading.second_look import Look
from grader.model import Assignment, Environment, Limits, Question, Submission
from grader.reports import QuestionReport, Report
from grader.sandbox import ChildEnded, Worker

PASSES = (False, True)  # whether hidden cases are judged: what comes last is heard by no student


def _say_nothing(_question: QuestionReport) -> None:
    return


@dataclass(frozen=True, slots=True)
class Engine:
    """Everything that stays the same from one submission to the next."""

    suite: CaseSuite
    workers: dict[str, Worker]  # by what a question requires, "cpu" or "cuda"; at least one
    environment: Environment
    device_names: dict[str, str] = field(default_factory=lambda: {"cuda": "cuda"})
    gpu_fault: str = ""  # why a GPU that is here cannot be used
    handout: notebooks.Notebook | None = None  # where it says that an answer in words belongs
    reference: ReferenceChild = field(init=False)

    def __post_init__(self) -> None:
        """Have what the reference was asked about kept from one submission to the next."""
        object.__setattr__(self, "reference", ReferenceChild(self.suite))

    @property
    def assignment(self) -> Assignment:
        return self.suite.assignment

    @property
    def worker(self) -> Worker:
        """Any worker, rather without a GPU."""
        return self.workers.get("cpu") or next(iter(self.workers.values()))

    @property
    def judges_on_gpu(self) -> bool:
        """Whether this process uses a GPU itself, for the reference and the comparisons."""
        return "cuda" in self.workers and self.device_names.get("cuda") == "cuda"


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be judged, and how much of it.

    `only` names questions, all of them where it is None, and `cases` their cases; `limits` are the
    assignment's where they are None. With `until_loss` the first case that does not pass ends it:
    what follows is `pending`, since whoever asks only whether anything is lost need not wait for
    the rest. With a first `look`, what is in doubt is named in the report, and not judged further.
    `on_question` is told of each question when its public cases are judged, the others pending, and
    again when all are.
    """

    submission: Submission
    limits: Limits | None = None
    only: tuple[str, ...] | None = None
    cases: frozenset[str] | None = None
    until_loss: bool = False
    look: Look = Look.LAST
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
    in_doubt: tuple[str, ...] = ()
    try:
        notebook = intake.read(submission, assignment, limits)
    except notebooks.NotebookUnreadableError as problem:
        error = str(problem)
        report = QuestionReport.ungraded if submission.is_ours else QuestionReport.refused
        questions = [report(question, error) for question in request.questions_of(assignment)]
    else:
        judging = _Judging(request, engine, notebook, limits, phases)
        if assignment.otter is not None:
            questions = _judge_where_checked(judging)
        else:
            questions = judging.judge()
        in_doubt = tuple(judging.in_doubt)
    return Report.of(
        submission,
        questions,
        seed=engine.suite.seed,
        assignment_sha256=assignment.sha256,
        isolation=engine.worker.isolation,
        environment=engine.environment,
        seconds=time.monotonic() - started,
        error=error,
        phases=phases,
        limits=limits,
        in_doubt=in_doubt,
    )


def _judge_where_checked(judging: "_Judging") -> list[QuestionReport]:
    """Judge an otter notebook's questions where it checks them, as its text or its run says."""
    notebook = judging.notebook
    split = replace(judging, notebook=notebooks.as_otter_runs(notebook), follows_text=True)
    if notebooks.says_what_it_checks(notebook):
        with contextlib.suppress(CheckedElsewhereError):
            return split.judge()
    found = notebooks.as_otter_runs(notebook, split.checked_by_cell())
    return replace(judging, notebook=found).judge()


@dataclass(frozen=True, slots=True)
class _Judging:
    """One request whose notebook could be read."""

    request: Request
    engine: Engine
    notebook: notebooks.Notebook
    limits: Limits
    phases: Phases
    in_doubt: list[str] = field(default_factory=list)  # questions lost by what may be the machine's
    follows_text: bool = False  # whether what the text checks has to be checked when it runs
    # By worker, in whatever parts the notebook is run: what ended a child once is not run again.
    left_out: dict[Worker, CellsLeftOut] = field(default_factory=dict)

    def checked_by_cell(self) -> dict[int, list[notebooks.Checked]]:
        """Run the notebook for what each cell checks, by the cell's number."""
        replay = self._replay(self.engine.worker)
        try:
            replay.run_to(len(self.notebook.cells))
        except ChildEnded:  # out of time: what was not checked by then is judged at the end
            self.phases.setdefault("cells", 0.0)
        finally:
            replay.end_child()
        found: dict[int, list[notebooks.Checked]] = {}
        for position, checked in sorted(replay.checked.items()):
            found.setdefault(self.notebook.cells[position - 1].number, []).extend(checked)
        return found

    def judge(self) -> list[QuestionReport]:
        """Judge what code decides, device by device; the rest waits for a GPU or a person."""
        self.engine.suite.begin_submission()
        questions = self.request.questions_of(self.engine.assignment)
        done: dict[str, QuestionReport] = {}
        sides: list[DeviceJudging] = []
        for device in ("cpu", "cuda"):
            group = [q for q in questions if q.kind == "code" and (q.requires or "cpu") == device]
            if group and device in self.engine.workers:
                sides.append(self._on(device, group))
            else:
                done |= {question.name: self._without_gpu(question) for question in group}
        try:
            for is_hidden in PASSES:
                for side in sides:
                    side.judge(is_hidden=is_hidden)
        finally:
            for side in sides:
                side.end()
        for side in sides:
            done |= side.reports()
            self.in_doubt.extend(side.in_doubt())
        done |= self._for_a_person([q for q in questions if q.kind == "manual"])
        return [done[question.name] for question in questions]

    def _on(self, device: str, questions: list[Question]) -> DeviceJudging:
        engine, request = self.engine, self.request
        worker = engine.workers[device]
        given = engine.handout.cells if engine.handout is not None else ()
        cases = CaseJudging(
            engine.suite,
            engine.reference,
            Site(worker, engine.device_names.get(device, device), self.limits),
            self.notebook,
            self._replay(worker),
            self.phases,
        )
        return DeviceJudging(
            cases,
            questions,
            handed_out=frozenset(cell.source.strip() for cell in given),
            follows_text=self.follows_text,
            asked=request.cases,
            until_loss=request.until_loss,
            look=request.look,
            on_question=request.on_question,
        )

    def _without_gpu(self, question: Question) -> QuestionReport:
        cases = [outcomes.pending(case, wording.NEEDS_GPU) for case in question.cases]
        return QuestionReport.waiting(question, cases, note=self.engine.gpu_fault)

    def _for_a_person(self, questions: list[Question]) -> dict[str, QuestionReport]:
        handout = self.engine.handout or self.notebook
        found = notebooks.find_answers(self.notebook, handout, [q.name for q in questions])
        reports = {}
        for question in questions:
            cases = [outcomes.pending(case, wording.NEEDS_PERSON) for case in question.cases]
            written = found[question.name]
            if written.missing == notebooks.NOT_FOUND:
                written = replace(written, searched=self.request.submission.sha256)
            reports[question.name] = QuestionReport.waiting(question, cases, written=written)
        return reports

    def _replay(self, worker: Worker) -> Replay:
        script = intake.script(self.request.submission, self.notebook, self.engine.assignment)
        left_out = self.left_out.setdefault(worker, {})
        return Replay(script, worker, self.limits, self.phases, left_out)
