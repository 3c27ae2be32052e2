"""The command `verify`, and how the gates are shown as they are tried."""

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
)
from grader.commands.terminal import say

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
) -> None:
    """Grade the grader: right answers pass, wrong ones and mutants fail, nothing leaks."""
    from grader.course.assignments import load

    loaded = load(assignment, course, need_solutions=True)
    found = run_gates(loaded, jobs, isolation, quick=quick, every_seed=every_seed)
    raise typer.Exit(DONE if found.passed else INCOMPLETE)


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
            for line in gate.lines():
                say(line)

        found = verifying.verify(assignment, settings, on_gate=show, on_judged=counter.advance)
    for line in found.points:
        say(line)
    names = ", ".join(gate.name for gate in found.failing)
    say(f"{assignment.slug} fails: {names}" if names else f"{assignment.slug} is ready")
    return found
