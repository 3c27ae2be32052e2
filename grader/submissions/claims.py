"""What a layout is, and what it says of each file: whose it is, or why it is nobody's."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from grader.submissions.sources import Entry, Source

NOTEBOOK = ".ipynb"
OTTER_MARKS = frozenset({".OTTER_LOG", "__zip_filename__"})
COPY = re.compile(r"(?:\s*\(\d+\)|[-_ ]+(?:copy|final|v?\d+))+$", re.IGNORECASE)


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
    wrapper: tuple[str, ...]
    places: tuple[Place, ...]
    assignment: str | None = None
    hidden: tuple[tuple[str, ...], ...] = field(default=())

    @property
    def outer(self) -> str:
        """The name of the folder that this view starts at."""
        return self.wrapper[-1] if self.wrapper else self.source.stem

    @property
    def outside(self) -> list[Entry]:
        """The files that lie beside what this view shows."""
        shown = {id(place.entry) for place in self.places}
        return [entry for entry in self.source.entries if id(entry) not in shown]

    @property
    def handed_in(self) -> list[Place]:
        return [place for place in self.places if is_candidate(place.entry)]


def outermost(seen: Sequence[View]) -> View:
    """Return the source as it was given, with every folder that wraps it."""
    return seen[0]


@dataclass(frozen=True, slots=True)
class Layout:
    """How one platform lays out what students handed in; its name is its module's.

    `fits` looks at names only. `read` gives one `Claim` or `Refusal` for each file of the view.
    """

    order: int  # the lower, the surer its marks: the first layout that fits is taken
    fits: Callable[[View], bool]
    read: Callable[[View], Iterator[Claim | Refusal]]
    start: Callable[[Sequence[View]], View] = outermost  # of the views, where it fits none


def is_candidate(entry: Entry) -> bool:
    return entry.suffix in {NOTEBOOK, ".zip"}


def why_not(entry: Entry) -> str:
    """Return why a file that no student hands in is not graded."""
    if entry.name in OTTER_MARKS:
        return "is otter's own record, which is not read"
    return entry.problem or "is not a notebook"


def stray(entry: Entry, platform: str) -> Refusal:
    """Refuse a file that is not named as the platform names what students handed in."""
    if is_candidate(entry):
        reason = f"is not named as {platform} names files; give it as a path of its own to grade it"
        return Refusal(entry, reason)
    return Refusal(entry, why_not(entry))


def without_copy_mark(stem: str) -> str:
    """Return `softmax` for `softmax-1`, `softmax (2)` and `softmax copy`."""
    return COPY.sub("", stem) or stem


def copy_number(stem: str) -> int:
    """Return 2 for `softmax (2)` and 0 for `softmax`."""
    marks = re.findall(r"\d+", stem[len(without_copy_mark(stem)) :])
    return int(marks[-1][-9:]) if marks else 0


def views(source: Source, assignment: str | None) -> Iterator[View]:
    """Yield the source, then the same without each folder that wraps all of it.

    Files beside such a folder do not hide it, unless students could have handed them in.
    """
    wrapper: tuple[str, ...] = ()
    while True:
        depth = len(wrapper)
        inside = [entry for entry in source.entries if entry.parts[:depth] == wrapper]
        places = tuple(Place(entry.parts[depth:], entry) for entry in inside)
        hidden = tuple(parts[depth:] for parts in source.hidden if parts[:depth] == wrapper)
        yield View(source, wrapper, places, assignment, hidden)
        folders = {place.parts[0] for place in places if len(place.parts) > 1}
        beside = [place.entry for place in places if len(place.parts) == 1]
        if len(folders) != 1 or any(map(is_candidate, beside)):
            return
        wrapper = (*wrapper, *folders)
