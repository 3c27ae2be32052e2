"""What is graded, and how: assignments, questions, submissions, limits, isolation, `Status`.

Frozen dataclasses, standard library only.
"""

from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

MIB = 1024 * 1024
POINT_TOLERANCE = 1e-6  # points are written with six decimals; a smaller difference is none


class Status(StrEnum):
    """How a case, a question or a submission ended, from best to worst."""

    PASSED = "passed"
    PENDING = "pending"  # needs a GPU or a person
    FAILED = "failed"
    ERROR = "error"  # student code raised, or the file could not be read as a notebook
    TIMEOUT = "timeout"
    KILLED = "killed"  # a limit, an exit, a crash or a broken protocol
    UNGRADED = "ungraded"  # the fault of staff or of the machine; never a zero

    @classmethod
    def worst(cls, statuses: "list[Status]") -> "Status":
        """Return the worst of some statuses, or `PASSED` for none."""
        order = list(cls)
        return max(statuses, key=order.index, default=cls.PASSED)


# When Gradescope shows students what became of hidden cases.
HiddenVisibility = Literal["hidden", "after_due_date", "after_published", "visible"]


class Feedback(StrEnum):
    """How much students read of a hidden case, from least to most; each includes the one before."""

    NAME = "name"
    PROMISE = "promise"  # what the case checks, in the words of its author
    HINT = "hint"  # and, where it failed, what was found: words of the test file, never a value


@dataclass(frozen=True, slots=True)
class Limits:
    """What one submission may use; seconds and bytes, defaults from the design's section 9."""

    cell_seconds: float = 60.0
    call_seconds: float = 10.0
    submission_seconds: float = 300.0
    cpu_seconds: int = 300
    memory_bytes: int = 4096 * MIB
    gpu_memory_bytes: int = 6144 * MIB  # of one GPU, where its driver tells who uses how much
    tasks: int = 64
    open_files: int = 256
    file_bytes: int = 64 * MIB
    scratch_bytes: int = 256 * MIB
    cell_output_bytes: int = 1_000_000
    output_bytes: int = 10_000_000
    notebook_bytes: int = 20_000_000
    notebook_cells: int = 2_000
    frame_bytes: int = 1_000_000
    array_bytes: int = 512 * MIB
    nesting: int = 32

    @classmethod
    def names(cls) -> frozenset[str]:
        """Return the names that `assignment.toml` may set."""
        return frozenset(item.name for item in fields(cls))

    @classmethod
    def from_mapping(cls, values: dict[str, Any]) -> Self:
        """Build limits from a mapping whose keys are all known and whose values are numbers."""
        return cls(**values)


@dataclass(frozen=True, slots=True)
class TestCase:
    """One `@test_case` function of a test file: what it is worth, not how it runs."""

    __test__: ClassVar[bool] = False  # the name is the field's word; pytest must not collect it

    name: str
    points: float
    hidden: bool
    promise: str = ""  # what it checks and where to read of it, written for students
    success_message: str = ""  # what its author tells whoever passes it
    failure_message: str = ""  # and whoever does not, beside what was found
    tells_staff_only: bool = False  # both, of a hidden case that students do not see


@dataclass(frozen=True, slots=True)
class Question:
    """One question: its points are its public plus its hidden cases."""

    name: str
    title: str
    points: float
    kind: str = "code"  # "code", or "manual" for one that a person grades
    requires: str | None = None  # "cuda"
    alone: bool = False  # judged when nothing else runs, as a measurement of time must be
    names: tuple[str, ...] = ()  # the stubs that the student fills
    cases: tuple[TestCase, ...] = ()
    sha256: str = ""  # of everything that decides its score
    file: str = ""  # of an otter assignment: its test file, below the assignment's folder

    @property
    def public_points(self) -> float:
        return sum(case.points for case in self.cases if not case.hidden)

    @property
    def hidden_points(self) -> float:
        return sum(case.points for case in self.cases if case.hidden)


@dataclass(frozen=True, slots=True)
class OtterRules:
    """How an assignment that was made for otter-grader is graded, as its configuration says.

    `seed` and `seed_variable` are set before every cell; `points_possible` and `score_threshold`
    make the total of the points (None where the plain sum counts). `notes` say what is not done,
    one sentence each; `stamps` what every output has to say.
    """

    seed: int | None = None
    seed_variable: str = ""
    points_possible: float | None = None
    score_threshold: float | None = None  # a share of the points, from 0 to 1
    assignment_name: str = ""  # which a notebook's metadata must name, "" for any
    show_hidden: bool = False
    show_all_public: bool = False
    force_public_test_summary: bool = True
    show_stdout: bool = False
    wants_pdf: bool = False  # whether PDFs that students handed in are to be kept
    notes: tuple[str, ...] = ()
    stamps: tuple[str, ...] = ()
    origin: str = ""  # the zip, folder or notebook that it came from

    @property
    def changes_total(self) -> bool:
        """Whether a submission is worth something else in the end than the sum of its points."""
        return self.points_possible is not None or self.score_threshold is not None

    def total(self, score: float, possible: float) -> float:
        """Return what a submission is worth in the end, by otter's rules."""
        most = possible if self.points_possible is None else self.points_possible
        share = score / possible if possible else 0.0
        if self.score_threshold is not None:
            return (most or possible) if share >= self.score_threshold else 0.0
        return score if self.points_possible is None else share * most


