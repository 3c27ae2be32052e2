"""The command `check`: the public tests on a student's own notebook, in a process of its own."""

from pathlib import Path
from typing import Annotated

import typer

from grader.commands.options import DONE, INCOMPLETE, CourseFolder
from grader.commands.terminal import say


def check(
    notebook: Annotated[Path, typer.Argument(help="Your notebook.")],
    question: Annotated[
        str | None, typer.Option("-q", "--question", help="Only this question.")
    ] = None,
    assignment: Annotated[
        str | None, typer.Option(help="The assignment, if the file name does not tell.")
    ] = None,
    course: CourseFolder = None,
) -> None:
    """Run the public tests on your own notebook, as the grader would."""
    from grader.commands.checking import check_notebook

    result = check_notebook(notebook, question, assignment, course)
    for line in result.lines:
        say(line)
    raise typer.Exit(DONE if result.all_passed else INCOMPLETE)
