"""Read what may be Python, whatever somebody has written instead."""

import ast

# What Python raises of a text that it cannot read; of one that is too deep it says either of the
# last two, with memory enough.
UNREADABLE = (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError)


def parsed(source: str) -> ast.Module | None:
    """Return a text as Python; None where it is none, or too deep to read."""
    try:
        return ast.parse(source)
    except UNREADABLE:
        return None
