"""Judge many variants of one assignment in warm lanes: what verifying spends its time on."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from grader.batch import process as lane
from grader.errors import WorkerError
from grader.model import (
    Limits,
    Outcome,
    Report,
    Status,
    Submission,
)

HALF_OF_A_LINE = 150


@dataclass(frozen=True, slots=True)
class Trial:
    """One notebook to be judged: which questions, under which seed, how patiently."""

    name: str
    content: bytes
    questions: tuple[str, ...]
    seed: int = 0
    until_loss: bool = False
    limits: Limits | None = None


def run_trial(settings: lane.LaneSettings, trial: Trial) -> Report:
    """Judge one trial in this lane."""
    from grader.grading.judge import Request, judge

    engine = lane.engine(settings)
    engine.suite.seed = trial.seed  # the seed is all that changes: the warm worker is kept
    digest = hashlib.sha256(trial.content).hexdigest()
    submission = Submission(trial.name, f"{trial.name}.ipynb", trial.content, digest)
    limits = trial.limits or settings.limits
    request = Request(submission, limits, trial.questions, trial.until_loss)
    return judge(request, engine)


class Jury:
    """A pool of lanes, and who is told after each of its verdicts."""

    def __init__(
        self,
        settings: lane.LaneSettings,
        executor: Executor,
        on_trial: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> None:
        self.settings = settings
        self._executor = executor
        self._on_trial = on_trial

    def judge(self, trials: Iterable[Trial]) -> list[Report]:
        """Return the reports in the order of the trials; WorkerError where a lane is lost."""
        trials = list(trials)
        futures = {
            self._executor.submit(run_trial, self.settings, trial): number
            for number, trial in enumerate(trials)
        }
        reports: dict[int, Report] = {}
        for future in as_completed(futures):
            number = futures[future]
            try:
                reports[number] = future.result()
            except BrokenProcessPool as problem:
                raise WorkerError(
                    f"The process that judged {trials[number].name} or one beside it ended; "
                    "run the same command again with --jobs 1 to see which."
                ) from problem
            self._on_trial(len(reports), len(trials))
        return [reports[number] for number in range(len(trials))]


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
