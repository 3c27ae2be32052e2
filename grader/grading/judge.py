"""Judge one submission: in which order its cases, and which child may speak to its student.

Each question is judged where the notebook checks it, twice over: the public cases of all questions
first, then the hidden ones. What a student reads of their own code's words so comes from children
that have seen no hidden input, and that no such child came before. Where the last child has run
cells beyond a question's check that reuse its names (`reuse`), its hidden cases have a fresh child
that replays the cells up to there. When a child ends early, what was judged keeps its score, and
the rest is judged in a fresh child without what ended it.
"""

import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from grader import wording
from grader.course import notebooks
from grader.errors import GraderError, WorkerError
from grader.grading import outcomes
from grader.grading.explain import Notes, explain
from grader.grading.otter_tests import CaseSuite, Verdict
from grader.grading.reference_child import ReferenceChild, Site
from grader.grading.replay import Phases, Replay, Script
from grader.grading.reuse import leave_alone
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
from grader.sandbox.closed_network import tried_network
from grader.sandbox.handover import Changes, Place

AS_THEY_ARE = frozenset({Status.PASSED, Status.UNGRADED})  # outcomes that say nothing of the code
STOPPED = frozenset({Status.TIMEOUT, Status.KILLED})  # what ended its child, and would again
PASSES = (False, True)  # whether hidden cases are judged: what comes last is heard by no student

MAX_TIMEOUTS = 3  # cases of one question; what follows would take as long, for nothing

NO_COMPARISON = (
    "the answer changes its arguments, and the reference, which shows whether it may, does not "
    "pass here: run the same command again"
)
OUR_MACHINES = (GraderError, MemoryError, OSError)  # faults that no answer brings about

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
    reference: ReferenceChild = field(init=False)

    def __post_init__(self) -> None:
        """Have what the reference was asked about kept from one submission to the next."""
        object.__setattr__(self, "reference", ReferenceChild(self.suite))

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
    `on_question` is told of each question when its public cases are judged, the others pending, and
    again when all are.
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
        report = QuestionReport.ungraded if submission.is_ours else QuestionReport.refused
        questions = [report(question, error) for question in request.questions_of(assignment)]
    else:
        judging = _Judging(request, engine, notebook, limits, phases)
        if assignment.otter is not None:
            questions = _judge_where_checked(judging)
        else:
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
    """Return those of a student's files that lie beside the notebook, over the course's own.

    As otter has it, the course's files stay as they are, but for those in a folder that the student
    has handed in as well; of those that `assignment.toml` lets students change, theirs count.
    """
    course = {name for name, _ in (*assignment.given, *assignment.withheld)}
    return tuple(
        (name, content)
        for name, content in sorted(submission.files)
        if name not in course or name in assignment.files or "/" in name
    )


def _read(submission: Submission, assignment: Assignment, limits: Limits) -> notebooks.Notebook:
    if submission.problem is not None:
        raise notebooks.NotebookUnreadableError(submission.problem)
    try:
        notebook = notebooks.read(submission.content, limits)
    except (notebooks.NotebookUnreadableError, MemoryError):
        raise
    except Exception as problem:
        # The control's notebook is read by the same code: what is odd is in this one.
        reason = wording.odd_notebook(f"{type(problem).__name__}: {problem}")
        raise notebooks.NotebookUnreadableError(reason) from problem
    _refuse_another_assignment(submission, notebook, assignment)
    names = [name for question in assignment.questions for name in question.names]
    if names and not notebook.binds(names):
        raise notebooks.NotebookUnreadableError(
            wording.another_notebook(
                assignment.slug, names, notebook.seems_to_be(), assignment.notebook.name
            )
        )
    return notebook


class _CheckedElsewhereError(Exception):
    """A cell has not checked the question that its text names; it did not come so far."""


def _judge_where_checked(judging: "_Judging") -> list[QuestionReport]:
    """Judge an otter notebook's questions where it checks them, as its text or its run says."""
    notebook = judging.notebook
    split = replace(judging, notebook=notebooks.as_otter_runs(notebook), follows_text=True)
    if notebooks.says_what_it_checks(notebook):
        with contextlib.suppress(_CheckedElsewhereError):
            return split.judge()
    found = notebooks.as_otter_runs(notebook, split.checked_by_cell())
    return replace(judging, notebook=found).judge()