# What takes a second or two to import, as many assignments do.
LIBRARIES = ("torch", "matplotlib.pyplot")


@dataclass(frozen=True, slots=True)
class Assignment:
    """An assignment as its two folders state it; `solutions` is None in a public checkout."""

    slug: str
    title: str
    folder: Path
    notebook: Path
    solutions: Path | None
    questions: tuple[Question, ...]
    limits: Limits = field(default_factory=Limits)
    needs: tuple[str, ...] = ()  # modules that a warm worker imports beside numpy and `libraries`
    files: tuple[str, ...] = ()  # of which a student's own counts, else it is as handed out
    # Beside the notebook, each as its name there and its path on this disk: what a student's code
    # is given, what only tests read, and what of that somebody has asked to withhold.
    given: tuple[tuple[str, str], ...] = ()
    withheld: tuple[tuple[str, str], ...] = ()
    withheld_by_name: frozenset[str] = frozenset()
    libraries: tuple[str, ...] = LIBRARIES  # those of them that its files mention
    sha256: str = ""
    ignored_cells: frozenset[str] = frozenset()  # sources; unchanged, they are not run for a grade
    feedback: Feedback = Feedback.HINT
    hidden_visibility: HiddenVisibility = "after_published"
    otter: OtterRules | None = None  # of an assignment that was made for otter-grader

    @property
    def points(self) -> float:
        return sum(question.points for question in self.questions)

    def question(self, name: str) -> Question:
        """Return the question of that name; KeyError where there is none."""
        for question in self.questions:
            if question.name == name:
                return question
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Submission:
    """What one student, or one group, handed in; `problem` says why it cannot be graded.

    `is_ours` says that it is not the student's fault, so that it ends `ungraded`.
    `student` is the label of a row, `identity` who that is for the platform ("canvas:41232", ""
    where it gives nothing that lasts), `name` what the platform calls them.
    """

    student: str
    path: str  # as the LMS gave it, relative to what the TA named
    content: bytes = field(repr=False)
    sha256: str
    received: str | None = None  # ISO 8601 where the LMS tells
    late: bool = False
    members: tuple[str, ...] = ()  # of a group, in the LMS's order
    problem: str | None = None
    is_ours: bool = False
    identity: str = ""
    name: str = ""
    files: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)  # beside the notebook

    @property
    def holds_a_file(self) -> bool:
        """Whether anything was handed in: no line of a roster, and no empty folder."""
        return not (self.path == "" or self.path.endswith("/"))


class IsolationLevel(StrEnum):
    """What keeps student code apart, from the strongest; `sandbox/levels` says how each is made."""

    STRONG = "strong"
    CONTAINER_UID = "container-uid"
    SAME_UID = "same-uid"
    NONE = "none"
    NOT_JUDGED = "not judged"  # nothing was run


@dataclass(frozen=True, slots=True)
class Isolation:
    """The level that probes proved, and what each of them said ("ok" or the finding).

    `way` is how the level's file system is made, "" where there is only one way; `warning` what
    keeps the machine from a stronger level, "" where that need not be said; `network` whether
    student code may reach it.
    """

    level: IsolationLevel
    probes: dict[str, str] = field(default_factory=dict)
    way: str = ""
    warning: str = ""
    network: bool = False  # opened, by name

    @property
    def is_unsandboxed(self) -> bool:
        """Whether student code ran with the rights of whoever graded."""
        return self.level == IsolationLevel.NONE

    @property
    def has_network(self) -> bool:
        """Whether student code could reach other machines."""
        return self.network or self.level == IsolationLevel.NONE

    def is_made_like(self, other: "Isolation") -> bool:
        """Whether a worker that was started for one is a worker for the other."""
        alike = (self.level, self.way, self.network)
        return alike == (other.level, other.way, other.network)


@dataclass(frozen=True, slots=True)
class Environment:
    """What the scores were computed with; None where a thing is absent."""

    grader: str
    python: str
    platform: str
    numpy: str | None = None
    torch: str | None = None
    triton: str | None = None
    driver: str | None = None
    gpu: str | None = None
