"""The command `import`."""

from pathlib import Path
from typing import Annotated

import typer

from grader.commands.options import AssignmentName
from grader.commands.shown import tell
from grader.commands.terminal import say


def import_(
    *,
    assignment: AssignmentName,
    course: Annotated[
        Path, typer.Option("--course", help="Where assignments/ and solutions/ are, or will be.")
    ],
    notebook: Annotated[
        Path | None, typer.Option(help="The notebook that students get; else a bare one is made.")
    ] = None,
) -> None:
    """Write otter's autograder.zip as two folders of ours, to keep."""
    from grader.course.otter import importing
    from grader.errors import UsageError
    from grader.submissions.autograders import load

    loaded = load(assignment, ignore_plugins=True)
    if loaded.otter is None:
        raise UsageError(f"{loaded.slug} has our two folders already; there is nothing to import.")
    if notebook is not None and not notebook.is_file():
        raise UsageError(f"There is no notebook at {notebook}.")
    tell(loaded)
    handout = notebook or importing.find_handout(Path(assignment).resolve())
    found = importing.write(loaded, course, handout)
    for path in found.paths:
        say(f"wrote {path}")
    for note in found.notes:
        say(note, err=True)
    say(f"Grade by them: grader grade {found.slug} SUBMISSIONS -o OUT --course {course}")
