"""What came of grading: outcomes, reports, what the reference came to, and a class of them.

Frozen dataclasses, standard library only.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from grader.model import (
    Environment,
    Isolation,
    Limits,
    OtterRules,
    Question,
    Status,
    Submission,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one test case ended for one submission."""

    name: str
    hidden: bool
    status: Status
    score: float
    max_score: float
    message: str = ""  # what the student may read
    staff_message: str = ""
    seconds: float = 0.0
    promise: str = ""  # of a hidden case, as its author wrote it for students
    hint: str = ""  # of a hidden case that failed: words of its test file
    cause: str = ""  # what went wrong before any test ran, which the student may read
    remark: str = ""  # of a hidden case: what its author tells the student of how it ended


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a written answer: what it is called, its media type, its bytes in base64."""

    name: str
    media_type: str
    data: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Written:
    """What a student wrote for a question that a person grades; `missing` says why it is nothing.

    searched: the hash of the notebook, where nothing stood in the place of an answer.
    """

    text: str = ""
    pictures: tuple[Picture, ...] = ()
    missing: str = ""
    searched: str = ""


@dataclass(frozen=True, slots=True)
class QuestionReport:
    """How one question ended: its cases, and what they add up to."""

    name: str
    status: Status
    score: float
    max_score: float
    pending: float = 0.0
    cases: tuple[Outcome, ...] = ()
    note: str = ""  # for staff, for example "judged in a fresh child after q2 was killed"
    written: Written = Written()  # of a manual question, for the person who grades it
    reply: str = ""  # to the student, who had asked for a regrade

    @classmethod
    def judged(
        cls, question: Question, cases: Sequence[Outcome], *, all_or_nothing: bool, note: str = ""
    ) -> Self:
        """Return the report on a question whose cases have run, scored by what they earned."""
        status = Status.worst([case.status for case in cases])
        score = round(sum(case.score for case in cases), 9)
        if all_or_nothing and status is not Status.PASSED:
            score = 0.0
        return cls(question.name, status, score, question.points, cases=tuple(cases), note=note)

    @classmethod
    def waiting(
        cls,
        question: Question,
        cases: Sequence[Outcome] = (),
        *,
        note: str = "",
        written: Written | None = None,
    ) -> Self:
        """Return the report on a question that needs a GPU or a person first."""
        points = question.points
        return cls(
            question.name, Status.PENDING, 0.0, points, points, tuple(cases), note,
            written or Written(),
        )  # fmt: skip

    @classmethod
    def refused(cls, question: Question, reason: str) -> Self:
        """Return the report on a question of a notebook that could not be read."""
        return cls(question.name, Status.ERROR, 0.0, question.points, note=reason)

    @classmethod
    def ungraded(cls, question: Question, reason: str) -> Self:
        """Return the report on a question that a fault of staff or machine kept from judging."""
        return cls(question.name, Status.UNGRADED, 0.0, question.points, note=reason)


@dataclass(frozen=True, slots=True)
class ControlCase:
    """What one case came to for the reference; where it did not pass, why.

    `said` is what the judge recorded of it, `cause` one sentence in plain words with the fix.
    """

    question: str
    name: str
    status: Status
    said: str = ""
    cause: str = ""

    @property
    def is_failing(self) -> bool:
        """Whether nobody is to lose by it here; what waits for a GPU was not judged at all."""
        return self.status not in {Status.PASSED, Status.PENDING}


@dataclass(frozen=True, slots=True)
class Control:
    """What the reference came to where students are judged: same machine, sandbox and versions.

    `place` names that, for people. A case that the reference does not pass is nobody's loss there.
    """

    place: str
    environment: Environment
    cases: tuple[ControlCase, ...] = ()
    seconds: float = 0.0

    @property
    def failing(self) -> dict[tuple[str, str], ControlCase]:
        """The cases that the reference does not pass, by question and name."""
        return {(case.question, case.name): case for case in self.cases if case.is_failing}

    @property
    def causes(self) -> tuple[str, ...]:
        """Why it does not pass them, each reason once."""
        return tuple(dict.fromkeys(case.cause for case in self.failing.values()))


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one submission earned, with what is needed to earn it again."""

    student: str
    path: str
    sha256: str
    questions: tuple[QuestionReport, ...]
    seed: int
    assignment_sha256: str
    isolation: Isolation
    environment: Environment
    seconds: float = 0.0
    error: str | None = None
    received: str | None = None
    late: bool = False
    members: tuple[str, ...] = ()
    phases: dict[str, float] = field(default_factory=dict)  # seconds, where the time went
    limits: Limits = field(default_factory=Limits)
    identity: str = ""  # who the student is for a platform, as of a submission
    in_doubt: tuple[str, ...] = ()  # questions to be judged once more; not kept

    def number(self, platform: str) -> str:
        """Return what a platform knows the student by, "" where another or none has told."""
        kind, _, number = self.identity.partition(":")
        return number if kind == platform else ""

    @classmethod
    def of(
        cls,
        submission: Submission,
        questions: Iterable[QuestionReport],
        *,
        seed: int,
        assignment_sha256: str,
        isolation: Isolation,
        environment: Environment,
        limits: Limits,
        seconds: float = 0.0,
        error: str | None = None,
        phases: Mapping[str, float] | None = None,
        in_doubt: tuple[str, ...] = (),
    ) -> Self:
        """Return the report on a submission, with all that is known of how it was handed in."""
        return cls(
            student=submission.student,
            path=submission.path,
            sha256=submission.sha256,
            questions=tuple(questions),
            seed=seed,
            assignment_sha256=assignment_sha256,
            isolation=isolation,
            environment=environment,
            seconds=seconds,
            error=error,
            received=submission.received,
            late=submission.late,
            members=submission.members,
            phases=dict(phases or {}),
            limits=limits,
            identity=submission.identity,
            in_doubt=in_doubt,
        )

    @property
    def status(self) -> Status:
        if self.error is not None and not any(q.cases for q in self.questions):
            return Status.worst([Status.ERROR, *(q.status for q in self.questions)])
        return Status.worst([question.status for question in self.questions])

    @property
    def is_refused(self) -> bool:
        """Whether a file was handed in of which nothing can be graded, through the student."""
        holds_a_file = not (self.path == "" or self.path.endswith("/"))
        no_case = not any(question.cases for question in self.questions)
        return holds_a_file and no_case and bool(self.error) and self.status is Status.ERROR

    @property
    def score(self) -> float:
        return sum(question.score for question in self.questions)

    @property
    def max_score(self) -> float:
        return sum(question.max_score for question in self.questions)

    @property
    def pending(self) -> float:
        return sum(question.pending for question in self.questions)


