"""Moodle's download: a folder a student, or flat files whose names start as that folder's would."""

import re
from collections.abc import Iterator

from grader.submissions.claims import Claim, Layout, Refusal, View, stray

MARK = re.compile(r"_(?P<id>\d+)_assignsubmission_(?P<plugin>[a-z]+)(?:_|$)")


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read `Full Name_123_assignsubmission_file_`, a folder or the start of a file's name.

    What was typed into Moodle is handed in only by who has no file.
    """
    marks = {parts[0]: found for parts, _ in view.places
             if (found := MARK.search(parts[0])) and found.start()}  # fmt: skip
    filled = {parts[0] for parts, entry in view.places if not entry.is_empty}
    with_file = {found["id"] for name, found in marks.items()
                 if found["plugin"] == "file" and name in filled}  # fmt: skip
    for parts, entry in view.places:
        found = marks.get(parts[0])
        if not found:
            yield stray(entry, "Moodle")
        elif found["plugin"] != "file" and found["id"] in with_file:
            yield Refusal(entry, f"is Moodle's {found['plugin']} answer, not a file", known=True)
        else:
            own = parts[0][found.end() :] if len(parts) == 1 else ""
            yield Claim(parts[0][: found.start()], entry, found["id"], file=own)


LAYOUT = Layout("a Moodle download", read)
