"""What a command does with a store: render its outputs, show the table, name the report."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from grader.commands.options import INCOMPLETE
from grader.commands.terminal import say
from grader.errors import UsageError

if TYPE_CHECKING:
    from grader.gradebook.store import Store
    from grader.model import Gradebook


def render(store: "Store", out: Path) -> "Gradebook":
    from grader.gradebook import outputs

    book = store.gradebook()
    for note in outputs.write(book, out).notes:
        say(note, err=True)
    return book


def open_store(out: Path) -> "Store":
    from grader.gradebook import outputs
    from grader.gradebook.store import Store

    path = out / outputs.STORE_NAME
    if not path.is_file():
        raise UsageError(f"There is no {outputs.STORE_NAME} in {out}; run `grader grade` first.")
    return Store(path)


def show(book: "Gradebook", *, losses: bool = False) -> None:
    from rich.console import Console

    from grader.renderers import table

    console = Console()
    console.print(table.render(book))
    if losses:
        console.print(table.losses(book))


def finish(book: "Gradebook", out: Path) -> None:
    """Say where the outputs are, the report first; leave with 1 where something is ungraded."""
    from rich.console import Console

    from grader.gradebook import outputs
    from grader.model import Status

    uri = (out / outputs.REPORT_NAME).resolve().as_uri()
    say("\nThe report, to open in a browser:")
    Console().print(uri, style=f"link {uri}", markup=False, highlight=False, soft_wrap=True)
    say(f"Beside it in {out}: {', '.join(outputs.written_in(out))}")
    ungraded = [r.student for r in book.reports if r.status is Status.UNGRADED]
    if ungraded:
        say(
            f"{len(ungraded)} ungraded through no fault of the students: "
            f"{', '.join(ungraded[:5])}. See staff_message in results.json, then run again.",
            err=True,
        )
        raise typer.Exit(INCOMPLETE)


def who() -> str:
    """Return who sets a score, for the record."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"uid {os.getuid()}"
