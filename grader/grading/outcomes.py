"""How each case of a question can end, as a constructor with a name.

What a student reads of it comes from `grader.wording`; what staff read is given here.
"""

from collections.abc import Sequence
from dataclasses import replace

from grader import wording
from grader.model import Status, TestCase
from grader.reports import Outcome

MAX_MESSAGE = 2_000


def passed(case: TestCase, seconds: float = 0.0, *, staff: str = "") -> Outcome:
    """Return the outcome of a case that has earned its points."""
    said = case.success_message
    told = "" if case.tells_staff_only else said
    found = replace(
        _of(case, Status.PASSED),
        score=case.points,
        seconds=seconds,
        message=told,
        remark=told if case.hidden else "",
        staff_message=_after(said, staff) if case.tells_staff_only else staff,
    )
    return _worded(found)


def pending(case: TestCase, reason: str) -> Outcome:
    """Return the outcome of a case that was not judged; `reason` is for staff."""
    return _worded(replace(_of(case, Status.PENDING), staff_message=reason))


def lost(
    case: TestCase,
    status: Status,
    text: str,
    *,
    staff: str = "",
    seconds: float = 0.0,
    cause: str = "",
) -> Outcome:
    """Return the outcome of a case that the answer did not pass.

    text: what the student reads where the case is public. staff: what staff read, by default the
    same. cause: what went wrong before any test ran.
    """
    told = case.failure_message
    message, said = _after(told, text)[:MAX_MESSAGE], _after(told, staff or text)[:MAX_MESSAGE]
    remark = told if case.hidden and not case.tells_staff_only else ""
    found = replace(_of(case, status), cause=cause, remark=remark)
    return _worded(replace(found, message=message, staff_message=said, seconds=seconds))


def hinted(outcome: Outcome, hint: str) -> Outcome:
    """Return an outcome with what its test says of the failure, for a hidden case."""
    return _worded(replace(outcome, hint=hint)) if outcome.hidden and hint else outcome


def ungraded(case: TestCase, reason: str) -> Outcome:
    """Return the outcome of a case that a fault of staff or of the machine kept from judging."""
    return _worded(replace(_of(case, Status.UNGRADED), staff_message=reason))


def withdrawn(outcome: Outcome, reason: str) -> Outcome:
    """Return an outcome that does not count, through a fault of staff or of the machine."""
    return _worded(replace(outcome, status=Status.UNGRADED, score=0.0, staff_message=reason))


def said_before(case: TestCase, outcome: Outcome, first: Outcome) -> Outcome:
    """Return the outcome of a public case in the words of a time when nothing hidden was asked."""
    if first.status in {Status.PASSED, Status.UNGRADED, Status.PENDING}:
        text, status = _after(case.failure_message, wording.ONLY_AFTER_OTHERS), Status.FAILED
    else:
        text, status = first.message, first.status
    return _worded(replace(outcome, status=status, message=text, cause=first.cause))


def stopped(cases: Sequence[TestCase], status: Status, reason: str) -> list[Outcome]:
    """Return the outcomes of the case in which a child ended, and of those that it still owed."""
    first, *rest = cases
    return [
        lost(first, status, wording.stopped(status, reason), staff=reason),
        *(after_a_stop(case, status, reason) for case in rest),
    ]


def after_a_stop(case: TestCase, status: Status, reason: str) -> Outcome:
    """Return the outcome of a case that was not run, since others of its question were stopped."""
    return lost(case, status, wording.AFTER_A_STOP, staff=reason)


def _after(first: str, text: str) -> str:
    return "\n".join(part for part in (first, text) if part)


def _of(case: TestCase, status: Status) -> Outcome:
    promise = case.promise if case.hidden else ""
    return Outcome(case.name, case.hidden, status, 0.0, case.points, promise=promise)


def _worded(outcome: Outcome) -> Outcome:
    told = wording.told(outcome).text
    return outcome if told == outcome.message else replace(outcome, message=told)
