"""One grader process of a batch: it loads an assignment and warms a worker once, then judges.

Its functions are plain and take plain values, so that a local pool and Dask call them alike.
"""

import atexit
import faulthandler
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from grader import wording
from grader.batch import memory
from grader.batch.messages import Facts, Judged, ProcessSettings
from grader.batch.warm_up import Ready, warm_up
from grader.errors import (
    AssignmentError,
    GraderError,
    IsolationError,
    ProcessStartError,
    UsageError,
    WorkerError,
)
from grader.grading import outcomes, own_time
from grader.grading.control import judge_reference, settle
from grader.grading.second_look import Look
from grader.model import Assignment, Limits, Question, Status, Submission
from grader.reports import Control, QuestionReport, Report
from grader.sandbox.inside.usage import below
from grader.sandbox.patience import WALL

if TYPE_CHECKING:
    from grader.grading.judge import Engine, Request

ATTEMPTS = 2
HEALTH_SECONDS = 30.0

_ready: Ready | None = None
# A Dask worker may have several threads; a grader process judges one submission at a time.
_turn = threading.RLock()


def start(settings: ProcessSettings) -> Facts:
    """Start this grader process, if it is not started, and say what it found."""
    with _turn:
        return _start(settings).facts


def engine(settings: ProcessSettings) -> "Engine":
    """Return what this process judges with, for a caller that judges no class's submissions."""
    with _turn:
        return _start(settings).engine


def _start(settings: ProcessSettings) -> Ready:
    """Start this process; ProcessStartError where that fails for a reason of this process's own."""
    global _ready  # noqa: PLW0603 - this module's state is the process's
    if _ready is None or _ready.settings != settings:
        close()
        if _ready is None:
            atexit.register(close)  # where it shares a process that lives on, as in Dask
        try:
            _ready = warm_up(settings)
        except (AssignmentError, UsageError):
            raise  # no other grader process would fare better
        except GraderError as problem:
            raise ProcessStartError(problem) from problem
        except OSError as problem:
            reason = f"A grader process could not start: {problem}; run the same command again."
            raise ProcessStartError(WorkerError(reason)) from problem
    return _ready


def grade_one(
    settings: ProcessSettings,
    submission: Submission,
    questions: tuple[str, ...],
    controlled: frozenset[str] = frozenset(),
    of_batch: tuple[str, ...] = (),
    *,
    look: Look = Look.LAST,
) -> Judged:
    """Judge some questions of one submission; a fault of ours leaves them `ungraded`.

    A worker that was lost is replaced, and the submission judged once more; where that is lost as
    well, and the reference loses none, the answer is to blame. `controlled` names
    the places whose control somebody has or will have; elsewhere this process judges the reference,
    on all questions `of_batch`, since other submissions may be asked others. After a first `look`
    the report names questions in doubt, which are to be judged once more with nothing beside them.
    GraderError where this grader process cannot judge anything.
    """
    with _turn:
        report, place, has_lost_all = _judged_with_new_workers(
            settings, submission, questions, look
        )
        if has_lost_all:
            found = control(settings, questions)
            report = settle(_lost_with_workers(settings, report), found)
        known = place in controlled or not any(item.cases for item in report.questions)
        return Judged(report, place, None if known else control(settings, of_batch or questions))


def _judged_with_new_workers(
    settings: ProcessSettings,
    submission: Submission,
    questions: tuple[str, ...],
    look: Look = Look.LAST,
) -> tuple[Report, str, bool]:
    """Return a report, where it was made, and whether each attempt at it lost its worker."""
    for _ in range(ATTEMPTS):
        ready = _start(settings)
        with _watchdog(settings.limits):
            report = _judge(ready, submission, questions, look)
        if not any(item.status is Status.UNGRADED for item in report.questions):
            return report, ready.facts.place, False
        _leave_a_broken_device()
        if _is_healthy(ready):
            return report, ready.facts.place, False
        close()
    return report, ready.facts.place, True


def _lost_with_workers(settings: ProcessSettings, report: Report) -> Report:
    """Return a report in which what could not be judged was ended by the answer."""
    assignment = _start(settings).engine.assignment
    return replace(
        report,
        questions=tuple(
            _lost_with_worker(assignment.question(item.name), item)
            if item.status is Status.UNGRADED
            else item
            for item in report.questions
        ),
    )


def _lost_with_worker(question: Question, item: QuestionReport) -> QuestionReport:
    found = {case.name: case for case in item.cases if case.status is not Status.UNGRADED}
    lost = [
        outcomes.lost(case, Status.KILLED, wording.ENDED_THE_WORKER)
        for case in question.cases
        if case.name not in found
    ]
    cases = found | {outcome.name: outcome for outcome in lost}
    ordered = [cases[case.name] for case in question.cases]
    return QuestionReport.judged(question, ordered, all_or_nothing=False, note=item.note)


