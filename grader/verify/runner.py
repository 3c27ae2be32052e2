"""Judge many variants of one assignment in warm processes: what verifying spends its time on."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from typing import TypeVar

from grader.batch import process
from grader.batch.messages import ProcessSettings
from grader.errors import ProcessLostError, WorkerError
from grader.model import Limits, Status, Submission
from grader.reports import Outcome, Report

HALF_OF_A_LINE = 150
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One notebook to be judged: which questions, which of their cases, how patiently."""

    name: str
    content: bytes
    questions: tuple[str, ...]
    cases: frozenset[str] | None = None  # all of them
    seed: int = 0
    until_loss: bool = False
    limits: Limits | None = None


def judge_candidate(settings: ProcessSettings, candidate: Candidate) -> Report:
    """Judge one candidate in this grader process."""
    from grader.grading.judge import Request

    engine = process.engine(settings)
    engine.suite.seed = candidate.seed  # the seed is all that changes: the warm worker is kept
    digest = hashlib.sha256(candidate.content).hexdigest()
    submission = Submission(candidate.name, f"{candidate.name}.ipynb", candidate.content, digest)
    limits = candidate.limits or settings.limits
    request = Request(
        submission, limits, candidate.questions, candidate.cases, candidate.until_loss
    )
    return process.judge(settings, request)


class Runner:
    """Has candidates judged by a pool of grader processes, and tells of each that is done."""

    def __init__(
        self,
        settings: ProcessSettings,
        executor: Executor,
        on_judged: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> None:
        self.settings = settings
        self._executor = executor
        self._on_judged = on_judged

    def judge(self, candidates: Iterable[Candidate]) -> list[Report]:
        """Return the reports in the order given; WorkerError names whose process was lost."""
        candidates = list(candidates)
        futures = {
            self._executor.submit(judge_candidate, self.settings, candidate): number
            for number, candidate in enumerate(candidates)
        }
        reports: dict[int, Report] = {}
        for future in as_completed(futures):
            number = futures[future]
            try:
                reports[number] = future.result()
            except ProcessLostError as problem:
                raise WorkerError(
                    f"The process that judged {candidates[number].name} ended by itself; look at "
                    "what that solution does to the grader, then run the same command again."
                ) from problem
            self._on_judged(len(reports), len(candidates))
        return [reports[number] for number in range(len(candidates))]

    def ask(self, question: Callable[[ProcessSettings], Answer]) -> Answer:
        """Return what a function says in a grader process of the pool."""
        return self._executor.submit(question, self.settings).result()


def outcomes(report: Report) -> Iterator[tuple[str, Outcome]]:
    """Yield each outcome of a report with its question."""
    for question in report.questions:
        for outcome in question.cases:
            yield question.name, outcome


def losses(report: Report) -> list[tuple[str, Outcome]]:
    """Return what did not pass and does not wait for a GPU or a person."""
    fine = {Status.PASSED, Status.PENDING}
    return [(name, outcome) for name, outcome in outcomes(report) if outcome.status not in fine]


def lost_questions(report: Report) -> set[str]:
    """Return the questions that lost points."""
    return {name for name, _ in losses(report)}


def ungraded(report: Report) -> list[str]:
    """Return what could not be judged, in words; the fault lies with a test or the machine."""
    found = [
        f"{name}, {outcome.name!r}: {outcome.staff_message}"
        for name, outcome in outcomes(report)
        if outcome.status is Status.UNGRADED
    ]
    found.extend(
        f"{item.name}: {item.note}"
        for item in report.questions
        if item.status is Status.UNGRADED and not item.cases
    )
    return found


def describe(question: str, outcome: Outcome) -> str:
    """Return one line on one loss, for staff: how what was recorded of it begins and ends."""
    said = " ".join((outcome.staff_message or outcome.message).split())
    if len(said) > 2 * HALF_OF_A_LINE:
        said = f"{said[:HALF_OF_A_LINE]} […] {said[-HALF_OF_A_LINE:]}"
    return f"{question}, {outcome.name!r} {outcome.status}: {said}"
