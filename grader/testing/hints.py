"""What a hidden test tells a student of a failed check, beside the promise of its case."""

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def hint(text: str) -> Iterator[None]:
    """Tell the student `text` if a check inside this `with` fails.

    text: one sentence, a literal in the test file. Anything else is dropped when the class is
    graded and refused by `grader verify`, so that no value of a hidden input can travel in it.
    The innermost hint counts. Only an AssertionError carries it: an error that the student's own
    code raises may have any cause.
    """
    try:
        yield
    except AssertionError as problem:
        vars(problem).setdefault("hint", text)
        raise
