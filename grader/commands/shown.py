"""What a command does with a store: render its outputs, show the table, name the report."""

import os
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from grader.commands.options import INCOMPLETE
from grader.commands.terminal import say
from grader.errors import UsageError

if TYPE_CHECKING:
    from grader.gradebook.history import Change
    from grader.gradebook.store import Store
    from grader.model import Assignment
    from grader.reports import Gradebook, Report

NAMED = 5  # of those who are ungraded, and of the causes
REFUSED_NAMED = 20  # each with a reason of its own


def render(store: "Store", out: Path) -> "Gradebook":
    from grader.gradebook import outputs

    book = store.gradebook()
    for note in outputs.write(book, out).notes:
        say(note, err=True)
    return book


def prepare() -> None:
    """Make what `render` and `show` need ready, in a thread, while something else is waited for."""
    threading.Thread(target=_prepare, daemon=True, name="prepare-outputs").start()


def _prepare() -> None:
    import rich.console  # noqa: F401 - for `show`

    from grader.renderers import page, table  # noqa: F401 - likewise

    page.compile_templates()


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
    for line in _refused(book):
        say(line, err=True)


def change(item: "Change") -> str:
    """Return the line on a score that regrading or a person has changed."""
    from grader.renderers.text import number

    return (
        f"{item.made[:16]} {item.student} {item.question}: "
        f"{number(item.before)} ({item.status_before}) "
        f"-> {number(item.after)} ({item.status_after}), {item.why}"
    )


def finish(book: "Gradebook", out: Path, *, is_complete: bool = True) -> None:
    """Say where the outputs are, the report first.

    Leave with 1 where something is ungraded, or not everything that was handed in was.
    """
    from rich.console import Console

    from grader.gradebook import outputs
    from grader.model import Status

    uri = (out / outputs.REPORT_NAME).resolve().as_uri()
    say("\nThe report, to open in a browser:")
    Console().print(uri, style=f"link {uri}", markup=False, highlight=False, soft_wrap=True)
    say(f"Beside it in {out}: {', '.join(outputs.written_in(out))}")
    if lacking := _without_network(book):
        say(
            f"{len(lacking)} reached for the network, which is closed: {', '.join(lacking[:NAMED])}"
            f"{', …' if len(lacking) > NAMED else ''}. Open it with --network, if they may.",
            err=True,
        )
    ungraded = [report for report in book.reports if report.status is Status.UNGRADED]
    if ungraded:
        names = ", ".join(report.student for report in ungraded[:NAMED])
        say(
            f"{len(ungraded)} ungraded through no fault of the students: {names}. Run the same "
            "command again once the cause is gone.",
            err=True,
        )
        for reason in list(dict.fromkeys(map(_cause, ungraded)))[:NAMED]:
            say(f"ungraded: {reason}", err=True)
    if ungraded or not is_complete:
        raise typer.Exit(INCOMPLETE)


def _refused(book: "Gradebook") -> list[str]:
    """Return who has handed in something of which nothing could be graded, and why."""
    refused = [report for report in book.reports if report.is_refused]
    said = [f"0 points for {one.student}: {one.error}" for one in refused[:REFUSED_NAMED]]
    if more := refused[REFUSED_NAMED:]:
        names = ", ".join(one.student for one in more)
        said.append(f"0 points for {len(more):,} more, of whom nothing could be graded: {names}.")
    return said


def _without_network(book: "Gradebook") -> list[str]:
    """Return who has cells that reached for a closed network, with the first of them."""
    from grader import wording

    tried = re.compile(re.escape(wording.TRIED_NETWORK).replace(r"\{number\}", r"(?P<number>\d+)"))
    found = {}
    for report in book.reports:
        notes = " ".join(item.note for item in report.questions)
        if cell := tried.search(notes):
            found[report.student] = f"{report.student} (cell {cell['number']})"
    return list(found.values())


def _cause(report: "Report") -> str:
    """Return why a report is ungraded, as it was noted first."""
    from grader.model import Status

    items = [item for item in report.questions if item.status is Status.UNGRADED]
    cases = [case for item in items for case in item.cases if case.status is Status.UNGRADED]
    said = [report.error, *(case.staff_message for case in cases), *(item.note for item in items)]
    return next((text.partition("\n")[0] for text in said if text), "see results.json")


def tell(assignment: "Assignment") -> None:
    """Say what an otter assignment asks for that is not done here, each thing once."""
    if assignment.otter is not None:
        for text in (*assignment.otter.stamps, *assignment.otter.notes):
            say(f"{assignment.slug}: {text}", err=True)


def who() -> str:
    """Return who sets a score, for the record."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"uid {os.getuid()}"
