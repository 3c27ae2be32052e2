"""The command `report`."""

from pathlib import Path
from typing import Annotated

import typer

from grader.commands.shown import finish, open_store, render, show
from grader.commands.terminal import say


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
    from grader.renderers.text import number, shown

    with open_store(out) as store:
        book = render(store, out)
        changes = store.changes() if diff else []
    given = {"canvas": canvas, "moodle": moodle, "brightspace": brightspace}
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
        say(
            f"{item.made[:16]} {shown(item.student)} {item.question}: "
            f"{number(item.before)} ({item.status_before}) "
            f"-> {number(item.after)} ({item.status_after}), {shown(item.why)}"
        )
    finish(book, out)
