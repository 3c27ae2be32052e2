"""The gate of the standard attackers: answers without understanding, for every assignment.

An assignment's author writes none of them. Each stands in the place of every stub, and none may
earn more than the empty notebook, but for what `verify.toml` allows with a reason. The table of
the public cases may earn those: whoever is told an answer can write it down.
"""

import json
from collections.abc import Iterable
from importlib import resources
from typing import Any

from grader.batch import process
from grader.batch.messages import ProcessSettings
from grader.course import notebooks
from grader.grading.control import solved
from grader.grading.names import Names
from grader.model import Assignment, Status
from grader.reports import Outcome, Report

from . import trivial
from .agreement import definitions, stub_names
from .allowances import Allowances, Earned
from .gates import Findings
from .runner import Candidate, Runner, outcomes, ungraded
from .scores import machine_questions

TABLE = "a table of the public cases"
ATTACKERS = {
    "zeros, and zeros into the arguments": "zeros_in_place",
    "None": "none",
    "always ValueError": "value_error",
    "always StopIteration": "stop_iteration",
    "the first argument": "first_argument",
    "inf everywhere": "infinities",
    "NaN everywhere": "nans",
    "an array of nothing": "nothing_in_it",
    "masked everywhere": "masked",
    "a subclass that agrees with everything": "subclass_of_everything",
    "an answer that cannot travel": "cannot_travel",
}
POINT_TOLERANCE = 1e-9


def earn_nothing(
    assignment: Assignment, runner: Runner, allowed: Allowances, findings: Findings
) -> str:
    """Judge every standard attacker: none may earn more than the empty notebook, which is 0."""
    questions = machine_questions(assignment)
    calls = runner.ask(public_calls)
    attacks = {**ATTACKERS, TABLE: f"functools.partial(table, {calls!r})"}
    candidates = [
        Candidate(name, _notebook(assignment, attack), questions)
        for name, attack in attacks.items()
    ]
    earned: list[str] = []
    used: set[Earned] = set()
    for candidate, report in zip(candidates, runner.judge(candidates), strict=True):
        findings.problems.extend(f"{candidate.name}: {text}" for text in ungraded(report))
        passed = _passed(report, hidden_only=candidate.name == TABLE)
        for question, cases in passed.items():
            score = sum(case.score for case in cases)
            allowance = allowed.earned_by(candidate.name, question)
            used |= {allowance} if allowance else set()
            if score > (allowance.points if allowance else 0.0) + POINT_TOLERANCE:
                names = ", ".join(repr(case.name) for case in cases)
                findings.problems.append(
                    f"{candidate.name} earns {score:g} points of {question}: {names}"
                )
        total = sum(case.score for cases in passed.values() for case in cases)
        earned.append(f"{candidate.name} {total:g}")
    findings.problems.extend(
        f"verify.toml lets {item.attacker!r} earn {item.points:g} points of {item.question}, and "
        "it earns none; take that out"
        for item in allowed.earned
        if item not in used
    )
    return f"{len(attacks)} standard attackers earn: {', '.join(earned)}"


def _passed(report: Report, *, hidden_only: bool) -> dict[str, list[Outcome]]:
    """Return the cases that passed and are worth something, by question."""
    found: dict[str, list[Outcome]] = {}
    for question, outcome in outcomes(report):
        counts = outcome.hidden or not hidden_only
        if outcome.status is Status.PASSED and outcome.score > 0 and counts:
            found.setdefault(question, []).append(outcome)
    return found


def _notebook(assignment: Assignment, attack: str) -> bytes:
    """Return the solved notebook in which each stub, once defined, is replaced by an attack."""
    names = stub_names(assignment)
    data = json.loads(notebooks.essential(solved(assignment), names))
    text = resources.files(__package__).joinpath("trivial.py").read_text(encoding="utf-8")
    for cell in data["cells"]:
        source = "".join(cell["source"])
        bound = [name for name in names if name in _definitions(source)]
        lines = [f"{name} = attacked({name}, {attack})" for name in bound]
        cell["source"] = "\n".join([source, *lines])
    content = notebooks.dump(data)
    return notebooks.with_cell_before_setup(content, "attack", f"import functools\n{text}")


def _definitions(source: str) -> Iterable[str]:
    try:
        return definitions(source)
    except SyntaxError:  # magics
        return ()


def public_calls(settings: ProcessSettings) -> dict[str, list[str]]:
    """Return, by the names of stubs, which calls the public tests make of the reference."""
    suite = process.engine(settings).suite
    assignment = suite.assignment
    found: dict[str, list[str]] = {}
    names = set(stub_names(assignment))

    def recorded(name: str) -> Any:
        value = getattr(suite.reference, name)
        if name not in names or not callable(value):
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            found.setdefault(name, []).append(trivial.key(args, kwargs))
            return value(*args, **kwargs)

        return call

    for question in assignment.questions:
        if question.kind == "code" and question.requires is None:
            for case in question.cases:
                if not case.hidden:
                    suite.run(question.name, case.name, Names(recorded, "cpu"))
    return {name: sorted(set(calls)) for name, calls in found.items()}