NETWORK_OPEN = "NETWORK OPEN: notebooks could reach the internet while they were graded"


@dataclass(frozen=True, slots=True)
class Gradebook:
    """A class's current reports, ready to be rendered; one row a student, in a fixed order."""

    slug: str
    title: str
    assignment_sha256: str
    seed: int
    isolation: Isolation
    environment: Environment
    questions: tuple[Question, ...]
    reports: tuple[Report, ...]
    controls: tuple[Control, ...] = ()
    otter: OtterRules | None = None  # of an assignment that was made for otter-grader
    # Each student's page asks, and a look at the whole class each time would be quadratic.
    _is_open: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Find out once whether any notebook could reach the internet."""
        is_open = any(report.isolation.network for report in self.reports)
        object.__setattr__(self, "_is_open", is_open)

    @property
    def stamps(self) -> tuple[str, ...]:
        """What every output has to say of how this was graded."""
        stamps = () if self.otter is None else self.otter.stamps
        return (*((NETWORK_OPEN,) if self._is_open else ()), *stamps)

    @property
    def has_total(self) -> bool:
        """Whether a submission is worth something else in the end than the sum of its points."""
        return self.otter is not None and self.otter.changes_total

    def total(self, report: Report) -> float:
        """Return what a report is worth in the end; its score, unless otter's rules change that."""
        if self.otter is None:
            return report.score
        return self.otter.total(report.score, report.max_score)

    @property
    def max_total(self) -> float:
        """The most that a submission can be worth in the end."""
        most = None if self.otter is None else self.otter.points_possible
        return most or self.max_score

    @property
    def causes(self) -> tuple[str, ...]:
        """Why the reference does not pass what is ungraded now, each reason once."""
        open_ = {
            (question.name, case.name)
            for report in self.reports
            for question in report.questions
            if question.status is Status.UNGRADED
            for case in question.cases
            if case.status is Status.UNGRADED
        }
        found = (
            case.cause
            for control in self.controls
            for key, case in control.failing.items()
            if key in open_
        )
        return tuple(dict.fromkeys(found))

    @property
    def max_score(self) -> float:
        return sum(question.points for question in self.questions)
