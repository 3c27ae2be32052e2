"""Judge right and wrong solutions as a class is judged, several at once, and compare."""

import hashlib
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from grader import lane
from grader.control import settle
from grader.errors import GraderError
from grader.model import Assignment, Control, Outcome, Report, Status, Submission
from grader.verify.scores import Variant, variants
from grader.verify.trials import describe, losses, ungraded

from .rooms import Room, Rooms
from .setup import Setup, machine_questions
from .steps import Log

REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Asked:
    """A verdict on its way, and who takes it."""

    name: str
    future: "Future[Any]"
    take: Callable[[Any], None]


@dataclass(slots=True)
class Sitting:
    """Some questions of one assignment, judged in one room."""

    room: Room
    rooms: Rooms
    assignment: Assignment
    questions: tuple[str, ...]
    log: Log
    submissions: list[dict[str, Any]] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def ask_reference(self) -> Asked:
        """Have the reference judged, as the control of a batch is."""
        future = self.room.pool.submit(lane.control, self.room.settings, self.questions)
        return Asked(REFERENCE, future, self.take_reference)

    def ask_right(self, item: Variant) -> Asked:
        """Have a right solution judged, as a student's notebook is."""
        return self._ask(item, self.take_right)

    def ask_wrong(self, item: Variant) -> Asked:
        """Have a wrong solution judged, as a student's notebook is."""
        return self._ask(item, self.take_wrong)

    def _ask(self, item: Variant, take: Callable[[Variant, Report], None]) -> Asked:
        digest = hashlib.sha256(item.content).hexdigest()
        submission = Submission(item.name, f"{item.name}.ipynb", item.content, digest)
        places = frozenset({self.room.facts.place})
        future = self.room.pool.submit(
            lane.grade_one, self.room.settings, submission, self.questions, places
        )
        return Asked(item.name, future, lambda judged: take(item, judged.report))

    def label(self, name: str) -> str:
        return f"{self.assignment.slug}, {', '.join(self.questions)}: {name}"

    def take_reference(self, found: Control) -> None:
        """Keep what the reference came to; what it does not pass, nobody can lose."""
        self.rooms.controls[self.assignment.slug, self.questions] = found
        waiting = [case for case in found.cases if case.status is Status.PENDING]
        said = f"{len(found.cases) - len(found.failing)} of {len(found.cases)} cases"
        self._keep(REFERENCE, said, found.seconds)
        for case in waiting:
            self.log.problem(f"{case.question}, {case.name!r} was not judged.")
        for case in found.failing.values():
            self.log.problem(f"{self.label(REFERENCE)}: {case.cause}")

    def take_right(self, item: Variant, report: Report) -> None:
        """Keep what a right solution came to: it must lose nothing."""
        self._keep_report(item, report)
        for question, outcome in _losses(report):
            self.log.problem(f"{self.label(item.name)}: loses {describe(question, outcome)}")
        self._check_that_it_was_judged(item, report)

    def take_wrong(self, item: Variant, report: Report) -> None:
        """Keep what a wrong solution came to: it must lose what its first line says."""
        control = self.rooms.controls.get((self.assignment.slug, self.questions))
        if control is not None:
            report = settle(report, control)
        self._keep_report(item, report)
        expected = item.lost_on_gpu & set(self.questions)
        lost = {question for question, _ in _losses(report)}
        if lost != expected:
            self.log.problem(
                f"{self.label(item.name)}: should lose {', '.join(sorted(expected)) or 'nothing'}, "
                f"loses {', '.join(sorted(lost)) or 'nothing'}"
            )
        self._check_that_it_was_judged(item, report)

    def _check_that_it_was_judged(self, item: Variant, report: Report) -> None:
        if report.error is not None:
            self.log.problem(f"{self.label(item.name)}: cannot be judged: {report.error}")
        for text in ungraded(report):
            self.log.problem(f"{self.label(item.name)}: ungraded: {text}")
        for question in report.questions:
            if question.status is Status.PENDING:
                why = question.note or "no lane judges it"
                self.log.problem(f"{self.label(item.name)}: {question.name} is pending: {why}")

    def _keep_report(self, item: Variant, report: Report) -> None:
        said = f"{report.score:g} of {report.max_score:g}"
        self._keep(item.name, said, report.seconds, phases=report.phases)

    def _keep(self, name: str, said: str, seconds: float, **more: Any) -> None:
        self.log.say(f"  {self.label(name)}: {said}, {seconds:.1f} s")
        self.submissions.append({"name": name, "score": said, "seconds": seconds, **more})


