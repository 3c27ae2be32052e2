"""Verify an otter assignment by its solution notebook, which is all that such a course has.

Full marks are expected. A case that cannot be asked of a student's process is found here, before a
class is graded: it would be `ungraded` for everybody.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from grader.batch import process
from grader.batch.messages import ProcessSettings
from grader.batch.pool import local_pool
from grader.course import beside, notebooks
from grader.course.assignments import reference_path
from grader.course.otter import packages
from grader.errors import ProcessLostError, UsageError, WorkerError
from grader.model import Assignment, Status, Submission
from grader.reports import Report
from grader.submissions.collection import collect

from . import agreement
from .gates import Findings, Gate, Run, Verification
from .runner import describe, losses, outcomes, ungraded

INSIDE = ((), ("autograder",), ("dist", "autograder"))  # where `otter assign` leaves a solution
WHAT_TO_GIVE = "name it by --solution SOLUTION.ipynb"
FEW = 5  # files that are named
EMPTY = "a notebook without an answer"


def has_reference(assignment: Assignment) -> bool:
    """Say whether an assignment has reference solutions, which all other gates begin with."""
    return assignment.otter is None or reference_path(assignment.solutions) is not None


def find_solution(origin: Path) -> Path:
    """Return the one notebook in the folder that `otter assign` made; UsageError for none."""
    places = [origin.joinpath(*parts) for parts in INSIDE] if origin.is_dir() else [origin.parent]
    for place in places:
        found = sorted(place.glob("*.ipynb"))
        if len(found) == 1 and found[0] != origin:
            return found[0]
        if found and origin.is_dir():
            raise UsageError(f"{place} holds {len(found)} notebooks; {WHAT_TO_GIVE}.")
    raise UsageError(f"There is no solution notebook beside {origin}; {WHAT_TO_GIVE}.")


def read_solution(assignment: Assignment, path: Path) -> Submission:
    """Return a solution as if it had been handed in; UsageError says why it cannot be."""
    found = collect([path], limits=assignment.limits, assignment=assignment).submissions
    if len(found) != 1:
        raise UsageError(f"{path} holds {len(found)} submissions; name the solution's notebook.")
    if found[0].problem:
        raise UsageError(f"{path}: {found[0].problem}")
    return found[0]


Judge = Callable[[Submission], Report]


@contextlib.contextmanager
def grader_process(
    assignment: Assignment, isolation: str, access: beside.Access
) -> Iterator[Judge]:
    """Give what judges a notebook in a grader process of its own, in the sandbox.

    access: what students' code may reach.
    """
    settings = ProcessSettings(
        str(assignment.folder), 0, assignment.limits, isolation, device="auto", access=access
    )
    with local_pool(1) as executor:

        def judge(submission: Submission) -> Report:
            try:
                report: Report = executor.submit(judge_here, settings, submission).result()
            except ProcessLostError as problem:
                raise WorkerError(
                    f"The process that judged {submission.path} ended by itself; look at what that "
                    "notebook does to the grader, then run the same command again."
                ) from problem
            return report

        yield judge


def judge_here(settings: ProcessSettings, submission: Submission) -> Report:
    """Judge one notebook in this grader process."""
    from grader.grading.judge import Request

    return process.judge_once_more(settings, Request(submission, settings.limits))


def verify(
    assignment: Assignment,
    solution: Submission,
    judge: Judge,
    *,
    on_gate: Callable[[Gate], None] = lambda _gate: None,
) -> Verification:
    """Try every gate; where a package or a file is missing, nothing is judged."""
    run = Run(assignment, on_gate)
    run.gate("packages", lambda found: packages_are_here(assignment, solution, found))
    run.gate("files", lambda found: files_are_given(assignment, solution, found))
    if not run.failed:
        reports: list[Report] = []

        def full(found: Findings) -> str:
            reports.append(judge(solution))
            return has_full_marks(reports[0], found)

        run.gate("solution", full)
        run.gate("asked", lambda found: everything_was_asked(reports[0], found))
        run.gate("empty", lambda found: says_what_is_free(judge(_empty(assignment)), found))
    return Verification(tuple(run.gates), points=tuple(agreement.points_table(assignment)))


def _empty(assignment: Assignment) -> Submission:
    """Return a notebook of this assignment in which nothing is answered."""
    cell: dict[str, Any] = {"cell_type": "code", "id": "empty", "source": "pass"}
    cell |= {"execution_count": None, "metadata": {}, "outputs": []}
    named = assignment.otter.assignment_name if assignment.otter else ""
    metadata = {"otter": {"assignment_name": named}} if named else {}
    content = notebooks.dump(
        {"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    )
    return Submission(EMPTY, "empty.ipynb", content, hashlib.sha256(content).hexdigest())


def packages_are_here(assignment: Assignment, solution: Submission, findings: Findings) -> str:
    """Compare what the assignment and its solution import with what is installed."""
    files = [name for name, _ in solution.files]
    found = packages.compare(assignment, [_code(solution)], files)
    findings.notes.extend(f"of another version: {one}" for one in found.other_versions)
    if found.missing:
        findings.problems.append(f"not installed: {', '.join(found.missing)}; {found.command}")
    return "what tests and solution import is installed"


def read_by(assignment: Assignment, solution: Submission) -> tuple[str, ...]:
    """Return the files that the solution names, and that would be withheld from students."""
    code = _code(solution)
    withheld = (name for name, _ in assignment.withheld)
    return tuple(name for name in withheld if beside.mentions(code, name))


def files_are_given(assignment: Assignment, solution: Submission, findings: Findings) -> str:
    """Look for files that the solution reads and students would not have."""
    findings.problems.extend(
        f"the solution reads {name}, which is withheld since you said so"
        for name in read_by(assignment, solution)
    )
    guessed = [name for name, _ in assignment.withheld if name not in assignment.withheld_by_name]
    if guessed:
        findings.notes.append(
            f"only hidden cases read {', '.join(guessed[:FEW])}; what was handed out all the same "
            f"needs --give {guessed[0]}"
        )
    return f"{len(assignment.given)} files are given, {len(assignment.withheld)} withheld"


def _code(solution: Submission) -> str:
    try:
        cells = notebooks.read(solution.content).cells
    except notebooks.NotebookUnreadableError as problem:
        raise UsageError(f"{solution.path}: {problem}") from problem
    return "\n".join(cell.source for cell in cells)


def has_full_marks(report: Report, findings: Findings) -> str:
    """Name what the solution loses."""
    if report.error is not None:
        findings.problems.append(f"{report.path} cannot be judged: {report.error}")
    findings.problems.extend(
        f"{report.path} loses {describe(question, outcome)}"
        for question, outcome in losses(report)
        if outcome.status is not Status.UNGRADED
    )
    return f"{report.score:g} of {report.max_score:g} points for {report.path}"


def everything_was_asked(report: Report, findings: Findings) -> str:
    """Name each case that could not be asked of a student's process, with the fix."""
    findings.problems.extend(ungraded(report))
    cases = [outcome for _, outcome in outcomes(report)]
    asked = sum(outcome.status is not Status.UNGRADED for outcome in cases)
    return f"{asked} of {len(cases)} cases can be asked of a student's process"


def says_what_is_free(report: Report, findings: Findings) -> str:
    """Name the cases that pass without an answer; an otter course may want them so."""
    findings.notes.extend(
        f"{question}, {outcome.name!r} passes without an answer"
        for question, outcome in outcomes(report)
        if outcome.status is Status.PASSED
    )
    return f"{report.score:g} points without an answer"
