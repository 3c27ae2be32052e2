"""nbgrader's exchange: `inbound/<user>+<assignment>+<moment>+<random>/`, a folder an attempt."""

import re
from collections.abc import Iterator

from grader.submissions.claims import Claim, Layout, Refusal, View, own_record, stray
from grader.submissions.nbgrader_times import moment_in, parsed

ATTEMPT = re.compile(
    r"(?P<user>[^+]+)\+(?P<assignment>[^+]+)\+(?P<moment>[^+]+)(?:\+(?P<tail>.*))?"
)


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read `ada+softmax+2026-11-03 10:21:33.000000 UTC+cmFuZG9t/`; the newest attempt counts."""
    stamps = {parts[0]: e for parts, e in view.places if parts[1:] == ("timestamp.txt",)}
    filled = {parts[0] for parts, entry in view.places
              if not entry.is_empty and entry is not stamps.get(parts[0])}  # fmt: skip
    for parts, entry in view.places:
        found = ATTEMPT.fullmatch(parts[0]) if len(parts) > 1 else None
        if found is None:
            yield stray(entry, "nbgrader's exchange")
        elif view.assignment and found["assignment"] != view.assignment and _has_own(view):
            reason = f"belongs to {found['assignment']}, not to {view.assignment}"
            yield Refusal(entry, reason, known=True)
        elif entry is stamps.get(parts[0]) and parts[0] in filled:
            yield own_record(entry, "nbgrader")
        else:
            received = parsed(found["moment"]) or moment_in(stamps.get(parts[0]))
            digits = re.findall(r"\d+", received or found["moment"])
            attempt = tuple(int(part[:18]) for part in digits[:7])
            yield Claim(found["user"], entry, found["user"], attempt=attempt, received=received)


def _has_own(view: View) -> bool:
    """Say whether anybody handed in the assignment that is graded."""
    found = (ATTEMPT.fullmatch(place.parts[0]) for place in view.places)
    return any(one is not None and one["assignment"] == view.assignment for one in found)


LAYOUT = Layout("nbgrader's exchange", read)
