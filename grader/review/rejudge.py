"""One question of one submission, judged again as a class is: sandbox, control and all."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.batch.messages import ProcessSettings
from grader.batch.run import Batch
from grader.gradebook.outputs import STORE_NAME
from grader.gradebook.store import Store
from grader.gradebook.terms import Terms
from grader.model import Assignment, Submission
from grader.reports import QuestionReport, Report


@dataclass(frozen=True, slots=True)
class Where:
    """How student code is kept apart, and how its class was graded."""

    isolation: str
    terms: Terms


@dataclass(frozen=True, slots=True)
class Judged:
    """What one seed came to."""

    seed: int
    report: Report  # on the one question

    @property
    def question(self) -> QuestionReport:
        return self.report.questions[0]


def rejudge(
    assignment: Assignment,
    submission: Submission,
    question: str,
    seeds: Sequence[int],
    where: Where,
) -> tuple[Judged, ...]:
    """Judge under each seed, and keep nothing; GraderError where that cannot be done here.

    assignment: with the terms of its class applied.
    """
    found = []
    for seed in seeds:
        reports: list[Report] = []
        settings = ProcessSettings.of_class(assignment, where.terms, seed, where.isolation)
        with (
            tempfile.TemporaryDirectory(prefix="grader-review-") as folder,
            Store(Path(folder) / STORE_NAME) as store,
        ):
            store.bind(assignment, seed)
            batch = Batch(settings, assignment, store, on_report=reports.append)
            batch.run([submission], jobs=1, only=question)
        found += [Judged(seed, report) for report in reports]
    return tuple(found)
