"""Wires the commands together."""

import os
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


def commands() -> dict[str, Any]:
    """Return the commands by name, for the documentation's tests."""
    return {str(item.name or item.callback.__name__): item.callback  # type: ignore[union-attr]
            for item in app.registered_commands}  # fmt: skip
