"""The gates that judge: reference, empty notebook, right and wrong solutions, other seeds."""

import re
from dataclasses import dataclass
from pathlib import Path

from grader.course import notebooks, text_file
from grader.errors import AssignmentError
from grader.grading.control import solved
from grader.model import Assignment, Status
from grader.reports import Report

from .agreement import bound_names, stub_names
from .gates import Findings
from .runner import (
    Candidate,
    Runner,
    describe,
    losses,
    lost_questions,
    outcomes,
    ungraded,
)

EXPECT = re.compile(r"#\s*expect:(?P<lost>[^\n]*?)(?:\bgpu:(?P<gpu>[^\n]*))?$")


@dataclass(frozen=True, slots=True)
class Variant:
    """One file of `correct/` or `wrong/`, and the notebook that it makes of the reference's."""

    name: str
    content: bytes
    lost: frozenset[str] = frozenset()
    lost_on_gpu: frozenset[str] = frozenset()


def variants(assignment: Assignment, kind: str) -> list[Variant]:
    """Return the solutions of a folder; AssignmentError where a wrong one expects nothing."""
    if assignment.solutions is None:
        return []
    base = notebooks.essential(solved(assignment), stub_names(assignment))
    return [
        _variant(assignment, path, base, kind)
        for path in sorted((assignment.solutions / kind).glob("*.py"))
    ]


def _variant(assignment: Assignment, path: Path, base: bytes, kind: str) -> Variant:
    text = text_file.read(path)
    label = f"{kind}/{path.name}"
    names = stub_names(assignment)
    content = notebooks.fill(base, text, names, label)
    if names and not bound_names(text) & set(names):
        raise AssignmentError(
            f"{label} defines none of {', '.join(names)}, so it is the reference; correct it."
        )
    if kind == "correct":
        return Variant(label, content)
    found = EXPECT.match(text.partition("\n")[0])
    if found is None:
        raise AssignmentError(f"{label} does not start with `# expect: q1 …`; say what it loses.")
    lost = frozenset(found["lost"].split())
    on_gpu = frozenset((found["gpu"] or "").split())
    known = {question.name for question in assignment.questions}
    if unknown := (lost | on_gpu) - known:
        raise AssignmentError(f"{label} expects to lose {', '.join(sorted(unknown))}, which is no question.")  # fmt: skip  # noqa: E501
    return Variant(label, content, lost, on_gpu)


def machine_questions(assignment: Assignment) -> tuple[str, ...]:
    """Return the questions that a machine judges."""
    return tuple(question.name for question in assignment.questions if question.kind == "code")


def reference_is_full(
    assignment: Assignment, runner: Runner, findings: Findings
) -> tuple[str, Report]:
    """Judge the whole notebook with the reference in it: nothing may be lost."""
    names = tuple(question.name for question in assignment.questions)
    report = runner.judge([Candidate("reference", solved(assignment), names)])[0]
    _expect_full("the reference", report, findings)
    waiting = f", {report.pending:g} wait for a GPU or a person" if report.pending else ""
    return f"{report.score:g} of {report.max_score:g} points{waiting}", report


def _expect_full(name: str, report: Report, findings: Findings) -> None:
    if report.error is not None:
        findings.problems.append(f"{name} cannot be judged: {report.error}")
    findings.problems.extend(f"{name} loses {describe(q, o)}" for q, o in losses(report))


def empty_is_zero(assignment: Assignment, runner: Runner, findings: Findings) -> str:
    """Judge the notebook as students get it: no case that a machine judges may pass."""
    candidate = Candidate("empty", assignment.notebook.read_bytes(), machine_questions(assignment))
    report = runner.judge([candidate])[0]
    findings.problems.extend(
        f"{question}, {outcome.name!r} passes with empty stubs"
        for question, outcome in outcomes(report)
        if outcome.status is Status.PASSED
    )
    findings.problems.extend(ungraded(report))
    return f"{report.score:g} points for empty stubs"


