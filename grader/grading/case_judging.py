"""Judge one case in the current child, and once more where the first look does not decide.

A case is judged again beside the reference where it could not be judged, with the builtins that the
notebook has given functions of its own, and without what its calls changed where a right answer
changes less.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from grader import wording
from grader.course.notebooks import Notebook, shell
from grader.errors import MachineFaultError
from grader.grading import outcomes, own_time
from grader.grading.explain import Notes, explain
from grader.grading.otter_tests import CaseSuite, Verdict
from grader.grading.reference_child import ReferenceChild, Site
from grader.grading.replay import Phases, Replay
from grader.grading.whereabouts import Whereabouts, failures
from grader.model import Question, Status, TestCase
from grader.reports import Outcome
from grader.sandbox import ChildEnded
from grader.sandbox.endings import EndedBy
from grader.sandbox.handover import Changes, Place

NO_COMPARISON = (
    "the answer changes its arguments, and the reference, which shows whether it may, does not "
    "pass here: run the same command again"
)


@dataclass(slots=True)
class CaseJudging:
    """Judge the cases of one notebook, each where `replay` has brought a child for its question."""

    suite: CaseSuite
    reference: ReferenceChild
    site: Site
    notebook: Notebook
    replay: Replay
    phases: Phases
    share: float = field(default=1.0, init=False)  # of its time, that a call has
    # What tests leave for this submission's later cases.
    _memory: dict[Any, Any] = field(default_factory=dict, init=False)
    _has_reference: bool = field(init=False)
    _withheld: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Look up what the assignment says of a case that does not pass."""
        assignment = self.suite.assignment
        # One of ours without a reference is a public checkout, where nobody loses a point.
        self._has_reference = assignment.otter is None or self.reference.is_there
        # What somebody has asked to withhold is a student's own to do without.
        names = {name for name, _ in assignment.withheld}
        self._withheld = frozenset(names - assignment.withheld_by_name)

    def position(self, question: str) -> int:
        """Return how many cells have run where a question is judged."""
        return self.notebook.check_position(*self.suite.checked_as(question))

    def judge(self, question: Question, case: TestCase) -> Outcome:
        """Judge a case in the current child; ChildEnded where that ends in it."""
        if said := self._made_of_output(question, case):
            return outcomes.ungraded(case, f"{question.name}, {case.name!r}: {said}")
        memory = dict(self._memory)
        try:
            return self._judge_in_time(question, case)
        except ChildEnded as end:
            if not self._may_be_a_victim(question, case, end):
                raise
        self._memory.clear()
        self._memory.update(memory)
        return self._judge_in_time(question, case)

    def _may_be_a_victim(self, question: Question, case: TestCase, end: ChildEnded) -> bool:
        """Say whether a case is to be judged once more, for which there is a fresh child then.

        Code that writes beyond its arrays damages what a later case meets, which then crashes. In a
        child that had judged nothing before, only the cells and the case itself are left to blame.
        """
        if end.by is not EndedBy.CRASH or self.replay.cases <= 1:
            return False
        self.replay.end_child()
        try:
            self.replay.run_to(self.position(question.name))
        except ChildEnded:  # the whole submission is out of time
            return False
        said = f"the child ended in case {case.name!r} ({end.reason}) after other cases"
        self.replay.note(f"{said}; judged once more in a fresh child")
        return True

    def _judge_in_time(self, question: Question, case: TestCase) -> Outcome:
        with own_time.of_case():
            return self._judge(question, case)

    def _judge(self, question: Question, case: TestCase) -> Outcome:
        memory = dict(self._memory)
        verdict, found = self._run(question, case, self._memory)
        if found.keeps_from_judging(passes=verdict.passed):
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

    def _made_of_output(self, question: Question, case: TestCase) -> str:
        """Return why nothing can be said of an answer that a shell was to give, "" otherwise."""
        if self._has_reference:
            return ""
        made = shell.made_of_output(self.notebook.cells[: self.position(question.name)])
        asked = self.suite.asked(question.name, case.name) if made else frozenset()
        command = next((made[name] for name in sorted(asked & made.keys())), None)
        return "" if command is None else wording.reads_output(command.cell, command.text)

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
        if found.keeps_from_judging(passes=with_theirs.passed):
            return self._refused(question, case, found)
        if not with_theirs.passed:
            return self._explain(question, case, with_theirs)
        return outcomes.passed(case, with_theirs.seconds) if with_ours.passed else doubt

    @staticmethod
    def _refused(question: Question, case: TestCase, found: Changes) -> Outcome:
        """Return the outcome of a case that asked for what cannot be asked of a child."""
        return outcomes.ungraded(
            case, f"{question.name}, {case.name!r}: {[*found.refusals, *found.doubts][0]}"
        )

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
            self.replay.stop_listening()
        session = self.replay.session
        session.share = self.share
        self.replay.cases += 1
        names = self.suite.names_in(session, self.site.device, memory, with_theirs=with_theirs)
        with (
            self.phases.spent_on("cases"),
            self.suite.seeds(question.name, case.name) as seeds,
            session.case(applied, seeds, asks=self.suite.asks) as changes,
            self.suite.in_folder(
                question.name, case.name, session, changes, cells=self.notebook.cells
            ),
        ):
            verdict = self.suite.run(question.name, case.name, names)
        if session.ended is not None:  # whatever the test has made of it
            raise session.ended
        return verdict, changes

    def _explain(self, question: Question, case: TestCase, verdict: Verdict) -> Outcome:
        position = self.position(question.name)
        has_network = self.site.worker.isolation.has_network
        where, met = (
            Whereabouts(self.notebook, failures(found, has_network=has_network), position)
            for found in (self.replay.failed, self.replay.met)
        )
        notes = Notes(
            where, self.suite.unwritten, has_reference=self._has_reference,
            withheld=self._withheld, met=met,
            commands=tuple(shell.commands(self.notebook.cells[:position])),
            folder=str(self.suite.folder),
        )  # fmt: skip
        return explain(question, case, verdict, notes)

    def _changes_of_reference(self, question: Question, case: TestCase) -> frozenset[Place] | None:
        """Return which arguments a right answer changes in place in a case, if that is known."""
        at = question.name, case.name, self.site
        if self.reference.is_there and not self.reference.knows(*at):
            self.replay.end_child()  # one child at a time
            found = self.reference.changes(*at)
            self.replay.run_to(self.position(question.name))
            return found
        return self.reference.changes(*at)

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
        self.replay.end_child()
        self.replay.run_to(self.position(question.name))
        verdict, changes = self._run(question, case, memory, applied)
        if changes.keeps_from_judging(passes=verdict.passed):
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

        What can be judged with a right answer and cannot be with this one, twice, is lost; but
        nothing is by a process of the judge's that fails.
        """
        if not self.reference.is_there:
            return outcome
        self.replay.end_child()
        found = self.reference.run(question.name, case.name, self.site)
        self.replay.run_to(self.position(question.name))
        if found is None or not found.passed:
            return outcome
        verdict, changes = self._run(question, case, self._memory)
        for doubt in found.leaves_out.intersection(changes.doubts):
            changes.doubts.remove(doubt)  # as of a right answer
        if changes.keeps_from_judging(passes=verdict.passed):
            staff = f"{outcome.staff_message} The reference was judged meanwhile, and passed."
            return outcomes.lost(case, Status.FAILED, wording.NOT_JUDGEABLE, staff=staff)
        if verdict.passed:
            return outcomes.passed(case, verdict.seconds)
        again = self._explain(question, case, verdict)
        if again.status is not Status.UNGRADED or isinstance(verdict.problem, MachineFaultError):
            return again
        staff = f"{again.staff_message} The reference was judged meanwhile, and passed."
        return outcomes.lost(case, Status.FAILED, wording.NOT_JUDGEABLE, staff=staff)
