"""Brightspace's (D2L's) download: two numbers, the name, the moment; folders or flat files."""

import re
from collections import defaultdict
from collections.abc import Iterator

from grader.submissions.claims import Claim, Layout, Refusal, View, own_record, stray
from grader.submissions.names import iso, moment_of

MARK = re.compile(r"(?P<id>\d+)-\d+ - ")


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read `123-456 - Ada Lovelace - Nov 5, 2026 1015 AM`, a folder or before ` - softmax.ipynb`.

    The first number is the student's only where each name has its own: some sites repeat it.
    """
    told = {parts[0]: found for parts, _ in view.places if (found := _parse(parts[0]))}
    names: dict[str, set[str]] = defaultdict(set)
    for number, name, _ in told.values():
        names[number].add(name)
    own_numbers = all(len(known) == 1 for known in names.values())
    for parts, entry in view.places:
        if parts == ("index.html",):
            yield own_record(entry, "Brightspace")
        elif parts[0] not in told:
            yield stray(entry, "Brightspace")
        else:
            number, name, moment = told[parts[0]]
            identity = number if own_numbers else ""
            own = parts[0].rpartition(" - ")[2] if len(parts) == 1 else ""
            yield Claim(name, entry, identity, attempt=moment, received=iso(moment), file=own)


def _parse(text: str) -> tuple[str, str, tuple[int, ...]] | None:
    """Return the number, the name and the moment of a folder or a flat file."""
    mark = MARK.match(text)
    if not mark:
        return None
    name, *rest = text[mark.end() :].split(" - ")
    for at, part in enumerate(rest):  # a name may hold " - " as well
        if moment := moment_of(part):
            return mark["id"], " - ".join([name, *rest[:at]]).strip(), moment
    return (mark["id"], name.strip(), ()) if rest and name.strip() else None


LAYOUT = Layout("a Brightspace download", read)
