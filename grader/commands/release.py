"""The command `release`."""

from typing import Annotated

import typer

from grader.commands.options import (
    AssignmentName,
    CourseFolder,
    Isolation,
    IsolationChoice,
    Jobs,
    OutFolder,
)
from grader.commands.terminal import say
from grader.commands.verify import run_gates
from grader.errors import UsageError


def release(
    *,
    assignment: AssignmentName,
    out: OutFolder,
    course: CourseFolder = None,
    jobs: Jobs = None,
    isolation: Isolation = IsolationChoice.AUTO,
    quick: Annotated[bool, typer.Option("--quick", help="Sample mutants and seeds.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Release although a gate fails; it is recorded.")
    ] = False,
) -> None:
    """Verify, then write what students, Gradescope and readers get."""
    from grader import release as releasing
    from grader.submissions.autograders import load

    loaded = load(assignment, course, need_solutions=True)
    if loaded.solutions is None:
        raise UsageError(
            f"{assignment} is an otter assignment, which `otter assign` hands out; to release one "
            "from here, make two folders of it by `grader import`."
        )
    found = run_gates(loaded, jobs, isolation, quick=quick)
    made = releasing.release(loaded, out, found, force=force)
    for path in made.files:
        say(f"wrote {path}")
    if made.forced:
        say("A gate fails and was overruled; release.json says so.", err=True)
