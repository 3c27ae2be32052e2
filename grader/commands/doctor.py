"""The command `doctor`."""

from pathlib import Path
from typing import Annotated

import typer

from grader.commands.options import INCOMPLETE, UNPROVED, Device
from grader.commands.terminal import say


def doctor(
    course: Annotated[
        Path | None,
        typer.Option("--course", help="Also judge the references of this course here."),
    ] = None,
    device: Annotated[Device, typer.Option(help="Where GPU questions go.")] = Device.AUTO,
) -> None:
    """Say what this machine can do, and what to install.

    The isolation that is proved, the GPU, the versions that are installed.
    """
    from grader.commands import examination

    if not examination.examine(say):
        raise typer.Exit(UNPROVED)
    if course is not None and not examination.examine_course(course, say, device):
        raise typer.Exit(INCOMPLETE)