def _seeding(assignment: Assignment) -> str:
    """Return what otter puts before every cell for a configured seed."""
    rules = assignment.otter
    if rules is None or rules.seed is None:
        return ""
    if rules.seed_variable:
        return f"{rules.seed_variable} = {rules.seed}"
    return "\n".join(
        f"__import__({module!r}, fromlist=['seed']).seed({rules.seed})"
        for module in ("numpy.random", "random")
    )


def _refuse_another_assignment(
    submission: Submission, notebook: notebooks.Notebook, assignment: Assignment
) -> None:
    """Refuse a notebook whose metadata names another assignment, where otter is to look at that."""
    wanted = assignment.otter.assignment_name if assignment.otter else ""
    if wanted and not submission.path.endswith(".py") and notebook.assignment_name != wanted:
        raise notebooks.NotebookUnreadableError(
            wording.for_another_assignment(notebook.assignment_name, wanted)
        )


@dataclass(frozen=True, slots=True)
class _Judging:
    """One request whose notebook could be read."""

    request: Request
    engine: Engine
    notebook: notebooks.Notebook
    limits: Limits
    phases: Phases
    ran_out: list[str] = field(default_factory=list)  # questions that time was too short for
    follows_text: bool = False  # whether what the text checks has to be checked when it runs

    def checked_by_cell(self) -> dict[int, list[notebooks.Checked]]:
        """Run the notebook for what each cell checks, by the cell's number."""
        worker = self.engine.workers["cpu"]
        replay = Replay(self.script(), worker, self.limits, self.phases)
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
        questions = self.request.questions_of(self.engine.assignment)
        done: dict[str, QuestionReport] = {}
        sides: list[_DeviceJudging] = []
        for device in ("cpu", "cuda"):
            group = [q for q in questions if q.kind == "code" and (q.requires or "cpu") == device]
            if group and device in self.engine.workers:
                sides.append(_DeviceJudging(self, device, group))
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
            self.ran_out.extend(side.ran_out())
        done |= self._for_a_person([q for q in questions if q.kind == "manual"])
        return [done[question.name] for question in questions]

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

    def script(self) -> Script:
        """Return what a child runs before it is asked anything."""
        seed = int(self.request.submission.sha256[:8] or "0", 16)
        assignment = self.engine.assignment
        skipped = assignment.ignored_cells | {""}
        beside = _beside(assignment, self.request.submission)
        return Script(self.notebook, seed, skipped, beside, _seeding(assignment))


