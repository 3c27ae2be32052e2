"""What holds for each question, from everything on record: pure functions over the store's rows.

What holds is the newest attempt at what the student handed in last. An attempt that decided
nothing, because a GPU or the machine failed, never takes the place of one that did for the same
notebook, tests, seed and limits. A person's score on top of it wins.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from grader.model import Environment, Isolation, IsolationLevel, Limits, Question, Status
from grader.reports import QuestionReport, Report

UNDECIDED = frozenset({Status.PENDING, Status.UNGRADED})
NOT_JUDGED = Isolation(IsolationLevel.NOT_JUDGED)
NOWHERE = Environment("", "", "")


@dataclass(frozen=True, slots=True)
class Change:
    """How what holds for one student's question differs from what held before, and why."""

    student: str
    question: str
    before: float
    after: float
    status_before: str
    status_after: str
    why: str = ""
    made: str = ""  # ISO 8601


@dataclass(frozen=True, slots=True)
class Result:
    """One attempt at one question."""

    attempt: int
    sha256: str
    question_sha256: str
    seed: int
    status: Status
    score: float
    seconds: float
    finished: str
    limits: Limits = field(default_factory=Limits)

    @property
    def basis(self) -> tuple[str, str, int, Limits]:
        return self.sha256, self.question_sha256, self.seed, self.limits

    def follows(self, before: "Result | None") -> bool:
        """Say whether this holds once it is there, instead of what held before it."""
        return before is None or not (
            self.status in UNDECIDED
            and before.status not in UNDECIDED
            and self.basis == before.basis
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is common to the questions that one attempt judged."""

    assignment_sha256: str
    seed: int
    isolation: Isolation
    environment: Environment
    error: str | None
    seconds: float
    phases: dict[str, float]
    limits: Limits


@dataclass(frozen=True, slots=True)
class Override:
    """The last word of a person on one student's question; no score where it was taken back."""

    sha256: str
    score: float | None
    who: str
    why: str
    made: str


Key = tuple[str, str]  # student and question


def held(results: Iterable[tuple[Key, Result, bool]]) -> dict[Key, Result]:
    """Return what holds; results come oldest first, each with whether its notebook is the last."""
    found: dict[Key, Result] = {}
    for key, result, is_of_last_notebook in results:
        if is_of_last_notebook and result.follows(found.get(key)):
            found[key] = result
    return found


def changes(
    results: Iterable[tuple[Key, Result, bool]], overrides: dict[Key, Override]
) -> list[Change]:
    """Return for each question what its last regrading or override changed, oldest first."""
    history: dict[Key, list[Result]] = {}
    for key, result, _ in results:
        line = history.setdefault(key, [])
        if result.follows(line[-1] if line else None):
            line.append(result)
    found = [
        Change(*key, old.score, new.score, old.status, new.status, _why(old, new), new.finished)
        for key, (*_, old, new) in (item for item in history.items() if len(item[1]) > 1)
        if (old.score, old.status) != (new.score, new.status)
    ]
    for key, item in overrides.items():
        line = history.get(key, [])
        if item.score is not None and line and line[-1].sha256 == item.sha256:
            old = line[-1]
            reason = f"by {item.who}: {item.why}"
            found.append(
                Change(*key, old.score, item.score, old.status, "overridden", reason, item.made)
            )
    return sorted(found, key=lambda change: (change.made, change.student, change.question))


def weakest(levels: Iterable[Isolation]) -> Isolation:
    """Return the weakest of some isolations: one question judged without any taints a report."""
    order, found = list(IsolationLevel), tuple(levels)
    weak = max(found, key=lambda item: order.index(item.level), default=NOT_JUDGED)
    return replace(weak, network=any(item.network for item in found))


def class_environment(reports: list[Report]) -> tuple[Isolation, Environment]:
    """Return the isolation and environment of a class: the weakest level, the last environment."""
    judged = [report for report in reports if report.isolation != NOT_JUDGED]
    environment = judged[-1].environment if judged else NOWHERE
    return weakest(report.isolation for report in judged), environment


def report(row: tuple[Any, ...], items: list[QuestionReport], used: list[Attempt]) -> Report:
    """Return a student's report from the attempts that its questions come from, oldest first."""
    student, path, sha256, received, late, members, identity = row
    newest = used[-1] if used else None
    phases: dict[str, float] = {}
    for attempt in used:
        for name, seconds in attempt.phases.items():
            phases[name] = phases.get(name, 0.0) + seconds
    return Report(
        student=student,
        path=path,
        sha256=sha256,
        questions=tuple(items),
        seed=newest.seed if newest else 0,
        assignment_sha256=newest.assignment_sha256 if newest else "",
        isolation=weakest(attempt.isolation for attempt in used),
        environment=newest.environment if newest else NOWHERE,
        seconds=sum(attempt.seconds for attempt in used),
        error=newest.error if newest else None,
        received=received,
        late=bool(late),
        members=tuple(msgspec.json.decode(members, type=list[str])),
        phases=phases,
        limits=newest.limits if newest else Limits(),
        identity=identity,
    )


def absent(question: Question) -> QuestionReport:
    return QuestionReport(
        question.name, Status.UNGRADED, 0.0, question.points, 0.0, note="not graded yet"
    )


def noted(item: QuestionReport, note: str) -> QuestionReport:
    return replace(item, note="; ".join(part for part in (item.note, note) if part))


def overridden(item: QuestionReport, override: Override | None, sha256: str) -> QuestionReport:
    if override is None or override.score is None:
        return item
    score, who, why = override.score, override.who, override.why
    if override.sha256 != sha256:
        return noted(item, f"{who} had set an earlier notebook's score to {score:g}: {why}")
    status = Status.PASSED if score >= item.max_score else Status.FAILED
    settled = replace(item, status=status, score=score, pending=0.0)
    return noted(settled, f"set to {score:g} by {who}: {why}")


def _why(old: Result, new: Result) -> str:
    if old.sha256 != new.sha256:
        return "another notebook was handed in"
    if old.question_sha256 != new.question_sha256:
        return "its tests were changed"
    if old.seed != new.seed:
        return "another seed"
    if old.limits != new.limits:
        return "other limits"
    return "was not decided before" if old.status in UNDECIDED else "judged again"
