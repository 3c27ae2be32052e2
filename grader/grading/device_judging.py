"""Judge the questions of one device in the order in which the notebook checks them, in children.

When a child ends early, what was judged keeps its score, and the rest is judged in a fresh child
without what ended it. What is wrong with this machine ends the judging, and costs nobody a point.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from grader import wording
from grader.errors import GraderError, WorkerError
from grader.grading import outcomes
from grader.grading.case_judging import CaseJudging
from grader.grading.reuse import leave_alone
from grader.grading.second_look import Look, is_in_doubt
from grader.model import Question, Status, TestCase
from grader.reports import Outcome, QuestionReport
from grader.sandbox import ChildEnded
from grader.sandbox.closed_network import tried_network
from grader.sandbox.endings import EndedBy

AS_THEY_ARE = frozenset({Status.PASSED, Status.UNGRADED})  # outcomes that say nothing of the code
STOPPED = frozenset({Status.TIMEOUT, Status.KILLED})  # what ended its child, and would again

# Cases of one question that may run out of their whole time, and those after them of a tenth: so
# a question whose calls never return costs so many limits, and a case that returns at once counts.
MAX_TIMEOUTS, MAX_SHORT_TIMEOUTS = 3, 3
SHORT = 0.1

OUR_MACHINES = (GraderError, MemoryError, OSError)  # faults that no answer brings about

OnQuestion = Callable[[QuestionReport], None]


class CheckedElsewhereError(Exception):
    """A cell has not checked the question that its text names; it did not come so far."""


class DeviceJudging:
    """What one kind of device can judge of one notebook, in one or more children.

    handed_out: sources of cells that are the course's own. follows_text: whether a question has to
    be checked by the cell whose text names it. asked: names of cases, all where it is None.
    until_loss: whether the first case that does not pass ends it. look: whether others are judged
    at the same time, and whether what is in doubt will be judged once more: no more of such a
    question is judged now. on_question: told of each question when cases of it have been judged.
    """

    def __init__(
        self,
        cases: CaseJudging,
        questions: list[Question],
        *,
        handed_out: frozenset[str],
        follows_text: bool,
        asked: frozenset[str] | None,
        until_loss: bool,
        look: Look,
        on_question: OnQuestion,
    ) -> None:
        self._cases = cases
        self._handed_out = handed_out
        self._follows_text = follows_text
        self._asked = asked
        self._until_loss = until_loss
        self._look = look
        self._on_question = on_question
        self._suite = cases.suite
        self._replay = cases.replay
        # In the order in which the notebook checks them.
        order, checked_as = cases.notebook.check_order, cases.suite.checked_as
        self._questions = sorted(questions, key=lambda one: order(*checked_as(one.name)))
        self._follows_files = cases.suite.assignment.otter is not None
        self._found: dict[str, dict[str, Outcome]] = {q.name: {} for q in questions}
        self._notes: dict[str, list[str]] = {q.name: [] for q in questions}
        self._timeouts: Counter[str] = Counter()  # cases that ran out of time, by question
        self._stops: dict[str, ChildEnded] = {}  # the last end of a child in a case, by question
        self._in_doubt: set[str] = set()  # questions
        self._without_network: set[int] = set()  # cells that failed for that
        self._unharmed: dict[tuple[str, int], bool] = {}  # by question and how far a child has come
        self._fault = ""  # of ours, after which nothing more can be judged

    def judge(self, *, is_hidden: bool) -> None:
        """Judge the public cases of all questions, or what is left of them.

        An otter assignment's public cases are judged again with the hidden ones, in the order of
        its files and in a child that has been asked nothing, since cases leave state behind. What
        a student reads of them stays what was said before any hidden input.
        """
        self._replay.start_again()
        first: dict[str, dict[str, Outcome]] = {}
        if is_hidden and self._follows_files and any(map(self._owed, self._questions)):
            first = self._begin_in_order()
        for question in self._questions:
            due = [case for case in self._owed(question) if is_hidden or not case.hidden]
            if due and not self._fault and not self._is_over():
                self._judge_cases(question, due)
                self._take(question, self._settled(question, first.get(question.name, {})))
                self._on_question(self._report(question))

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

    def _owed(self, question: Question) -> list[TestCase]:
        """Return the cases that are asked for and not judged yet."""
        asked = self._asked
        return [case for case in self._missing(question) if asked is None or case.name in asked]

    def _take(self, question: Question, found: Iterable[Outcome]) -> None:
        self._found[question.name] |= {outcome.name: outcome for outcome in found}

    def in_doubt(self) -> list[str]:
        """Return the questions that lost by what may be this machine's doing, or by such a cell."""
        by_cell = any(map(self._is_in_doubt, self._replay.left_out_by))
        lost = frozenset(Status) - {Status.PASSED, Status.PENDING}
        return [
            name
            for name, cases in self._found.items()
            if name in self._in_doubt
            or (by_cell and any(case.status in lost for case in cases.values()))
        ]

    def _is_in_doubt(self, by: EndedBy) -> bool:
        worker = self._cases.site.worker
        shares_more = "cuda" in worker.devices or worker.isolation.has_network
        return is_in_doubt(by, self._look, shares_more=shares_more)

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
        here, there = self._cases.position(question.name), self._replay.position
        if here >= there:
            return here == there
        at = question.name, there
        if at not in self._unharmed:
            self._unharmed[at] = leave_alone(
                self._replay.sources(0, here),
                self._replay.sources(here, there),
                self._handed_out,
                self._suite.names(question.name) | set(question.names),
            )
        return self._unharmed[at]

    def _go_to(self, question: Question) -> None:
        """Have a child that stands where a question is judged; ChildEnded where time is out."""
        if not self._may_stay(question):
            self._replay.run_to(self._cases.position(question.name))

    def _judge_cases(self, question: Question, cases: list[TestCase]) -> None:
        """Judge some cases of one question; after one that ends the child, in a fresh child."""
        try:
            self._judge_each(question, cases)
        finally:
            self._notes[question.name] += self._replay.take_notes()

    def _judge_each(self, question: Question, cases: list[TestCase]) -> None:
        for case in cases:
            if self._is_left(question):
                end = self._stops[question.name]
                self._take(question, [outcomes.after_a_stop(case, end.status, end.reason)])
                continue
            if self._is_over() or not self._is_ready(question):
                return
            self._cases.share = SHORT if self._has_less_time(question) else 1.0
            try:
                self._take(question, [self._cases.judge(question, case)])
            except ChildEnded as end:
                self._take_end(question, case, end)
            except WorkerError as problem:
                self._fault = str(problem)
                return
            except OUR_MACHINES:
                raise
            except Exception as problem:  # noqa: BLE001 - what the reference's answer does not do
                said = f"{type(problem).__name__} while judging: {problem}"
                text = wording.unusable_form(type(problem).__name__)
                self._take(question, [outcomes.lost(case, Status.FAILED, text, staff=said)])

    def _is_left(self, question: Question) -> bool:
        """Say whether no more of a question is judged: never, or not now."""
        if question.name in self._in_doubt and self._look.is_first:
            return True
        return self._timeouts[question.name] == MAX_TIMEOUTS + MAX_SHORT_TIMEOUTS

    def _has_less_time(self, question: Question) -> bool:
        return self._timeouts[question.name] >= MAX_TIMEOUTS

    def _take_end(self, question: Question, case: TestCase, end: ChildEnded) -> None:
        """Note that a child has ended in a case, and who is to see to what is left."""
        said = f"the child ended in case {case.name!r}: {end.reason}"
        self._notes[question.name].append(said)
        ran_out = end.status is Status.TIMEOUT
        has_less = ran_out and self._has_less_time(question)
        reason = wording.with_less_time(end.reason) if has_less else end.reason
        self._take(question, outcomes.stopped([case], end.status, reason))
        self._replay.end_child()
        self._timeouts[question.name] += ran_out
        self._note_stop(question, end)

    def _note_stop(self, question: Question, end: ChildEnded) -> None:
        self._stops[question.name] = end
        if self._is_in_doubt(end.by):
            self._in_doubt.add(question.name)

    def _is_ready(self, question: Question) -> bool:
        """Bring a child to where a question is judged, and say whether there is one."""
        try:
            self._go_to(question)
        except ChildEnded as end:  # the whole submission is out of time
            self._note_stop(question, end)
            text = wording.sentence(wording.plain_end(end.status))
            owed = self._owed(question)
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
            raise CheckedElsewhereError
        return True

    def _network_notes(self) -> list[str]:
        """Return which cells reached for a network that is closed, each once."""
        if self._cases.site.worker.isolation.has_network:
            return []
        failed = self._replay.met
        if not failed:
            return []
        found = {
            number
            for number, one in failed.items()
            if not isinstance(one, str) and tried_network(one)
        }
        new = sorted(found - self._without_network)
        self._without_network |= found
        return [wording.TRIED_NETWORK.format(number=number) for number in new]

    def _is_over(self) -> bool:
        """Say whether whoever asks only for a loss has one."""
        return self._until_loss and any(
            one.status is not Status.PASSED
            for cases in self._found.values()
            for one in cases.values()
        )
