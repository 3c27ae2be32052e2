"""nbgrader's tree: `submitted/<student>/<assignment>/`, with a file that tells the moment."""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from grader.submissions.claims import Claim, Layout, Place, Refusal, View
from grader.submissions.sources import Entry, RejectedError

STAMP_BYTES = 200
SUBMITTED = "submitted"
DEPTH = 3  # student, assignment, file


def fits(view: View) -> bool:
    return _root(view) is not None


def _root(view: View) -> int | None:
    """Return how many folders lead to the students' folders; None where nothing looks so."""
    places = view.places
    if any(parts[0] == SUBMITTED and len(parts) > DEPTH for parts, _ in places):
        return 1
    stamped = any(len(parts) == DEPTH and _is_stamp(entry) for parts, entry in places)
    deep = [place for place in view.handed_in if len(place.parts) >= DEPTH]
    return 0 if stamped or (view.outer == SUBMITTED and deep) else None


def _is_stamp(entry: Entry) -> bool:
    return entry.name == "timestamp.txt"


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read `submitted/<student>/<assignment>/`, with the moment that nbgrader wrote beside it."""
    root = _root(view) or 0
    inside: dict[tuple[str, ...], list[Place]] = defaultdict(list)
    for place in view.places:
        parts = place.parts
        if len(parts) < root + DEPTH or (root and parts[0] != SUBMITTED):
            yield Refusal(place.entry, "lies outside submitted/<student>/<assignment>/")
        else:
            inside[parts[root : root + 2]].append(place)
    assignments: dict[str, set[str]] = defaultdict(set)
    for student, assignment in inside:
        assignments[student].add(assignment)
    for (student, assignment), places in inside.items():
        if view.assignment in assignments[student] and assignment != view.assignment:
            for place in places:
                yield Refusal(place.entry, f"belongs to {assignment}, not to {view.assignment}")
            continue
        stamp = next((place.entry for place in places if _is_stamp(place.entry)), None)
        received = _moment(stamp) if stamp else None
        for place in places:
            if place.entry is not stamp:
                yield Claim(student, place.entry, received=received)


def _moment(entry: Entry) -> str | None:
    """Return ISO 8601 for `2015-02-02 15:58:23.948203 America/Los_Angeles`, or None."""
    try:
        text = entry.read(STAMP_BYTES).decode("ascii").strip()
        date, _, zone = text.rpartition(" ")
        if re.search(r"\d$", zone):  # the time itself, or an offset that fromisoformat reads
            return datetime.fromisoformat(text.replace(" +", "+").replace(" -", "-")).isoformat()
        return datetime.fromisoformat(date).replace(tzinfo=ZoneInfo(zone)).isoformat()
    except (RejectedError, ValueError, OSError, KeyError):
        return None  # a moment nobody can read is no reason to refuse a student


LAYOUT = Layout(order=40, fits=fits, read=read)
