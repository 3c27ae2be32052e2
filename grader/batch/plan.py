"""What a batch has to judge: which questions of whom are due, in which order, of which kind."""

from collections.abc import Iterable
from dataclasses import dataclass

from grader.errors import UsageError
from grader.gradebook.store import Current
from grader.model import Assignment, Limits, Question, Status, Submission


@dataclass(frozen=True, slots=True)
class Task:
    """Some questions of one submission."""

    submission: Submission
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """What questions need to be judged: a device, and whether nothing else may run meanwhile."""

    device: str = "cpu"
    alone: bool = False


def due(
    submissions: Iterable[Submission],
    assignment: Assignment,
    held: dict[tuple[str, str], Current],
    *,
    seed: int,
    limits: Limits,
    has_cuda: bool,
    only: str | None = None,
) -> list[Task]:
    """Return what must be judged: what is new, changed, ungraded, or pending a GPU that is here.

    `only` is "pending", "changed", a student or a question; the last two are judged again whatever
    the store holds. UsageError where it is none of these.
    """
    submissions = list(submissions)
    known = {item.name for item in assignment.questions}
    students = {item.student for item in submissions}
    if only is not None and only not in {"pending", "changed"} | known | students:
        raise UsageError(
            f"--only {only} names no question and no student here; "
            "use pending, changed, a question or a student."
        )

    def wanted(submission: Submission, question: Question) -> bool:
        if only in known:
            return question.name == only
        if only in students:
            return submission.student == only
        current = held.get((submission.student, question.name))
        if current is None:
            return only != "pending"
        is_changed = (
            current.submission_sha256 != submission.sha256
            or current.question_sha256 != question.sha256
            or current.seed != seed
            or current.limits != limits
        )
        waits = current.status is Status.PENDING and question.requires == "cuda" and has_cuda
        match only:
            case "pending":
                return waits
            case "changed":
                return is_changed
        return is_changed or waits or current.status is Status.UNGRADED

    tasks = []
    for submission in submissions:
        names = tuple(q.name for q in assignment.questions if wanted(submission, q))
        if names:
            tasks.append(Task(submission, names))
    return tasks


def by_risk(tasks: list[Task], held: dict[tuple[str, str], Current]) -> list[Task]:
    """Return tasks with those first that took longest last time.

    A notebook that runs into its limits takes minutes; begun last, it would keep everybody waiting
    with all other processes idle. Nothing is known of a new notebook, so the class's order remains.
    """

    def seconds(task: Task) -> float:
        known = (held.get((task.submission.student, name)) for name in task.questions)
        return max((item.seconds for item in known if item is not None), default=0.0)

    return sorted(tasks, key=seconds, reverse=True)


def by_kind(tasks: list[Task], assignment: Assignment, *, has_cuda: bool) -> dict[Kind, list[Task]]:
    """Split each task by what its questions need; without a GPU there, those stay pending."""

    def kind(question: Question) -> Kind:
        needs_gpu = question.requires == "cuda"
        if needs_gpu and not has_cuda:
            return Kind()
        return Kind("cuda" if needs_gpu else "cpu", question.alone)

    kinds = {question.name: kind(question) for question in assignment.questions}
    groups: dict[Kind, list[Task]] = {}
    for wanted in (Kind(device, alone) for alone in (False, True) for device in ("cpu", "cuda")):
        parts = (
            Task(task.submission, tuple(q for q in task.questions if kinds[q] == wanted))
            for task in tasks
        )
        if found := [item for item in parts if item.questions]:
            groups[wanted] = found
    return groups
