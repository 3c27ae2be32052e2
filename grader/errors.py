"""The faults of staff and machines; a student's fault is an `Outcome`, never an exception here."""


class GraderError(Exception):
    """One sentence that says what is wrong with what, and the next step."""

    exit_status = 2


class UsageError(GraderError):
    """An argument, a path or a folder that cannot be used as it is."""


class AssignmentError(GraderError):
    """An assignment's files contradict the design; names the file and, where known, the line."""


class CannotJudgeError(GraderError):
    """What was asked cannot be judged here, through no fault of the student; a test may raise it.

    The sentence is for staff: it says what could not be judged and what to do about it.
    """

    exit_status = 1


class MachineFaultError(CannotJudgeError):
    """What judges has failed itself, however often it was tried; nobody loses by it."""


class IsolationError(GraderError):
    """The machine cannot isolate student code; names the failing probe and the fix."""

    exit_status = 3


class WorkerError(GraderError):
    """The sandbox's own process failed; never held against a student."""

    exit_status = 1


class ProcessStartError(WorkerError):
    """A grader process could not start for a reason of its own; others may still judge."""

    def __init__(self, cause: GraderError) -> None:
        super().__init__(cause)
        self.cause = cause

    def __str__(self) -> str:
        return str(self.cause)


class ProcessLostError(WorkerError):
    """A grader process ended with a task in hand; what the task was may be worth another try."""


class StoreError(GraderError):
    """The grade store cannot be read or written; what it already holds is untouched."""

    exit_status = 1


class StoppedError(GraderError):
    """A person or a scheduler stopped the work; what was graded is kept."""

    exit_status = 130