def _losses(report: Report) -> list[tuple[str, Outcome]]:
    return [(name, o) for name, o in losses(report) if o.status is not Status.UNGRADED]


def right_solutions(setup: Setup, rooms: Rooms, log: Log) -> None:
    """Judge the reference and every other right solution on what needs a GPU, then on the rest."""
    for judges in ("cuda", "cpu"):
        for assignment in setup.assignments():
            if not (questions := machine_questions(assignment, judges)):
                continue
            sitting = _sit(setup, rooms, log, assignment, judges, questions)
            asked = [sitting.ask_reference()]
            asked += [sitting.ask_right(item) for item in variants(assignment, "correct")]
            hear(sitting, asked)
            _keep_sitting(sitting, f"{assignment.slug} {judges}")


def wrong_solutions(setup: Setup, rooms: Rooms, log: Log) -> None:
    """Judge every wrong solution that says what it loses on a GPU, on that."""
    for assignment in setup.assignments():
        questions = machine_questions(assignment, "cuda")
        found = [v for v in variants(assignment, "wrong") if v.lost_on_gpu & set(questions)]
        if not found:
            continue
        sitting = _sit(setup, rooms, log, assignment, "cuda", questions)
        hear(sitting, [sitting.ask_wrong(item) for item in found])
        _keep_sitting(sitting, assignment.slug)


def alone(setup: Setup, sitting: Sitting) -> None:
    """Judge the reference and a few others, one after another, with nothing beside them."""
    right, wrong = (variants(sitting.assignment, kind) for kind in ("correct", "wrong"))
    wrong = [item for item in wrong if item.lost_on_gpu & set(sitting.questions)]
    hear(sitting, [sitting.ask_reference()])
    for item in _spread(right, setup.sizes.timed_right):
        _hear_next(sitting, item.name, lambda item=item: sitting.ask_right(item))
    for item in _spread(wrong, setup.sizes.timed_wrong):
        _hear_next(sitting, item.name, lambda item=item: sitting.ask_wrong(item))
    _keep_sitting(sitting, "judged")


def _hear_next(sitting: Sitting, name: str, ask: Callable[[], Asked]) -> None:
    if sitting.log.seconds_left() <= 0:
        sitting.log.leave_out(sitting.label(name))
    else:
        hear(sitting, [ask()])


def _spread(items: list[Variant], count: int) -> list[Variant]:
    """Return some of many, evenly from the first to the last."""
    return items[:: max(1, len(items) // count)][:count]


def _sit(
    setup: Setup, rooms: Rooms, log: Log, assignment: Assignment, judges: str,
    questions: tuple[str, ...],
) -> Sitting:  # fmt: skip
    room = rooms.enter(assignment, judges, log)
    log.say(f"  {assignment.slug}, {judges}: {setup.lanes(assignment, judges)} at once")
    return Sitting(room, rooms, assignment, questions, log)


def hear(sitting: Sitting, asked: list[Asked]) -> None:
    """Take each verdict when it comes; a lane that is lost is a finding of its own."""
    takers = {item.future: item.take for item in asked}
    names = {item.future: sitting.label(item.name) for item in asked}
    for name, future in sitting.rooms.collect(sitting.room, names, sitting.log):
        try:
            verdict = future.result()
        except GraderError as problem:
            sitting.log.problem(f"{name}: {problem}")
        else:
            takers[future](verdict)


def _keep_sitting(sitting: Sitting, where: str) -> None:
    sitting.log.found[where] = {
        "questions": list(sitting.questions),
        "lanes": sitting.room.pool.slots,
        "seconds": time.monotonic() - sitting.started,
        "submissions": sitting.submissions,
    }
