"""Wires the commands together, and is the one place that catches `GraderError`."""

import os
import sys
from typing import Annotated, Any

import typer

from grader import __version__
from grader.commands import (
    check,
    demo,
    doctor,
    grade,
    import_,
    manual,
    new,
    override,
    plan,
    release,
    report,
    review,
    verify,
)
from grader.commands.terminal import say
from grader.errors import GraderError

app = typer.Typer(
    name="grader",
    help="Grade notebooks of numerics and GPU courses: safely, honestly and fast.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(value: bool) -> None:
    if value:
        say(f"grader {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    if debug:
        os.environ["GRADER_DEBUG"] = "1"


for _command in (
    demo.demo, plan.plan, grade.grade, report.report, review.review, override.override,
    manual.manual, check.check, new.new, import_.import_, verify.verify, release.release,
    doctor.doctor,
):  # fmt: skip
    app.command(_command.__name__.rstrip("_"))(_command)


def main() -> None:
    """Run a command; a fault of ours is one sentence and an exit status."""
    try:
        app()
    except GraderError as error:
        if os.environ.get("GRADER_DEBUG"):
            raise
        say(f"grader: {error}", err=True)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        say("grader: stopped. What was graded is kept; run the same command to go on.",
                   err=True)  # fmt: skip
        sys.exit(130)


def commands() -> dict[str, Any]:
    """Return the commands by name, for the documentation's tests."""
    return {str(item.name or item.callback.__name__): item.callback  # type: ignore[union-attr]
            for item in app.registered_commands}  # fmt: skip
