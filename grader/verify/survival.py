"""Which mutants the tests notice, and which hidden case is the only one to notice something."""

from dataclasses import dataclass, replace

from grader.course import notebooks
from grader.model import Assignment, Limits
from grader.reports import Report

from .agreement import stub_names
from .allowances import Allowances
from .gates import Findings, KillRate
from .mutants import Mutant
from .runner import (
    Candidate,
    Runner,
    losses,
    ungraded,
)

GOAL = 0.98
# A mutant that loops is noticed by its slowness; the reference's own time decides what is slow.
PATIENCE = 6.0
LEAST_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Kill:
    """How one mutant fared: the case that noticed it first, or None for none."""

    mutant: Mutant
    question: str | None
    case: str | None


def candidates_of(
    assignment: Assignment, mutants: list[Mutant], reference: Report, *, until_loss: bool
) -> list[Candidate]:
    """Return what judges each mutant: the questions that its change can reach."""
    # A mutant is a whole reference, so it fills the stubs themselves.
    base = notebooks.essential(assignment.notebook.read_bytes(), stub_names(assignment))
    seconds = {
        question.name: sum(case.seconds for case in question.cases)
        for question in reference.questions
    }
    candidates = []
    for number, mutant in enumerate(mutants, 1):
        needed = sum(seconds.get(name, 0.0) for name in mutant.questions)
        limits = _patience(assignment.limits, max(LEAST_SECONDS, PATIENCE * needed))
        content = notebooks.fill(base, mutant.source, stub_names(assignment), mutant.operator)
        name = f"mutant-{number}"
        candidates.append(
            Candidate(name, content, mutant.questions, until_loss=until_loss, limits=limits)
        )
    return candidates


def _patience(limits: Limits, seconds: float) -> Limits:
    return replace(
        limits,
        cell_seconds=min(limits.cell_seconds, seconds),
        call_seconds=min(limits.call_seconds, seconds),
        submission_seconds=min(limits.submission_seconds, seconds),
    )


def kill(
    assignment: Assignment,
    runner: Runner,
    mutants: list[Mutant],
    reference: Report,
    findings: Findings,
) -> list[Kill]:
    """Judge every mutant until something is lost."""
    reports = runner.judge(candidates_of(assignment, mutants, reference, until_loss=True))
    kills = []
    for mutant, report in zip(mutants, reports, strict=True):
        findings.problems.extend(
            f"{mutant.describe()}\n  cannot be judged: {text}" for text in ungraded(report)
        )
        lost = losses(report)
        question, case = (lost[0][0], lost[0][1].name) if lost else (None, None)
        kills.append(Kill(mutant, question, case))
    return kills


def summarise(
    kills: list[Kill], allowed: Allowances, findings: Findings, *, complete: bool = True
) -> tuple[str, list[KillRate]]:
    """Count the kills a question; name each survivor that nobody has explained."""
    counts: dict[str, list[int]] = {}
    unused = set(allowed.survivors)
    for item in kills:
        mutant = item.mutant
        tally = counts.setdefault(mutant.question, [0, 0, 0])
        if item.question is not None:
            tally[0] += 1
            continue
        named = [
            entry
            for entry in allowed.survivors
            if entry.matches(mutant.function, mutant.before, mutant.after)
        ]
        unused -= set(named)
        if any(entry.is_equivalent for entry in named):
            tally[2] += 1
            continue
        tally[1] += 1
        if not named:
            findings.problems.append(f"survives: {mutant.describe()}")
    rates = [KillRate(name, *tally) for name, tally in sorted(counts.items())]
    together = KillRate("together", *(sum(column) for column in zip(*counts.values(), strict=True)))
    if complete and together.rate < GOAL:  # a sample may hold every survivor that is accepted
        findings.problems.append(f"the kill rate is {together.rate:.1%}; the goal is {GOAL:.0%}")
    findings.notes.extend(_line(rate) for rate in rates)
    if complete:
        findings.problems.extend(
            f"verify.toml explains a survivor of {entry.function} that is none: {entry.before} "
            f"→ {entry.after}; delete the entry"
            for entry in sorted(unused, key=repr)
        )
    return _line(together), [*rates, together]


def _line(rate: KillRate) -> str:
    judged = rate.killed + rate.survived
    return (
        f"{rate.question}: {rate.rate:.1%}, {rate.killed} of {judged} mutants killed, "
        f"{rate.equivalent} more are equivalent"
    )


def each_is_needed(
    assignment: Assignment,
    runner: Runner,
    kills: list[Kill],
    findings: Findings,
    *,
    wrong: list[Report],
    reference: Report,
) -> str:
    """Look for hidden cases that could be deleted without a wrong answer passing.

    A case is needed where it alone costs a wrong solution a question, or alone kills a mutant. It
    kills alone only where no case before it did, so the mutants that it killed first are enough.
    """
    needed: dict[tuple[str, str], str] = {}
    for report in wrong:
        by_question: dict[str, list[str]] = {}
        for question, outcome in losses(report):
            by_question.setdefault(question, []).append(outcome.name)
        for question, cases in by_question.items():
            if len(cases) == 1:
                needed.setdefault((question, cases[0]), report.student)
    hidden = [
        (question.name, case.name)
        for question in assignment.questions
        if question.kind == "code" and question.requires is None
        for case in question.cases
        if case.hidden
    ]
    open_cases = {item for item in hidden if item not in needed}
    suspects = [item.mutant for item in kills if (item.question, item.case) in open_cases]
    reports = runner.judge(candidates_of(assignment, suspects, reference, until_loss=False))
    for mutant, report in zip(suspects, reports, strict=True):
        lost = {(question, outcome.name) for question, outcome in losses(report)}
        if len(lost) == 1:
            needed.setdefault(lost.pop(), mutant.describe())
    findings.problems.extend(
        f"{question}, {case!r} can be deleted: it alone catches no wrong solution and no mutant"
        for question, case in hidden
        if (question, case) not in needed
    )
    return f"{sum(item in needed for item in hidden)} of {len(hidden)} hidden cases are needed"
