"""Moodle's download: a folder a student, or flat files whose names start as that folder's would."""

import re
from collections.abc import Iterator

from grader.submissions.claims import Claim, Layout, Refusal, View, stray

MOODLE = re.compile(
    r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_(?P<plugin>[a-z]+)(?:_.*)?", re.DOTALL
)


def fits(view: View) -> bool:
    return any(MOODLE.fullmatch(place.parts[0]) for place in view.places)


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read `Full Name_123_assignsubmission_file_`, a folder or the start of a file's name."""
    for parts, entry in view.places:
        found = MOODLE.fullmatch(parts[0])
        if not found:
            yield stray(entry, "Moodle")
        elif found["plugin"] != "file":
            yield Refusal(entry, f"is Moodle's {found['plugin']} answer, not a file")
        else:
            yield Claim(found["name"], entry, found["id"])


LAYOUT = Layout(order=20, fits=fits, read=read)
