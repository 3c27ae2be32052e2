"""What is written on a terminal: the names in it come from students, and stay text."""

import typer


def say(text: str, *, err: bool = False) -> None:
    """Write lines with every control, escape sequence and bidirectional mark visible."""
    from grader.renderers.text import shown  # not for `--help`, which says nothing of its own

    typer.echo("\n".join(map(shown, text.split("\n"))), err=err)
