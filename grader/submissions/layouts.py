"""The folder layouts of each LMS: recognised by what they hold, read into claims."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from grader.submissions.sources import Entry, Source

NOTEBOOK = ".ipynb"
COPY = re.compile(r"(?:[-_ ]*(?:\(\d+\)|copy|v?\d+|final))+$", re.IGNORECASE)
CANVAS = re.compile(r"(?P<name>.+?)_(?P<late>LATE_)?(?P<user>\d+)_(?P<file>\d+)_(?P<rest>.+)")
MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?P<plugin>[a-z]+)(?:_.*)?")
OTTER_MARKS = frozenset({".OTTER_LOG", "__zip_filename__"})


class Place(NamedTuple):
    """A file and where it lies below the folder that the layout starts at."""

    parts: tuple[str, ...]
    entry: Entry


@dataclass(frozen=True, slots=True)
class Claim:
    """A file that belongs to a student; `identity` tells namesakes apart."""

    student: str
    entry: Entry
    identity: str = ""
    order: int = 0  # the LMS's own number, newest highest; decides before the time of the file
    received: str | None = None
    late: bool = False
    members: tuple[str, ...] = ()


class Refusal(NamedTuple):
    """A file that belongs to no student, and why."""

    entry: Entry
    reason: str


@dataclass(frozen=True, slots=True)
class View:
    """A source seen from one of its folders."""

    source: Source
    depth: int
    places: tuple[Place, ...]
    assignment: str | None = None
    hidden: tuple[tuple[str, ...], ...] = field(default=())

    @property
    def handed_in(self) -> list[Place]:
        return [place for place in self.places if is_candidate(place.entry)]


Reader = Callable[[View], Iterator[Claim | Refusal]]


class Layout(NamedTuple):
    """How to tell a layout, and how to read it."""

    fits: Callable[[View], bool]
    read: Reader


def is_candidate(entry: Entry) -> bool:
    return entry.suffix in {NOTEBOOK, ".zip"}


def views(source: Source, assignment: str | None) -> Iterator[View]:
    """Yield the source, then the same without each folder that wraps all of it."""
    depth = 0
    while True:
        places = tuple(Place(entry.parts[depth:], entry) for entry in source.entries)
        hidden = tuple(parts[depth:] for parts in source.hidden)
        yield View(source, depth, places, assignment, hidden)
        first = {place.parts[0] for place in places}
        if len(first) != 1 or any(len(place.parts) == 1 for place in places):
            return
        depth += 1


def read(source: Source, layout: str | None, assignment: str | None) -> Iterator[Claim | Refusal]:
    """Read a source in the layout named, or in the first one that fits."""
    seen = list(views(source, assignment))
    names = [layout] if layout else [name for name in LAYOUTS if name != "plain"]
    for view in seen:
        for name in names:
            if LAYOUTS[name].fits(view):
                return LAYOUTS[name].read(view)
    if layout:
        return LAYOUTS[layout].read(seen[0])
    return _read_plain(_unwrap(seen))


def _fits_plain(view: View) -> bool:
    return view.depth == 0


def _unwrap(seen: list[View]) -> View:
    """Drop the folders that wrap a class, but not the one that names a class of one."""
    chosen = seen[0]
    for outer, inner in pairwise(seen):
        wrapper = outer.places[0].parts[0]
        owners = {_owner(place) for place in inner.handed_in}
        packed = outer.source.kind == "zip" and wrapper == outer.source.stem
        if len(owners) < 2 and not packed:  # noqa: PLR2004 - two students make a class
            break
        chosen = inner
    return chosen


def _owner(place: Place) -> str:
    """Return whom a file seems to belong to; copies of one file belong to one student."""
    return place.parts[0] if len(place.parts) > 1 else COPY.sub("", place.entry.stem)


def _read_plain(view: View) -> Iterator[Claim | Refusal]:
    alone = _packed_alone(view)
    for parts, entry in view.places:
        if alone:
            yield Claim(alone, entry)
        elif len(parts) > 1:
            yield Claim(parts[0], entry)
        elif is_candidate(entry):
            identity = "" if len(view.handed_in) > 1 else view.source.origin
            yield Claim(entry.stem, entry, identity)
        else:
            yield Refusal(entry, "is not a notebook")


def _packed_alone(view: View) -> str | None:
    """Return the student of a zip that holds one student's work: what otter exports."""
    if view.source.kind != "zip":
        return None
    notebooks = [place.entry for place in view.handed_in]
    marked = any(place.entry.name in OTTER_MARKS for place in view.places)
    named = view.assignment and all(_is_for(entry, view.assignment) for entry in notebooks)
    return view.source.stem if marked or (notebooks and named) else None


def _is_for(entry: Entry, assignment: str) -> bool:
    return entry.stem.casefold().startswith(assignment.casefold())


LAYOUTS: dict[str, Layout] = {
    "plain": Layout(_fits_plain, _read_plain),
}
