"""Sakai's "Download All": `Last, First(login)/`, the files one folder further down."""

import re
from collections.abc import Iterator

from grader.submissions.claims import (
    Claim,
    Layout,
    Refusal,
    View,
    is_candidate,
    own_record,
    stray,
    why_not,
)
from grader.submissions.names import iso
from grader.submissions.sources import Entry, RejectedError

PERSON = re.compile(r"(?P<name>[^()]+)\((?P<login>[^()]+)\)")
ATTACHED = "submission attachment(s)"
OWN = frozenset({"timestamp.txt", "comments.txt", "feedbacktext.html", "grades.csv", "grades.xls"})
STAMP = "timestamp.txt"
STAMP_BYTES = 200


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read `Lovelace, Ada(ada)/Submission attachment(s)/softmax.ipynb`, the moment beside it."""
    stamps = {parts[0]: entry for parts, entry in view.places if parts[1:] == (STAMP,)}
    attached = {
        p.parts[0] for p in view.places if p.parts[1:2] and p.parts[1].casefold() == ATTACHED
    }
    own = attached | set(stamps)
    filled = {p.parts[0] for p in view.places if not p.entry.is_empty and p.parts[0] in attached
              and p.parts[1:2] and p.parts[1].casefold() == ATTACHED}  # fmt: skip
    typed_in = {p.parts[0] for p in view.places if _is_text(p.parts[-1]) and p.entry.size > 0}
    for parts, entry in view.places:
        found = PERSON.fullmatch(parts[0]) if parts[0] in own else None
        is_text = _is_text(parts[-1])
        typed = is_text and entry.size > 0 and parts[0] not in filled  # in place of a file
        # A moment and nothing else: somebody has handed in nothing that can be graded.
        typed |= entry is stamps.get(parts[0]) and parts[0] not in attached | typed_in
        is_own = parts[-1].casefold() in OWN or is_text
        if is_own and len(parts) <= len((parts[0], STAMP)) and not (typed and found):
            yield own_record(entry, "Sakai")
        elif found is None:
            yield stray(entry, "Sakai")
        elif parts[1].casefold() == ATTACHED or typed:
            name, login = _shown(found["name"]), found["login"].strip()
            received = _moment(stamps.get(parts[0]))
            yield Claim(name, entry, login, received=received)
        elif is_candidate(entry):
            yield Refusal(entry, "is not what the student attached", known=True)
        else:
            yield Refusal(entry, why_not(entry))


def _is_text(name: str) -> bool:
    """Say whether a file is what was typed into Sakai."""
    return name.casefold().endswith("_submissiontext.html")


def _shown(name: str) -> str:
    """Return `Ada Lovelace` for `Lovelace, Ada`."""
    last, comma, first = name.partition(",")
    return f"{first.strip()} {last.strip()}" if comma else name.strip()


def _moment(entry: Entry | None) -> str | None:
    """Return ISO 8601 for `20261105101500000`; a moment nobody can read is no reason to refuse."""
    try:
        text = entry.read(STAMP_BYTES).decode("ascii").strip() if entry else ""
    except (RejectedError, UnicodeDecodeError):
        return None
    found = re.match(r"(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})", text)
    return iso(tuple(int(part) for part in found.groups())) if found else None


LAYOUT = Layout("a Sakai download", read)
