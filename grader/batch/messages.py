"""What a command tells the grader processes of a batch, and what they answer."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from grader.course.beside import Access
from grader.model import Assignment, Environment, Isolation, Limits
from grader.reports import Control, Report

if TYPE_CHECKING:
    from grader.gradebook.terms import Terms


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """What a grader process needs to know; small, and the same for a whole batch."""

    assignment: str  # its folder
    seed: int
    limits: Limits
    isolation: str  # "auto" or "none"
    # "auto", "cpu" or "cuda"; "simulated" is for tests: GPU questions are judged, on the CPU
    device: str
    assignment_sha256: str = ""  # what the folder must hold, if given
    judges: str = "all"  # "cpu" or "cuda": only the questions that need no GPU, or need one
    places: tuple[str, ...] = ()  # of submissions and results, which no student's code may read
    access: Access = field(default_factory=Access)  # of students' code, as somebody said
    imports: tuple[str, ...] = ()  # modules that many notebooks import, for the warm worker
    packed: str = ""  # what the folder was unpacked from, for a machine that lacks it

    @classmethod
    def of_class(cls, assignment: Assignment, terms: "Terms", seed: int, isolation: str) -> Self:
        """Return what the terms of a class come to, which are applied to the assignment by now."""
        return cls(
            str(assignment.folder), seed, assignment.limits, isolation, terms.device,
            places=terms.places, access=terms.access, imports=terms.imports,
            packed=assignment.otter.origin if assignment.otter else "",
        )  # fmt: skip

    def of_batch(self, assignment: Assignment) -> Self:
        """Return them for the processes that a batch starts first, which judge on the CPU."""
        return replace(self, assignment_sha256=assignment.sha256, judges="cpu")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a grader process found out when it started."""

    isolation: Isolation
    environment: Environment
    has_cuda: bool
    gpu_fault: str = ""  # why the GPU that is here cannot be used for student code
    place: str = ""  # the machine, the device and the isolation; equal where judging is alike
    seconds: dict[str, float] = field(default_factory=dict)  # where the start's time went


@dataclass(frozen=True, slots=True)
class Judged:
    """A report, where it was made, and what the reference came to there, if nobody knew yet."""

    report: Report
    place: str
    control: Control | None = None