class _DeviceJudging:
    """What one kind of device can judge of one notebook, in one or more children."""

    def __init__(self, judging: _Judging, device: str, questions: list[Question]) -> None:
        engine = judging.engine
        self._request = judging.request
        self._suite = engine.suite
        self._reference = engine.reference
        given = engine.handout.cells if engine.handout is not None else ()
        self._handed_out = frozenset(cell.source.strip() for cell in given)
        device_name = engine.device_names.get(device, device)
        self._site = Site(engine.workers[device], device_name, judging.limits)
        self._notebook = judging.notebook
        # In the order in which the notebook checks them.
        order = judging.notebook.check_order
        checked_as = self._suite.checked_as
        self._questions = sorted(questions, key=lambda one: order(*checked_as(one.name)))
        assignment = judging.engine.assignment
        # One of ours without a reference is a public checkout, where nobody loses a point.
        self._has_reference = assignment.otter is None or self._reference.is_there
        # What somebody has asked to withhold is a student's own to do without.
        names = {name for name, _ in assignment.withheld}
        self._withheld = frozenset(names - assignment.withheld_by_name)
        self._follows_files = judging.engine.assignment.otter is not None
        self._phases = judging.phases
        self._follows_text = judging.follows_text
        self._replay = Replay(
            judging.script(), engine.workers[device], judging.limits, judging.phases
        )
        self._found: dict[str, dict[str, Outcome]] = {q.name: {} for q in questions}
        self._notes: dict[str, list[str]] = {q.name: [] for q in questions}
        self._without_network: set[int] = set()  # cells that failed for that
        self._fault = ""  # of ours, after which nothing more can be judged
        self._memory: dict[Any, Any] = {}  # what tests leave for this submission's later cases

    def judge(self, *, is_hidden: bool) -> None:
        """Judge the public cases of all questions, or what is left of them.

        An otter assignment's public cases are judged again with the hidden ones, in the order of
        its files and in a child that has been asked nothing, since cases leave state behind. What
        a student reads of them stays what was said before any hidden input.
        """
        self._replay.start_again()
        first: dict[str, dict[str, Outcome]] = {}
        if is_hidden and self._follows_files and any(map(self._missing, self._questions)):
            first = self._begin_in_order()
        for question in self._questions:
            due = [case for case in self._missing(question) if is_hidden or not case.hidden]
            if due and not self._fault and not self._is_over():
                self._judge_cases(question, due)
                self._take(question, self._settled(question, first.get(question.name, {})))
                self._request.on_question(self._report(question))

    def _begin_in_order(self) -> dict[str, dict[str, Outcome]]:
        """Forget what was found and can be asked again, in a fresh child; return what it was."""
        self._replay.end_child()
        self._replay.stop_listening()
        first, self._found = self._found, {
            name: {one.name: one for one in found.values() if one.status in STOPPED}
            for name, found in self._found.items()
        }  # fmt: skip
        return first

    def _settled(self, question: Question, first: dict[str, Outcome]) -> list[Outcome]:
        """Return the public cases that were judged twice, in the words of the first time."""
        found = self._found[question.name]
        return [
            outcomes.said_before(case, found[case.name], first[case.name])
            for case in question.cases
            if case.name in first and found[case.name].status not in AS_THEY_ARE
        ]

    def _position(self, name: str) -> int:
        return self._notebook.check_position(*self._suite.checked_as(name))

    def end(self) -> None:
        """End the child that is left."""
        self._replay.end_child()

    def reports(self) -> dict[str, QuestionReport]:
        """Return what was found of each question."""
        for question in self._questions:
            left = self._missing(question)
            if self._fault:
                self._take(question, [outcomes.ungraded(case, self._fault) for case in left])
            else:
                self._take(question, [outcomes.pending(case, wording.NOT_ASKED) for case in left])
        return {question.name: self._report(question) for question in self._questions}

    def _missing(self, question: Question) -> list[TestCase]:
        return [case for case in question.cases if case.name not in self._found[question.name]]

    def _take(self, question: Question, found: Iterable[Outcome]) -> None:
        self._found[question.name] |= {outcome.name: outcome for outcome in found}

    def ran_out(self) -> list[str]:
        """Return the questions that lost by a limit of time, of theirs or of a cell before."""
        lost = frozenset(Status) - {Status.PASSED, Status.PENDING}
        counts = lost if self._replay.ran_out else {Status.TIMEOUT}
        return [
            name
            for name, cases in self._found.items()
            if any(case.status in counts for case in cases.values())
        ]

    def _report(self, question: Question) -> QuestionReport:
        found = self._found[question.name]
        return QuestionReport.judged(
            question,
            [found.get(c.name) or outcomes.pending(c, wording.NOT_JUDGED_YET)
             for c in question.cases],
            all_or_nothing=question.name in self._suite.all_or_nothing,
            note="; ".join(self._notes[question.name]),
        )  # fmt: skip

    def _may_stay(self, question: Question) -> bool:
        """Say whether the child is where a question is judged, or past it with nothing undone."""
        here, there = self._position(question.name), self._replay.position
        if here >= there:
            return here == there
        return leave_alone(
            self._replay.sources(0, here),
            self._replay.sources(here, there),
            self._handed_out,
            self._suite.names(question.name) | set(question.names),
        )

    def _go_to(self, question: Question) -> None:
        """Have a child that stands where a question is judged; ChildEnded where time is out."""
        if not self._may_stay(question):
            self._replay.run_to(self._position(question.name))

    def _judge_cases(self, question: Question, cases: list[TestCase]) -> None:
        """Judge some cases of one question; after one that ends the child, in a fresh child."""
        timeouts = 0
        for number, case in enumerate(cases):
            if self._is_over() or not self._is_ready(question):
                return
            try:
                self._take(question, [self._judge_case(question, case)])
            except ChildEnded as end:
                said = f"the child ended in case {case.name!r}: {end.reason}"
                self._notes[question.name].append(said)
                timeouts += end.status is Status.TIMEOUT
                owed = cases[number:] if timeouts == MAX_TIMEOUTS else [case]
                self._take(question, outcomes.stopped(owed, end.status, end.reason))
                self._replay.end_child()
                if owed != [case]:
                    return
            except WorkerError as problem:
                self._fault = str(problem)
                return
            except OUR_MACHINES:
                raise
            except Exception as problem:  # noqa: BLE001 - what the reference's answer does not do
                said = f"{type(problem).__name__} while judging: {problem}"
                text = wording.unusable_form(type(problem).__name__)
                self._take(question, [outcomes.lost(case, Status.FAILED, text, staff=said)])

    def _is_ready(self, question: Question) -> bool:
        """Bring a child to where a question is judged, and say whether there is one."""
        try:
            self._go_to(question)
        except ChildEnded as end:  # the whole submission is out of time
            text = wording.sentence(wording.plain_end(end.status))
            owed = self._missing(question)
            lost = [outcomes.lost(c, end.status, text, staff=end.reason) for c in owed]
            self._take(question, lost)
            return False
        except WorkerError as problem:
            self._fault = str(problem)
            return False
        finally:
            self._notes[question.name] += [*self._replay.take_notes(), *self._network_notes()]
        names = self._suite.checked_as(question.name)
        if self._follows_text and not self._replay.has_checked(names):
            raise _CheckedElsewhereError
        return True

    def _network_notes(self) -> list[str]:
        """Return which cells reached for a network that is closed, each once."""
        if self._site.worker.isolation.has_network:
            return []
        failed = self._replay.met.items()
        found = {
            number for number, one in failed if not isinstance(one, str) and tried_network(one)
        }
        new = sorted(found - self._without_network)
        self._without_network |= found
        return [wording.TRIED_NETWORK.format(number=number) for number in new]

    def _is_over(self) -> bool:
        """Say whether whoever asks only for a loss has one."""
        return self._request.until_loss and any(
            one.status is not Status.PASSED
            for cases in self._found.values()
            for one in cases.values()
        )

    def _judge_case(self, question: Question, case: TestCase) -> Outcome:
        memory = dict(self._memory)
        verdict, found = self._run(question, case, self._memory)
        if found.refusals:
            refused = self._refused(question, case, found)
            return self._judge_beside_reference(question, case, refused)
        if verdict.shadowed:
            return self._judge_with_their_builtins(question, case, verdict)
        if not verdict.passed:
            return self._not_passed(question, case, verdict, found.replaced)
        applied = self._changes_of_reference(question, case) if found.made else frozenset()
        if applied is None:
            return outcomes.ungraded(case, f"{question.name}, {case.name!r}: {NO_COMPARISON}")
        if applied >= found.made:
            staff = wording.answered_by_their_own(found.claims) if found.claims else ""
            return outcomes.passed(case, verdict.seconds, staff=staff)
        return self._judge_without_changes(question, case, memory, applied)

    def _not_passed(
        self, question: Question, case: TestCase, verdict: Verdict, replaced: Iterable[str] = ()
    ) -> Outcome:
        """Return the outcome of a case; nobody loses by what a test has replaced for itself."""
        if replaced and not self._has_reference:
            said = wording.replaced_by_test(question.name, case.name, replaced)
            return outcomes.ungraded(case, said)
        outcome = self._explain(question, case, verdict)
        if outcome.status is Status.UNGRADED:
            return self._judge_beside_reference(question, case, outcome)
        return outcome

    def _judge_with_their_builtins(
        self, question: Question, case: TestCase, with_ours: Verdict
    ) -> Outcome:
        """Judge a case that uses builtins to which the notebook gives functions of its own.

        Who was to write a `round` passes with both. What passes with theirs alone may be right by
        another rule than Python's, or agree with everything: a person has to look.
        """
        said = wording.shadowed(question.name, case.name, with_ours.shadowed)
        doubt = outcomes.ungraded(case, said)
        if case.hidden and not with_ours.passed:  # what a test expects is not for their functions
            return doubt
        with_theirs, found = self._run(question, case, self._memory, with_theirs=True)
        if found.refusals:
            return self._refused(question, case, found)
        if not with_theirs.passed:
            return self._explain(question, case, with_theirs)
        return outcomes.passed(case, with_theirs.seconds) if with_ours.passed else doubt

    @staticmethod
    def _refused(question: Question, case: TestCase, found: Changes) -> Outcome:
        """Return the outcome of a case that asked for what cannot be asked of a child."""
        return outcomes.ungraded(case, f"{question.name}, {case.name!r}: {found.refusals[0]}")

    def _run(
        self,
        question: Question,
        case: TestCase,
        memory: dict[Any, Any],
        applied: frozenset[Place] | None = None,
        *,
        with_theirs: bool = False,
    ) -> tuple[Verdict, Changes]:
        """Run a case in the current child; return also what the calls changed, and refused."""
        if case.hidden:
            self._replay.stop_listening()
        session = self._replay.session
        names = self._suite.names_in(session, self._site.device, memory, with_theirs=with_theirs)
        with (
            self._phases.spent_on("cases"),
            self._suite.seeds(question.name, case.name) as seeds,
            session.case(applied, seeds, asks=self._suite.asks) as changes,
            self._suite.in_folder(question.name, case.name, session, changes.refusals),
        ):
            verdict = self._suite.run(question.name, case.name, names)
        if session.ended is not None:  # whatever the test has made of it
            raise session.ended
        return verdict, changes

    def _explain(self, question: Question, case: TestCase, verdict: Verdict) -> Outcome:
        position = self._position(question.name)
        has_network = self._site.worker.isolation.has_network
        where, met = (
            Whereabouts(self._notebook, failures(found, has_network=has_network), position)
            for found in (self._replay.failed, self._replay.met)
        )
        notes = Notes(
            where, self._suite.unwritten, has_reference=self._has_reference,
            withheld=self._withheld, met=met,
        )  # fmt: skip
        return explain(question, case, verdict, notes)

    def _changes_of_reference(self, question: Question, case: TestCase) -> frozenset[Place] | None:
        """Return which arguments a right answer changes in place in a case, if that is known."""
        at = question.name, case.name, self._site
        if self._reference.is_there and not self._reference.knows(*at):
            self._replay.end_child()  # one child at a time
            found = self._reference.changes(*at)
            self._replay.run_to(self._position(question.name))
            return found
        return self._reference.changes(*at)

    def _judge_without_changes(
        self,
        question: Question,
        case: TestCase,
        memory: dict[Any, Any],
        applied: frozenset[Place],
    ) -> Outcome:
        """Judge a case once more that passed with arguments changed that a right answer leaves.

        A test may work out what is right from what it has handed over, and would do so from what
        the student has made of that. This time it sees only what a right answer changes as well.
        """
        self._replay.end_child()
        self._replay.run_to(self._position(question.name))
        verdict, changes = self._run(question, case, memory, applied)
        if changes.refusals:
            return self._refused(question, case, changes)
        if verdict.passed:
            return outcomes.passed(case, verdict.seconds)
        found = self._explain(question, case, verdict)
        text = found.message if case.hidden else wording.changed_in_place(found.message)
        staff = wording.changed_in_place(found.staff_message)
        return replace(found, status=Status.FAILED, message=text, staff_message=staff)

    def _judge_beside_reference(
        self, question: Question, case: TestCase, outcome: Outcome
    ) -> Outcome:
        """Judge a case that could not be judged once more, if the reference can be, here and now.

        What can be judged with a right answer and cannot be with this one, twice, is lost.
        """
        if not self._reference.is_there:
            return outcome
        self._replay.end_child()
        found = self._reference.run(question.name, case.name, self._site)
        self._replay.run_to(self._position(question.name))
        if found is None or not found.passed:
            return outcome
        verdict, changes = self._run(question, case, self._memory)
        if changes.refusals:
            staff = f"{outcome.staff_message} The reference was judged meanwhile, and passed."
            return outcomes.lost(case, Status.FAILED, wording.NOT_JUDGEABLE, staff=staff)
        if verdict.passed:
            return outcomes.passed(case, verdict.seconds)
        again = self._explain(question, case, verdict)
        if again.status is not Status.UNGRADED:
            return again
        staff = f"{again.staff_message} The reference was judged meanwhile, and passed."
        return outcomes.lost(case, Status.FAILED, wording.NOT_JUDGEABLE, staff=staff)
