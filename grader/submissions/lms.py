"""The layouts that are told by names alone: Canvas, Moodle, nbgrader and GitHub Classroom."""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import takewhile
from zoneinfo import ZoneInfo

from grader.submissions.claims import (
    Claim,
    Place,
    Refusal,
    View,
    is_candidate,
    why_not,
    without_copy_mark,
)
from grader.submissions.sources import Entry, RejectedError

CANVAS = re.compile(
    r"(?P<name>.+?)_(?P<late>LATE_)?(?P<user>\d+)_(?P<file>\d+)_(?P<rest>.+)", re.DOTALL
)
MOODLE = re.compile(
    r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_(?P<plugin>[a-z]+)(?:_.*)?", re.DOTALL
)
STAMP_BYTES = 200
SUBMITTED = "submitted"
NBGRADER_DEPTH = 3  # student, assignment, file


def fits_canvas(view: View) -> bool:
    """Return whether most of what students can hand in is named as Canvas names it."""
    flat = [place for place in view.handed_in if len(place.parts) == 1]
    named = [place for place in flat if CANVAS.fullmatch(place.entry.name)]
    return bool(named) and 2 * len(named) >= len(view.handed_in)


def read_canvas(view: View) -> Iterator[Claim | Refusal]:
    """Read `smithbob_LATE_1234_5678_softmax-1.ipynb`: name, lateness, user and file number."""
    for parts, entry in view.places:
        found = CANVAS.fullmatch(entry.name) if len(parts) == 1 else None
        if found:
            late = found["late"] is not None
            yield Claim(found["name"], entry, found["user"], int(found["file"]), late=late)
        else:
            yield _stray(entry, "Canvas")


def _stray(entry: Entry, lms: str) -> Refusal:
    if is_candidate(entry):
        reason = f"is not named as {lms} names files; give it as a path of its own to grade it"
        return Refusal(entry, reason)
    return Refusal(entry, why_not(entry))


def fits_moodle(view: View) -> bool:
    return any(MOODLE.fullmatch(place.parts[0]) for place in view.places)


def read_moodle(view: View) -> Iterator[Claim | Refusal]:
    """Read `Full Name_123_assignsubmission_file_`, a folder or the start of a file's name."""
    for parts, entry in view.places:
        found = MOODLE.fullmatch(parts[0])
        if not found:
            yield _stray(entry, "Moodle")
        elif found["plugin"] != "file":
            yield Refusal(entry, f"is Moodle's {found['plugin']} answer, not a file")
        else:
            yield Claim(found["name"], entry, found["id"])


def fits_nbgrader(view: View) -> bool:
    return _nbgrader_root(view) is not None


def _nbgrader_root(view: View) -> int | None:
    """Return how many folders lead to the students' folders; None where nothing looks so."""
    places = view.places
    if any(parts[0] == SUBMITTED and len(parts) > NBGRADER_DEPTH for parts, _ in places):
        return 1
    stamped = any(len(parts) == NBGRADER_DEPTH and _is_stamp(entry) for parts, entry in places)
    deep = [place for place in view.handed_in if len(place.parts) >= NBGRADER_DEPTH]
    return 0 if stamped or (view.outer == SUBMITTED and deep) else None


def _is_stamp(entry: Entry) -> bool:
    return entry.name == "timestamp.txt"


def read_nbgrader(view: View) -> Iterator[Claim | Refusal]:
    """Read `submitted/<student>/<assignment>/`, with the moment that nbgrader wrote beside it."""
    root = _nbgrader_root(view) or 0
    inside: dict[tuple[str, ...], list[Place]] = defaultdict(list)
    for place in view.places:
        parts = place.parts
        if len(parts) < root + NBGRADER_DEPTH or (root and parts[0] != SUBMITTED):
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


def fits_github(view: View) -> bool:
    folders = {place.parts[0] for place in view.handed_in if len(place.parts) > 1}
    cloned = {parts[0] for parts in view.hidden if parts[1:] == (".git",)}
    # A folder's name alone proves little: `softmax-submissions` may hold all of them.
    return bool(folders & cloned) or (len(folders) > 1 and bool(_named_prefix(view, folders)))


def read_github(view: View) -> Iterator[Claim | Refusal]:
    """Read `<assignment>-<login>/`, one folder a clone."""
    folders = {place.parts[0] for place in view.places if len(place.parts) > 1}
    cloned = folders & {parts[0] for parts in view.hidden if parts[1:] == (".git",)}
    own = cloned or folders
    prefix = _named_prefix(view, own) or _shared_prefix(own)
    for parts, entry in view.places:
        if parts[0] in own and len(parts) > 1:
            yield Claim(parts[0][len(prefix) :], entry)
        elif is_candidate(entry):
            yield Refusal(entry, "lies in no clone; give it as a path of its own to grade it")
        else:
            yield Refusal(entry, why_not(entry))


def _named_prefix(view: View, folders: set[str]) -> str:
    """Return the assignment's name that starts every folder's: told, or a notebook's own."""
    stems = {without_copy_mark(place.entry.stem) for place in view.handed_in}
    if view.assignment:
        stems.add(view.assignment)
    fitting = [
        stem
        for stem in stems
        if all(folder.startswith(f"{stem}-") and folder != f"{stem}-" for folder in folders)
    ]
    return f"{max(fitting, key=len)}-" if fitting else ""


def _shared_prefix(folders: set[str]) -> str:
    """Return what all clones' names share up to a hyphen; of one clone nothing can be told."""
    first, last = min(folders), max(folders)
    same = sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    )
    return first[: first.rfind("-", 0, same) + 1] if first != last else ""
