"""Grade the grader before the students are: gates from cheap to dear, each one line."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from grader import machine
from grader.batch.messages import ProcessSettings
from grader.batch.pool import local_pool
from grader.course import notebooks
from grader.grading.control import solved
from grader.model import Assignment
from grader.reports import Report

from . import (
    agreement,
    allowances,
    attackers,
    leaks,
    mutants,
    plain,
    promises,
    rewrites,
    rubric,
    scores,
    survival,
    texts,
)
from .gates import (
    Findings,
    Gate,
    KillRate,
    Run,
    Verification,
)
from .runner import (
    Candidate,
    Runner,
    describe,
    losses,
)

__all__ = ["Gate", "KillRate", "Settings", "Verification", "verify"]

PATIENCE = 4
QUICK_EVERY = 8  # a quick run judges one mutant in so many


@dataclass(frozen=True, slots=True)
class Settings:
    """How thorough a verification is, and where it runs."""

    jobs: int = 0  # 0: one a core
    isolation: str = "auto"
    quick: bool = False
    every_seed: bool = False  # each right solution under each of `alarm_seeds`
    seeds: int = 10
    alarm_seeds: int = 50

    @property
    def processes(self) -> int:
        return self.jobs or machine.usable_cores()


def verify(
    assignment: Assignment,
    settings: Settings | None = None,
    *,
    on_gate: Callable[[Gate], None] = lambda _gate: None,
    on_judged: Callable[[int, int], None] = lambda _done, _total: None,
) -> Verification:
    """Try every gate; where the reference itself fails, nothing that builds on it is tried."""
    settings = settings or Settings()
    run = Run(assignment, on_gate)
    allowed = allowances.read(assignment)
    run.gate("stubs", lambda found: agreement.stubs_agree(assignment, found))
    run.gate("notebook", lambda found: agreement.notebook_is_clean(assignment, found))
    run.gate("points", lambda found: agreement.points_add_up(assignment, found))
    run.gate("rubric", lambda found: rubric.is_usable(assignment, found))
    run.gate("promises", lambda found: promises.are_stated(assignment, found))
    run.gate("leaks", lambda found: no_leaks(assignment, allowed, found))
    table = tuple(agreement.points_table(assignment))
    of_process = ProcessSettings(
        str(assignment.folder), 0, assignment.limits, settings.isolation, device="auto"
    )
    with local_pool(settings.processes) as executor:
        runner = Runner(of_process, executor, on_judged)
        reference = _judge_solutions(run, runner)
        if reference is None:
            return Verification(tuple(run.gates), (), table, not settings.quick)
        wrong, reports = _judge_wrong(run, runner)
        _judge_seeds(run, runner, settings, [*zip(wrong, reports, strict=True)], reference)
        run.gate("jupyter", lambda found: plain.runs_in_jupyter(assignment, found))
        run.gate("alarms", lambda found: no_false_alarms(assignment, runner, settings, found))
        rates = _judge_mutants(run, runner, settings, reference=reference, wrong=reports)
    return Verification(tuple(run.gates), tuple(rates), table, not settings.quick)


def no_leaks(assignment: Assignment, allowed: allowances.Allowances, findings: Findings) -> str:
    """Search the assignment's folder for what only staff may know."""
    secrets = leaks.secrets_of(assignment, allowed)
    places = list(texts.of_folder(assignment.folder))
    findings.problems.extend(str(leak) for leak in leaks.search(places, secrets))
    findings.notes.extend(
        f"{name} is hidden, so it is left out of what is handed out; move it if it belongs to it"
        for name in _hidden_entries(assignment.folder)
    )
    count = len(secrets.lines) + len(secrets.names) + len(secrets.numbers)
    return f"none of {count} secrets is in what students get"


