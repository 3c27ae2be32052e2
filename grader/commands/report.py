"""The command `report`."""

from pathlib import Path
from typing import Annotated

import typer

from grader.commands.shown import change, finish, open_store, render, show
from grader.commands.terminal import say
from grader.errors import UsageError


def report(
    out: Annotated[Path, typer.Argument(help="The folder that `grader grade` wrote.")],
    *,
    diff: Annotated[bool, typer.Option("--diff", help="List what regrading changed.")] = False,
    canvas: Annotated[
        Path | None, typer.Option(help="Your gradebook, exported from Canvas; fills canvas.csv.")
    ] = None,
    moodle: Annotated[
        Path | None, typer.Option(help="Moodle's grading worksheet; fills moodle.csv.")
    ] = None,
    brightspace: Annotated[
        Path | None, typer.Option(help="Brightspace's grade export; fills brightspace.csv.")
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="The gradebook's column, if not the assignment's title.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace excuses and scores given by hand as well.")
    ] = False,
) -> None:
    """Render the outputs again from the store."""
    from grader.gradebook import outputs

    given = {"canvas": canvas, "moodle": moodle, "brightspace": brightspace}
    if (column or overwrite) and not any(given.values()):
        raise UsageError(
            "--column and --overwrite are for a platform's sheet; give one with --canvas, --moodle "
            "or --brightspace."
        )
    with open_store(out) as store:
        book = render(store, out)
        changes = store.changes() if diff else []
    for platform, path in given.items():
        if path is not None:
            template = outputs.Template(platform, path, column)
            written = outputs.write_sheet(book, out, template, overwrite=overwrite)
            for note in written.notes:
                say(note, err=True)
            say(f"Wrote {written.paths[0]}; import it in {platform.title()}.")
    if not diff:
        show(book)
    for item in changes:
        say(change(item))
    if diff and not changes:
        say("No score has changed since it was first graded.")
    finish(book, out)
