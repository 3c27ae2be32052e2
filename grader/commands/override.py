"""The command `override`."""

from pathlib import Path
from typing import Annotated

import typer

from grader.commands.shown import change, finish, open_store, render, who
from grader.commands.terminal import say
from grader.errors import UsageError


def override(
    *,
    student: Annotated[str, typer.Argument(help="As in grades.csv.")],
    question: Annotated[str, typer.Argument(help="As in grades.csv.")],
    score: Annotated[
        float | None, typer.Argument(help="Points; leave it out with --withdraw.")
    ] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder of the grades.")] = Path(),
    why: Annotated[str, typer.Option(help="The reason, kept with the score.")] = "",
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Go back to the judged score.")
    ] = False,
) -> None:
    """Set a score by hand, with the reason.

    What was judged stays on record, and holds again after --withdraw.
    """
    if withdraw is (score is not None):
        raise UsageError("Give either a score or --withdraw.")
    with open_store(out) as store:
        store.override(student, question, score, who(), why)
        book = render(store, out)
        made = store.changes()
    for item in [one for one in made if (one.student, one.question) == (student, question)][-1:]:
        say(change(item))
    finish(book, out)