def _hidden_entries(folder: Path) -> Iterator[str]:
    """Yield the hidden files and folders below a folder, none of those inside of one."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            yield path.name
        elif path.is_dir() and not path.is_symlink():
            yield from (f"{path.name}/{name}" for name in _hidden_entries(path))


def no_false_alarms(
    assignment: Assignment, runner: Runner, settings: Settings, findings: Findings
) -> str:
    """Judge right solutions, written and generated, under many seeds: nothing may be lost."""
    names = agreement.stub_names(assignment)
    base = notebooks.essential(assignment.notebook.read_bytes(), names)
    contents = {item.name: item.content for item in scores.variants(assignment, "correct")}
    for name, source in rewrites.rewritten(assignment, allowances.read(assignment)).items():
        contents[f"the reference with {name}"] = notebooks.fill(base, source, names, name)
    questions = tuple(
        q.name for q in assignment.questions if q.kind == "code" and q.requires is None
    )
    count = settings.seeds if settings.quick else settings.alarm_seeds
    # Unless each is asked for under every seed, seeds are dealt out in turn: every seed meets some
    # solution, every solution meets several, and under the first seed all are judged.
    # Only answers count here; `correct` has judged how long they take.
    limits = replace(
        assignment.limits,
        call_seconds=PATIENCE * assignment.limits.call_seconds,
        cpu_seconds=int(PATIENCE * assignment.limits.cpu_seconds),
        submission_seconds=PATIENCE * assignment.limits.submission_seconds,
    )
    candidates = [
        Candidate(name, content, questions, seed=seed, limits=limits)
        for place, (name, content) in enumerate(contents.items())
        for seed in range(count)
        if settings.every_seed or seed == 0 or seed % len(contents) == place
    ]
    for candidate, report in zip(candidates, runner.judge(candidates), strict=True):
        findings.problems.extend(
            f"{candidate.name} under seed {candidate.seed} loses {describe(q, o)}"
            for q, o in losses(report)
        )
    dealt = "each" if settings.every_seed else f"dealt out in {len(candidates)} candidates"
    return f"{len(contents)} right solutions keep full marks over {count} seeds, {dealt}"


def _judge_solutions(run: Run, runner: Runner) -> Report | None:
    """Try reference, empty notebook and correct/; return the reference's report if it is full."""
    kept: list[Report] = []

    def reference(found: Findings) -> str:
        summary, report = scores.reference_is_full(run.assignment, runner, found)
        if not found.problems:
            kept.append(report)
        return summary

    run.gate("reference", reference)
    if not kept:
        return None
    run.gate("empty", lambda found: scores.empty_is_zero(run.assignment, runner, found))
    allowed = allowances.read(run.assignment)
    run.gate(
        "attackers",
        lambda found: attackers.earn_nothing(run.assignment, runner, allowed, found),
    )
    correct = scores.variants(run.assignment, "correct")
    run.gate(
        "correct", lambda found: scores.correct_are_full(run.assignment, runner, correct, found)
    )
    return kept[0]


def _judge_wrong(run: Run, runner: Runner) -> tuple[list[scores.Variant], list[Report]]:
    wrong = scores.variants(run.assignment, "wrong")
    reports: list[Report] = []

    def gate(found: Findings) -> str:
        summary, judged = scores.wrong_lose_exactly(run.assignment, runner, wrong, found)
        reports.extend(judged)
        return summary

    run.gate("wrong", gate)
    run.gate("cases", lambda found: scores.cases_are_tripped(run.assignment, reports, found))
    return wrong, reports


def _judge_seeds(
    run: Run,
    runner: Runner,
    settings: Settings,
    wrong: list[tuple[scores.Variant, Report]],
    reference: Report,
) -> None:
    names = agreement.stub_names(run.assignment)
    content = notebooks.essential(solved(run.assignment), names)
    first = (scores.Variant("the reference", content), reference)
    some = [first, *wrong[:: QUICK_EVERY if settings.quick else 1]]
    run.gate(
        "seeds",
        lambda found: scores.seeds_agree(run.assignment, runner, some, settings.seeds, found),
    )


def _judge_mutants(
    run: Run,
    runner: Runner,
    settings: Settings,
    *,
    reference: Report,
    wrong: list[Report],
) -> list[KillRate]:
    allowed = allowances.read(run.assignment)
    rates: list[KillRate] = []
    every = QUICK_EVERY if settings.quick else 1
    kills: list[survival.Kill] = []

    def gate(found: Findings) -> str:
        chosen = mutants.mutants_of(run.assignment)[::every]
        kills.extend(survival.kill(run.assignment, runner, chosen, reference, found))
        summary, counted = survival.summarise(kills, allowed, found, complete=every == 1)
        rates.extend(counted)
        return summary

    run.gate("mutants", gate)
    if every == 1:
        run.gate(
            "needed",
            lambda found: survival.each_is_needed(
                run.assignment, runner, kills, found, wrong=wrong, reference=reference
            ),
        )
    return rates
