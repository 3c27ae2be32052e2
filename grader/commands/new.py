"""The command `new`."""

from pathlib import Path
from typing import Annotated

import typer

from grader.commands.options import CourseFolder
from grader.commands.terminal import say


def new(
    slug: Annotated[str, typer.Argument(help="Small letters, digits and hyphens.")],
    course: CourseFolder = None,
) -> None:
    """Write a small assignment that verifies, to be made yours."""
    from grader.course import scaffold

    for path in scaffold.write(slug, course or Path.cwd()):
        say(f"wrote {path}")
    say(f"Edit these, then run `grader verify {slug}`.")
