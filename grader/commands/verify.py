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
    Give,
    Isolation,
    IsolationChoice,
    Jobs,
    Limit,
    Network,
    Withhold,
)
from grader.commands.shown import tell
from grader.commands.terminal import say
from grader.errors import UsageError

if TYPE_CHECKING:
    from grader.course.beside import Access
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
    give: Give = None,
    withhold: Withhold = None,
    network: Network = False,
    solution: Annotated[
        Path | None,
        typer.Option(help="Of otter's autograder.zip: the notebook that must have full marks."),
    ] = None,
    limit: Limit = None,
) -> None:
    """Grade the grader: right passes, wrong fails, nothing leaks.

    Right solutions pass under many seeds, wrong ones and mutants of the reference fail.
    An otter assignment is tried with its solution: full marks, and every case can be asked.
    """
    from grader.course.beside import Access
    from grader.course.settings import with_limits
    from grader.submissions.autograders import load
    from grader.verify.solution import find_solution, has_reference

    loaded = load(assignment, course, need_solutions=True, ignore_plugins=True)
    if not has_reference(loaded):
        loaded = replace(loaded, limits=with_limits(loaded.limits, limit or ()))
        access = Access(tuple(give or ()), tuple(withhold or ()), network=network)
        path = solution or find_solution(Path(assignment))
        passed = _try_solution(loaded, path, access, isolation)
        raise typer.Exit(DONE if passed else INCOMPLETE)
    if solution or give or withhold or network or limit:
        raise UsageError(
            "--solution, --give, --withhold, --network and --limit are for otter's autograder.zip; "
            f"{loaded.slug} has its reference.py, and [limits] in assignment.toml."
        )
    found = run_gates(loaded, jobs, isolation, quick=quick, every_seed=every_seed)
    raise typer.Exit(DONE if found.passed else INCOMPLETE)


def _try_solution(
    assignment: "Assignment", path: Path, access: "Access", isolation: IsolationChoice
) -> bool:
    """Try an otter assignment with its solution, and say what each gate found.

    What the solution reads is given, as it is where most of a class read it.
    """
    from grader.course import beside
    from grader.verify import solution as verifying

    tell(assignment)
    handed_in = verifying.read_solution(assignment, path)
    asked = beside.ruled(assignment, access)
    access = replace(access, read=verifying.read_by(asked, handed_in))
    ruled = beside.ruled(assignment, access)
    with verifying.grader_process(ruled, isolation.value, access) as judge:
        found = verifying.verify(ruled, handed_in, judge, on_gate=_show)
    return _conclude(ruled, found)


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