def correct_are_full(
    assignment: Assignment, runner: Runner, found: list[Variant], findings: Findings
) -> str:
    """Judge every other right solution: nothing may be lost."""
    questions = machine_questions(assignment)
    reports = runner.judge(Candidate(item.name, item.content, questions) for item in found)
    for item, report in zip(found, reports, strict=True):
        _expect_full(item.name, report, findings)
    if not found:
        findings.notes.append("there is no other right solution in correct/; a few show tests that "
                              "know only the reference")  # fmt: skip
    return f"{len(found)} other right solutions keep full marks"


def wrong_lose_exactly(
    assignment: Assignment, runner: Runner, found: list[Variant], findings: Findings
) -> tuple[str, list[Report]]:
    """Judge every wrong solution: it must lose what its first line says, and nothing else."""
    questions = machine_questions(assignment)
    reports = runner.judge(Candidate(item.name, item.content, questions) for item in found)
    for item, report in zip(found, reports, strict=True):
        judged = {q.name for q in report.questions if q.status is not Status.PENDING}
        expected = (item.lost | item.lost_on_gpu) & judged
        lost = lost_questions(report)
        if lost != expected:
            loses = ", ".join(sorted(lost)) or "nothing"
            said = ", ".join(sorted(expected)) or "nothing"
            findings.problems.append(f"{item.name} should lose {said}; it loses {loses}")
            findings.problems.extend(
                f"    {describe(q, o)}" for q, o in losses(report) if q not in expected
            )
        findings.problems.extend(f"{item.name}: {text}" for text in ungraded(report))
    if not found:
        findings.problems.append("there is no wrong solution in wrong/; add one a misconception")
    return f"{len(found)} wrong solutions lose exactly what they should", reports


def cases_are_tripped(assignment: Assignment, reports: list[Report], findings: Findings) -> str:
    """Look for cases that no wrong solution trips: nobody has seen them fail."""
    tripped = {(name, o.name) for report in reports for name, o in losses(report)}
    judged = {
        (name, o.name) for report in reports for name, o in outcomes(report)
        if o.status is not Status.PENDING
    }  # fmt: skip
    total = 0
    for question in assignment.questions:
        for case in question.cases:
            total += 1
            if (question.name, case.name) in judged - tripped:
                findings.problems.append(
                    f"{question.name}, {case.name!r} is tripped by no wrong solution"
                )
    waiting = total - len(judged)
    return f"{len(judged & tripped)} of {total} cases are tripped by a wrong solution" + (
        f", {waiting} wait for a GPU" if waiting else ""
    )


def seeds_agree(
    assignment: Assignment,
    runner: Runner,
    solutions: list[tuple[Variant, Report]],
    seeds: int,
    findings: Findings,
) -> str:
    """Judge solutions under other seeds: each question must come to what it came to before.

    The first solution, the reference, meets every seed. The others meet one each, dealt out in
    turn, so that every seed meets many wrong answers.
    """
    judged = [q.name for q in assignment.questions if q.kind == "code" and q.requires is None]
    candidates: list[Candidate] = []
    before: list[Report] = []
    for place, (item, report) in enumerate(solutions):
        # Of a wrong solution only the questions that it loses are worth judging again.
        names = tuple(name for name in judged if name in item.lost or not item.lost)
        for seed in range(1, seeds):
            if names and (place == 0 or place % (seeds - 1) == seed - 1):
                candidates.append(Candidate(item.name, item.content, names, seed=seed))
                before.append(report)
    for candidate, first, report in zip(candidates, before, runner.judge(candidates), strict=True):
        scores = {question.name: question.score for question in first.questions}
        for q in report.questions:
            before_and_after = (
                f"{candidate.name}: {q.name} is worth {scores[q.name]:g} under seed 0 and "
                f"{q.score:g} under seed {candidate.seed}"
            )
            # How much a wrong answer loses may be luck; that it loses may not.
            if (q.score == q.max_score) != (scores[q.name] == q.max_score):
                findings.problems.append(before_and_after)
            elif q.score != scores[q.name]:
                findings.notes.append(before_and_after)
    return f"{len(solutions)} solutions are right or wrong alike under {seeds} seeds"
