"""What is checked, on which device, and how large: as measured, or tiny and simulated."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from grader.batch.messages import ProcessSettings
from grader.batch.run import jobs_on_gpu
from grader.course.assignments import available, load
from grader.machine import usable_cores
from grader.model import Assignment, Question
from grader.sandbox.levels.recipes import NONE, PROVABLE, Level

ROOT = Path(__file__).resolve().parents[2]
CUDA, SIMULATED = "cuda", "simulated"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of each thing is measured."""

    seeds: int = 20
    rows: int = 1000  # queries and keys where results are held against their bound
    widths: tuple[int, ...] = (64, 128)  # of a head
    dtypes: tuple[str, ...] = ("float16", "bfloat16", "float32")
    heads: tuple[int, int] = (2, 16)  # batch entries and heads where the kernel is timed
    length: int = 4096  # likewise, queries and keys
    repetitions: int = 20
    flush_bytes: int = 256 << 20  # more than any L2 cache holds
    timed_right: int = 1  # solutions that are judged for speed beside the reference
    timed_wrong: int = 2
    students: int = 16  # as many as there are cores where it was measured: no half empty round


# Interpreted, the reference promises nothing of bfloat16.
TINY = Sizes(
    seeds=1, rows=24, widths=(16,), dtypes=("float16",), heads=(1, 1), length=32,
    repetitions=1, flush_bytes=1 << 10, timed_right=1, timed_wrong=1, students=2,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Setup:
    """One run of the command: the course, the device, and how many processes share them."""

    course: Path = ROOT
    device: str = CUDA
    isolation: str = "auto"
    levels: tuple[Level, ...] = PROVABLE  # at which CUDA is tried
    jobs: int = field(default_factory=usable_cores)
    gpu_jobs: int | None = None
    sizes: Sizes = field(default_factory=Sizes)

    @property
    def is_simulated(self) -> bool:
        return self.device == SIMULATED

    def assignments(self) -> list[Assignment]:
        """Return the course's assignments, those that need a GPU longest first."""
        found = [load(slug, self.course, need_solutions=True) for slug in available(self.course)]
        return sorted(found, key=lambda item: (not item.needs, item.slug))

    def settings(self, assignment: Assignment, judges: str) -> ProcessSettings:
        """Return what a grader process for CPU or GPU questions needs to know."""
        return ProcessSettings(
            str(assignment.folder), 0, assignment.limits, self.isolation, self.device,
            judges=judges,
        )  # fmt: skip

    def processes(self, assignment: Assignment, judges: str) -> int:
        """Return how many submissions are judged at once, as a batch would have it."""
        if judges == "cpu":
            return self.jobs
        return self.gpu_jobs or jobs_on_gpu(assignment.limits, self.jobs)


def simulated(course: Path) -> Setup:
    """Return the setup that runs everything on the CPU, tiny and unsandboxed, to see it work."""
    return replace(
        Setup(), course=course.resolve(), device=SIMULATED, isolation="none", levels=(NONE,),
        jobs=1, gpu_jobs=2, sizes=TINY,
    )  # fmt: skip


def machine_questions(assignment: Assignment, judges: str) -> tuple[str, ...]:
    """Return the questions that a grader process judges, but for those that are judged alone."""
    return tuple(q.name for q in _code(assignment, judges) if not q.alone)


def timed_question(assignment: Assignment) -> str | None:
    """Return the GPU question that is judged alone, since it measures time, or None."""
    return next((q.name for q in _code(assignment, "cuda") if q.alone), None)


def _code(assignment: Assignment, judges: str) -> Iterator[Question]:
    wants = "cuda" if judges == "cuda" else None
    return (q for q in assignment.questions if q.kind == "code" and q.requires == wants)
