"""The command `manual`."""

from pathlib import Path
from typing import Annotated

import typer

from grader.commands.shown import finish, open_store, render, who
from grader.commands.terminal import say


def manual(
    out: Annotated[Path, typer.Argument(help="The folder that `grader grade` wrote.")],
    sheet: Annotated[
        Path | None, typer.Argument(help="The filled sheet, by default OUT/manual.csv.")
    ] = None,
) -> None:
    """Read in the scores that people wrote into manual.csv.

    All of them are taken, or none where one cannot be.
    """
    from grader.gradebook import manual as sheets
    from grader.gradebook import outputs

    path = sheet or out / outputs.MANUAL_NAME
    with open_store(out) as store:
        lines = [line for line in sheets.load(path, store.gradebook()) if line.is_new]
        store.set_manual([line.score for line in lines], who())
        book = render(store, out)
    what = "score or comment" if len(lines) == 1 else "scores and comments"
    say(f"{len(lines)} {what} read from {path}")
    finish(book, out)
