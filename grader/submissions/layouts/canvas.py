"""Canvas's download: every file in one folder, its name made of the student's and two numbers."""

import re
from collections.abc import Iterator

from grader.submissions.claims import Claim, Layout, Refusal, View, stray

CANVAS = re.compile(
    r"(?P<name>.+?)_(?P<late>LATE_)?(?P<user>\d+)_(?P<file>\d+)_(?P<rest>.+)", re.DOTALL
)


def fits(view: View) -> bool:
    """Return whether most of what students can hand in is named as Canvas names it."""
    flat = [place for place in view.handed_in if len(place.parts) == 1]
    named = [place for place in flat if CANVAS.fullmatch(place.entry.name)]
    return bool(named) and 2 * len(named) >= len(view.handed_in)


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read `smithbob_LATE_1234_5678_softmax-1.ipynb`: name, lateness, user and file number."""
    for parts, entry in view.places:
        found = CANVAS.fullmatch(entry.name) if len(parts) == 1 else None
        if found:
            late = found["late"] is not None
            yield Claim(found["name"], entry, found["user"], int(found["file"]), late=late)
        else:
            yield stray(entry, "Canvas")


LAYOUT = Layout(order=30, fits=fits, read=read)
