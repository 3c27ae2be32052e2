"""Autolab's download: `<e-mail>_<version>_<file>`, the newest version of each or all of them."""

import re
from collections.abc import Iterator

from grader.submissions.claims import Claim, Layout, Refusal, View, stray

HANDIN = re.compile(r"(?P<mail>[^@\s]+@[^@_\s]+)_(?P<version>\d{1,18})_(?P<rest>.+)", re.DOTALL)


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read `ada@example.edu_10_softmax.ipynb`; a later version comes after it, 10 after 2."""
    for parts, entry in view.places:
        found = HANDIN.fullmatch(parts[0])
        if found:
            attempt = (int(found["version"]),)
            yield Claim(found["mail"], entry, found["mail"], attempt=attempt, file=found["rest"])
        else:
            yield stray(entry, "Autolab")


LAYOUT = Layout("an Autolab download", read)
