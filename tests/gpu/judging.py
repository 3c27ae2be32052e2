"""Judge right and wrong solutions as a class is judged, several at once, and compare."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from grader.batch import process
from grader.errors import GraderError
from grader.grading.control import settle
from grader.model import Assignment, Status, Submission
from grader.reports import Control, Outcome, Report
from grader.verify.runner import describe, losses, ungraded
from grader.verify.scores import Variant, variants
from tests.gpu.rooms import Asked, Room, Rooms
from tests.gpu.setup import Setup, machine_questions
from tests.gpu.steps import Log, OutOfTimeError

REFERENCE = "reference"


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
        future = self.room.pool.submit(process.control, self.room.settings, self.questions)
        return Asked(self.label(REFERENCE), self.room, future, self.take_reference)

    def ask_right(self, item: Variant) -> Asked:
        """Have a right solution judged, as a student's notebook is."""
        return self._ask(item, self.take_right)

    def ask_timed(self, item: Variant) -> Asked:
        """Have a right solution judged for its speed, in which it may be as slow as it likes."""
        return self._ask(item, self.take_timed)

    def ask_wrong(self, item: Variant) -> Asked:
        """Have a wrong solution judged, as a student's notebook is."""
        return self._ask(item, self.take_wrong)

    def _ask(self, item: Variant, take: Callable[[Variant, Report], None]) -> Asked:
        digest = hashlib.sha256(item.content).hexdigest()
        submission = Submission(item.name, f"{item.name}.ipynb", item.content, digest)
        places = frozenset({self.room.facts.place})
        future = self.room.pool.submit(
            process.grade_one, self.room.settings, submission, self.questions, places
        )
        label = self.label(item.name)
        return Asked(label, self.room, future, lambda judged: take(item, judged.report))

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

    def take_timed(self, item: Variant, report: Report) -> None:
        """Keep what a right solution earned for its speed; it must only have been judged."""
        self._keep_report(item, report)
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

    def keep(self, where: str) -> None:
        """Keep what was judged here under a name."""
        self.log.found[where] = {
            "questions": list(self.questions),
            "lanes": self.room.pool.slots,
            "seconds": time.monotonic() - self.started,
            "submissions": self.submissions,
        }

    def _check_that_it_was_judged(self, item: Variant, report: Report) -> None:
        if report.error is not None:
            self.log.problem(f"{self.label(item.name)}: cannot be judged: {report.error}")
        for text in ungraded(report):
            self.log.problem(f"{self.label(item.name)}: ungraded: {text}")
        for question in report.questions:
            if question.status is Status.PENDING:
                why = question.note or "no grader process judges it"
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
    """Judge the reference and every other right solution, first on what needs a GPU.

    Each kind of grader process starts while those before it judge.
    """
    asked: list[Asked] = []
    sittings: dict[str, Sitting] = {}
    kinds = [(judges, item) for judges in ("cuda", "cpu") for item in setup.assignments()]
    for judges, assignment in kinds:
        if not (questions := machine_questions(assignment, judges)):
            continue
        right, where = variants(assignment, "correct"), f"{assignment.slug} {judges}"
        try:
            most = None if judges == "cuda" else 1 + len(right)
            sitting = _sit(rooms, log, assignment, judges, questions, most)
        except OutOfTimeError as problem:
            log.leave_out(str(problem))
        except GraderError as problem:
            log.problem(f"{where}: {problem}")
        else:
            sittings[where] = sitting
            asked += [sitting.ask_reference(), *map(sitting.ask_right, right)]
    hear(rooms, log, asked)
    for where, sitting in sittings.items():
        sitting.keep(where)
        if sitting.room.settings.judges == "cpu":
            rooms.leave(sitting.room)  # nothing more is asked of these


def wrong_solutions(setup: Setup, rooms: Rooms, log: Log) -> None:
    """Judge every wrong solution that says what it loses on a GPU, on that."""
    for assignment in setup.assignments():
        questions = machine_questions(assignment, "cuda")
        found = [v for v in variants(assignment, "wrong") if v.lost_on_gpu & set(questions)]
        if found:
            sitting = _sit(rooms, log, assignment, "cuda", questions, None)
            hear(rooms, log, [sitting.ask_wrong(item) for item in found])
            sitting.keep(assignment.slug)


def alone(setup: Setup, sitting: Sitting) -> None:
    """Judge the reference and a few others, one after another, with nothing beside them."""
    right, wrong = (variants(sitting.assignment, kind) for kind in ("correct", "wrong"))
    wrong = [item for item in wrong if item.lost_on_gpu & set(sitting.questions)]
    hear(sitting.rooms, sitting.log, [sitting.ask_reference()])
    chosen = [(item, sitting.ask_timed) for item in _spread(right, setup.sizes.timed_right)]
    chosen += [(item, sitting.ask_wrong) for item in _spread(wrong, setup.sizes.timed_wrong)]
    for item, ask in chosen:
        if sitting.log.seconds_left() <= 0:
            sitting.log.leave_out(sitting.label(item.name))
        else:
            hear(sitting.rooms, sitting.log, [ask(item)])
    sitting.keep("judged")


def _spread(items: list[Variant], count: int) -> list[Variant]:
    """Return some of many, evenly from the first to the last."""
    return items[:: max(1, len(items) // count)][:count]


def _sit(
    rooms: Rooms, log: Log, assignment: Assignment, judges: str, questions: tuple[str, ...],
    most: int | None,
) -> Sitting:  # fmt: skip
    room = rooms.enter(assignment, judges, log, most=most)
    room.demand_device()
    log.say(f"  {assignment.slug}, {', '.join(questions)}: {room.pool.slots} at once")
    return Sitting(room, rooms, assignment, questions, log)


def hear(rooms: Rooms, log: Log, asked: list[Asked]) -> None:
    """Take each verdict when it comes; a grader process that is lost is a finding of its own."""
    for item in rooms.collect(asked, log):
        try:
            verdict = item.future.result()
        except GraderError as problem:
            log.problem(f"{item.name}: {problem}")
        except Exception as problem:  # noqa: BLE001 - what a process raised; the others go on
            log.problem(f"{item.name}: {type(problem).__name__}: {problem}")
        else:
            item.take(verdict)
