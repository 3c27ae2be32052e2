"""What a command says of a collection: how it was understood, and who handed in which file."""

from typing import TYPE_CHECKING

from grader.commands.terminal import say

if TYPE_CHECKING:
    from grader.submissions.collection import Collection

MANY = 100  # files passed over; more would hide what was said before them


def tell(found: "Collection", *, everything: bool = False) -> None:
    """Say how the paths were understood, what was passed over, and what looks odd."""
    say(found.understood)
    many = None if everything else MANY
    for one in found.skipped[:many]:
        say(f"skipped {one.path}: {one.reason}", err=True)
    if len(found.skipped) > MANY and not everything:
        more = len(found.skipped) - MANY
        say(f"skipped {more:,} more; --dry-run names all of them", err=True)
    for note in found.notes:
        say(note, err=True)


def show(found: "Collection") -> None:
    """Show who handed in which file, and why it is that one."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from grader.renderers.text import shown

    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in ("student", "id", "file", "received", "why"):
        table.add_column(column, overflow="fold")
    for choice in found.chosen:
        one = choice.submission
        why = one.problem or choice.why
        cells = (one.student, one.identity.partition(":")[2], one.path, one.received or "", why)
        table.add_row(*(Text(shown(cell)) for cell in cells))
    console = Console()
    console.print(table)
    nobody = [choice.submission for choice in found.chosen if not choice.submission.path]
    if nobody:
        say(f"{len(nobody)} of the roster handed in nothing.")


def name_lost(found: "Collection") -> None:
    """Name what may be a student's work and is graded for nobody."""
    if not found.lost:
        return
    count = len(found.lost)
    named = ", ".join(one.path for one in found.lost[:5])
    what = "file that may be a student's is" if count == 1 else "files that may be students' are"
    say(
        f"{count} {what} graded for nobody: {named}. Give each as a path of its own, name the "
        "--layout, or take it out.",
        err=True,
    )
