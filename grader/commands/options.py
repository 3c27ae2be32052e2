"""Options that several commands share, and the exit statuses."""

import enum
from pathlib import Path
from typing import Annotated

import typer

DONE, INCOMPLETE, UNPROVED = 0, 1, 3

AssignmentName = Annotated[
    str, typer.Argument(help="A slug, a folder under assignments/, or otter's autograder.zip.")
]
CourseFolder = Annotated[
    Path | None,
    typer.Option("--course", help="The folder with assignments/ and solutions/."),
]
OutFolder = Annotated[Path, typer.Option("-o", "--out", help="Where the outputs go.")]


class IsolationChoice(enum.StrEnum):
    """What may be asked for; the levels in between are proved, never chosen."""

    AUTO = "auto"
    NONE = "none"


class Device(enum.StrEnum):
    """Where GPU questions are judged."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


Isolation = Annotated[
    IsolationChoice, typer.Option(help="auto, or none to run student code with your own rights.")
]
Limit = Annotated[
    list[str] | None,
    typer.Option(
        "--limit", metavar="NAME=NUMBER", help="As in assignment.toml: cell_seconds=300, for one."
    ),
]
Jobs = Annotated[
    int | None, typer.Option("--jobs", "-j", min=1, help="How many submissions at once.")
]
Give = Annotated[
    list[str] | None,
    typer.Option("--give", help="Files beside the notebook that students' code may read (a glob)."),
]
Withhold = Annotated[
    list[str] | None,
    typer.Option("--withhold", help="Files of the course that only tests may read (a glob)."),
]
Network = Annotated[
    bool,
    typer.Option("--network", help="Let notebooks reach the internet; every output says so."),
]
