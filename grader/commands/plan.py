"""The command `plan`: what grading an assignment will honour, ignore and refuse, before it does."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.commands.options import DONE, INCOMPLETE, AssignmentName, CourseFolder
from grader.commands.terminal import say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grader.course.otter.keys import Key
    from grader.model import Assignment

NAMED = 8  # files in one line


def plan(
    *,
    assignment: AssignmentName,
    course: CourseFolder = None,
    ignore_plugins: Annotated[
        bool, typer.Option("--ignore-plugins", help="Plan as if otter's plugins did not matter.")
    ] = False,
) -> None:
    """Show what grading an assignment takes, and run nothing.

    Its points, its files, the packages that it needs, and what is not done here.
    Exit status 1 where it cannot be graded here as it stands.
    """
    from grader.submissions import autograders

    folder = autograders.unpacked(Path(assignment))
    if folder is None:
        loaded = autograders.load(assignment, course)
        _show_points(loaded)
        _show_files(loaded)
        return
    loaded = autograders.load_regardless(folder, assignment)
    _show_points(loaded)
    refused = _show_keys(folder, loaded, ignore_plugins=ignore_plugins)
    _show_files(loaded)
    missing = _show_packages(loaded)
    say("network: closed to the notebooks; a cell that tries it is named in the report")
    if refused or missing:
        say("As it stands it cannot be graded here: see what is refused or missing above.")
        raise typer.Exit(INCOMPLETE)
    say("It can be graded here. See that its solution has full marks: "
        f"grader verify {assignment} --solution SOLUTION.ipynb")  # fmt: skip
    raise typer.Exit(DONE)


def _show_points(assignment: "Assignment") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from grader.renderers.text import shown

    table = Table(box=box.SIMPLE, pad_edge=False, show_footer=True)
    table.add_column("question", footer="together", overflow="fold")
    for column, total in (
        ("points", assignment.points),
        ("public", sum(one.public_points for one in assignment.questions)),
        ("hidden", sum(one.hidden_points for one in assignment.questions)),
        ("cases", sum(len(one.cases) for one in assignment.questions)),
    ):
        table.add_column(column, footer=f"{total:g}", justify="right")
    for one in assignment.questions:
        numbers = (one.points, one.public_points, one.hidden_points, len(one.cases))
        table.add_row(Text(shown(one.name)), *(f"{number:g}" for number in numbers))
    count = len(assignment.questions)
    say(f"{shown(assignment.slug)}: {count} question{'s' * (count != 1)}")
    Console().print(table)


def _show_keys(folder: Path, assignment: "Assignment", *, ignore_plugins: bool) -> bool:
    """Say what becomes of each key of the configuration; return whether one is refused."""
    from grader.course import otter
    from grader.course.otter import keys

    found = keys.read(otter.stated(folder), ignore_plugins=ignore_plugins)
    for one in found:
        say(f"{one.becomes}: {_said(one)}")
    if not found:
        say("otter_config.json: nothing is set")
    for note in assignment.otter.notes if assignment.otter else ():
        say(f"note: {note}")
    return any(one.becomes is keys.Becomes.REFUSED for one in found)


def _said(key: "Key") -> str:
    from grader.course.otter.keys import Becomes
    from grader.renderers.text import shown

    if key.becomes is Becomes.REFUSED:
        return shown(key.why)
    return shown(f"{key.name} = {key.value}: {key.why}")


def _show_files(assignment: "Assignment") -> None:
    say(f"files beside the notebooks: {_listed(name for name, _ in assignment.given)}")
    if assignment.withheld:
        say(f"files withheld, which only hidden cases name: "
            f"{_listed(name for name, _ in assignment.withheld)}; "
            "`grader grade --give NAME` gives one")  # fmt: skip


def _listed(names: "Iterable[str]") -> str:
    from grader.renderers.text import shown

    found = [shown(name) for name in names]
    more = f" and {len(found) - NAMED:,} more" if len(found) > NAMED else ""
    return (", ".join(found[:NAMED]) + more) or "none"


def _show_packages(assignment: "Assignment") -> bool:
    """Say what is missing of what the tests import; return whether anything is."""
    from grader.course.otter import packages

    found = packages.compare(assignment)
    for one in found.other_versions:
        say(f"package of another version: {one}")
    if found.missing:
        say(f"packages missing: {', '.join(found.missing)}; install them: {found.command}")
        return True
    say("packages: all that the tests import are installed")
    return False
