"""What is written on a terminal: the names in it come from students, and stay text."""

import typer

from grader.renderers.text import shown


def say(text: str, *, err: bool = False) -> None:
    """Write lines with every control, escape sequence and bidirectional mark visible."""
    typer.echo("\n".join(map(shown, text.split("\n"))), err=err)
