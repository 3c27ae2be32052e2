"""The command `report`."""

from pathlib import Path
from typing import Annotated

import typer

from grader.commands.shown import finish, open_store, render, show
from grader.commands.terminal import say


def report(
    out: Annotated[Path, typer.Argument(help="The folder that `grader grade` wrote.")],
    diff: Annotated[bool, typer.Option("--diff", help="List what regrading changed.")] = False,
    canvas: Annotated[
        Path | None, typer.Option(help="Your gradebook, exported from Canvas; fills canvas.csv.")
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="The gradebook's column, if not the assignment's title.")
    ] = None,
) -> None:
    """Render the outputs again from the store."""
    from grader.gradebook import outputs
    from grader.renderers.text import number, shown

    with open_store(out) as store:
        book = render(store, out)
        changes = store.changes() if diff else []
    if canvas is not None:
        written = outputs.write_canvas(book, out, canvas, column)
        for note in written.notes:
            say(note, err=True)
        say(f"Wrote {written.paths[0]}; import it in Canvas's gradebook.")
    if not diff:
        show(book)
    for item in changes:
        say(
            f"{item.made[:16]} {shown(item.student)} {item.question}: "
            f"{number(item.before)} ({item.status_before}) "
            f"-> {number(item.after)} ({item.status_after}), {shown(item.why)}"
        )
    finish(book, out)
