"""Microsoft Teams' files: `Submitted files/<student>/<assignment>/Version <n>/`."""

from collections.abc import Iterator

from grader.submissions.claims import Claim, Layout, Refusal, View, stray
from grader.submissions.names import try_number

SUBMITTED, WORKING = "submitted files", "working files"
DEPTH = 3  # student, assignment, file


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read the library `Student Work`, or what lies below its `Submitted files`.

    Working files are what nobody has handed in yet.
    """
    inside = view.outer.casefold() == SUBMITTED
    for parts, entry in view.places:
        top, below = parts[0].casefold(), parts if inside else parts[1:]
        if not inside and top == WORKING:
            yield Refusal(entry, "is a working file, which was not handed in", known=True)
        elif len(below) < DEPTH or not (inside or top == SUBMITTED):
            yield stray(entry, "Teams")
        else:
            numbers = [number for part in below[1:-1] if (number := try_number(part)) is not None]
            yield Claim(below[0], entry, attempt=tuple(numbers[-1:]))


LAYOUT = Layout("a Teams download", read)
