"""The command `verify`, and how the gates are shown as they are tried."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.commands.options import (
    DONE,
    INCOMPLETE,
    AssignmentName,
    CourseFolder,
    Isolation,
    IsolationChoice,
    Jobs,
    Limit,
)
from grader.commands.shown import tell
from grader.commands.terminal import say
from grader.errors import UsageError

if TYPE_CHECKING:
    from grader.model import Assignment
    from grader.verify import Gate, Verification


def verify(
    *,
    assignment: AssignmentName,
    course: CourseFolder = None,
    jobs: Jobs = None,
    isolation: Isolation = IsolationChoice.AUTO,
    quick: Annotated[bool, typer.Option("--quick", help="Sample mutants and seeds.")] = False,
    every_seed: Annotated[
        bool, typer.Option("--every-seed", help="Each right solution under each of 50 seeds.")
    ] = False,
    solution: Annotated[
        Path | None,
        typer.Option(help="Of otter's autograder.zip: the notebook that must have full marks."),
    ] = None,
    limit: Limit = None,
) -> None:
    """Grade the grader: right answers pass, wrong ones and mutants fail, nothing leaks.

    An otter assignment is tried with its solution: full marks, and every case can be asked.
    """
    from grader.course.settings import with_limits
    from grader.submissions.autograders import load

    loaded = load(assignment, course, need_solutions=True, ignore_plugins=True)
    if loaded.otter is not None:
        loaded = replace(loaded, limits=with_limits(loaded.limits, limit or ()))
        passed = _try_solution(loaded, Path(assignment), solution, isolation)
        raise typer.Exit(DONE if passed else INCOMPLETE)
    if solution is not None or limit:
        raise UsageError(
            f"--solution and --limit are for otter's autograder.zip; {loaded.slug} has its "
            "reference.py, and [limits] in assignment.toml."
        )
    found = run_gates(loaded, jobs, isolation, quick=quick, every_seed=every_seed)
    raise typer.Exit(DONE if found.passed else INCOMPLETE)


def _try_solution(
    assignment: "Assignment", origin: Path, solution: Path | None, isolation: IsolationChoice
) -> bool:
    """Try an otter assignment with its solution, and say what each gate found."""
    from grader.verify import solution as verifying

    tell(assignment)
    path = solution or verifying.find_solution(origin)
    handed_in = verifying.read_solution(assignment, path)
    with verifying.grader_process(assignment, isolation.value) as judge:
        found = verifying.verify(assignment, handed_in, judge, on_gate=_show)
    return _conclude(assignment, found)


def _show(gate: "Gate") -> None:
    for line in gate.lines():
        say(line)


def run_gates(
    assignment: "Assignment",
    jobs: int | None,
    isolation: IsolationChoice,
    *,
    quick: bool,
    every_seed: bool = False,
) -> "Verification":
    """Try every gate and say what each found."""
    from grader import verify as verifying
    from grader.commands.progress import Counter

    settings = verifying.Settings(jobs or 0, isolation.value, quick, every_seed)
    with Counter() as counter:

        def show(gate: "Gate") -> None:
            counter.clear()
            _show(gate)

        found = verifying.verify(assignment, settings, on_gate=show, on_judged=counter.advance)
    _conclude(assignment, found)
    return found


def _conclude(assignment: "Assignment", found: "Verification") -> bool:
    for line in found.points:
        say(line)
    names = ", ".join(gate.name for gate in found.failing)
    say(f"{assignment.slug} fails: {names}" if names else f"{assignment.slug} is ready")
    return found.passed