def control(settings: ProcessSettings, questions: tuple[str, ...]) -> Control:
    """Return what the reference comes to here on some questions, judged once by this process."""
    with _turn:
        ready = _start(settings)
        if questions not in ready.controls:
            ready.controls[questions] = judge_reference(
                ready.engine.assignment,
                questions,
                lambda submission, names: _grade_reference(settings, submission, names),
                ready.facts,
            )
        return ready.controls[questions]


def _grade_reference(
    settings: ProcessSettings, submission: Submission, questions: list[str]
) -> Report:
    return _judged_with_new_workers(settings, submission, tuple(questions))[0]


@contextmanager
def _watchdog(limits: Limits) -> Iterator[None]:
    """End this process if judging hangs where no limit holds, as in a hidden test's own loop."""
    seconds = 2 * WALL * limits.submission_seconds + 120
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        with own_time.bounded(limits):
            yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def judge(settings: ProcessSettings, request: "Request") -> Report:
    """Judge in this process, which takes no more of the machine's memory than a part of it."""
    from grader.grading import judge as judging

    with _turn:
        ready = _start(settings)
        room = memory.room(request.limits or settings.limits)
        most = ready.addresses + room
        on_gpu = ready.engine.judges_on_gpu
        with memory.watched(room) if on_gpu else memory.bounded(most):
            return judging.judge(request, ready.engine)


def judge_once_more(settings: ProcessSettings, request: "Request") -> Report:
    """Judge with nothing beside it, and what is in doubt then once more before it costs a point."""
    report = judge(settings, replace(request, look=Look.ALONE))
    if not report.in_doubt:
        return report
    again = replace(request, only=report.in_doubt, look=Look.LAST)
    return joined(report, [judge(settings, again)])


def joined(report: Report, others: Iterable[Report]) -> Report:
    """Return a report with what others say of some of its questions, or of further ones."""
    questions = {item.name: item for item in report.questions}
    for other in others:
        questions |= {item.name: item for item in other.questions}
        report = replace(report, seconds=report.seconds + other.seconds)
    return replace(report, questions=tuple(questions.values()))


def is_spent() -> bool:
    """Say whether this process has kept so much of what it judged that another should go on."""
    if _ready is None or not _ready.addresses:
        return False
    most = _ready.addresses + memory.KEPT
    if memory.addresses() > most:
        gc.collect()
    return memory.addresses() > most


def _judge(ready: Ready, submission: Submission, questions: tuple[str, ...], look: Look) -> Report:
    from grader.grading.judge import Request

    limits = ready.settings.limits
    try:
        return judge(ready.settings, Request(submission, limits=limits, only=questions, look=look))
    except IsolationError:
        raise
    except GraderError as problem:
        reason = str(problem)
    except Exception as problem:  # noqa: BLE001 - whatever it is, it is not the student's fault
        reason = f"{type(problem).__name__} while judging: {problem}"
    return ungraded(
        ready.settings,
        ready.engine.assignment,
        submission,
        questions,
        facts=ready.facts,
        reason=reason,
    )


def _is_healthy(ready: Ready) -> bool:
    """Say whether every worker still takes a submission."""
    deadline = time.monotonic() + HEALTH_SECONDS
    try:
        for worker in set(ready.engine.workers.values()):
            worker.session(ready.settings.limits, deadline=deadline).close()
    except GraderError:
        return False
    return True


def _leave_a_broken_device() -> None:
    """End this process if its own CUDA context is lost: nothing but a new process gets another."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        try:
            torch.cuda.synchronize()
        except RuntimeError:
            finish(at_once=True)
            os._exit(1)


def ungraded(
    settings: ProcessSettings,
    assignment: Assignment,
    submission: Submission,
    questions: tuple[str, ...],
    *,
    facts: Facts,
    reason: str,
) -> Report:
    """Return a report that says for each question that the machine or the staff is at fault."""
    return Report.of(
        submission,
        [QuestionReport.ungraded(assignment.question(name), reason) for name in questions],
        seed=settings.seed,
        assignment_sha256=assignment.sha256,
        isolation=facts.isolation,
        environment=facts.environment,
        limits=settings.limits,
    )


def close() -> None:
    """Stop this process's workers and remove its temporary files; it can be started again."""
    global _ready  # noqa: PLW0603 - this module's state is the process's
    with _turn:
        if _ready is not None:
            for worker in set(_ready.engine.workers.values()):
                worker.close()
            _ready.scratch.remove()
            _ready = None


def finish(at_once: bool) -> None:
    """Tidy up before this process ends; at once: while another thread may still be judging."""
    if not at_once:
        close()
        return
    # A worker ends with this process, but one that is still starting would first lay out its
    # folder again, wherever that has gone meanwhile.
    with suppress(OSError):
        for pid in below(os.getpid()):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
    if _ready is not None:
        _ready.scratch.remove()
