"""What a layout is, and what it says of each file: whose it is, or why it is nobody's."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from grader.submissions.sources import Entry, RejectedError, Source

NOTEBOOK = ".ipynb"
# What browsers, systems and people put behind a name: `a.ipynb.txt`, `a.ipynb (1)`, `a.ipynb `.
RENAMED = re.compile(
    r"\.ipynb(?:\.(?:json|txt|(?:op|cr)?download|bin|octet-stream|part(?:ial)?|bak|old|orig))?[\s._~()\d-]{0,20}$",
    re.IGNORECASE,
)
UNNAMED = frozenset({"", ".json", ".txt"})  # may be a notebook all the same: its content says
OTTER_MARKS = frozenset({".OTTER_LOG", "__zip_filename__"})
SIDE_FILE = "._"  # what macOS writes beside each file where a disk cannot hold its attributes
SNIFFED = 2_000


class Place(NamedTuple):
    """A file and where it lies below the folder that the layout starts at."""

    parts: tuple[str, ...]
    entry: Entry


@dataclass(frozen=True, slots=True)
class Claim:
    """A file that belongs to a student, who is `identity` where the platform gives one.

    `student` is a name to be shown. Two people of one name without an identity are told by `apart`
    where the download tells them. `attempt` orders what one student handed in several times;
    `order` the files of one attempt, by the platform's own numbers.
    """

    student: str
    entry: Entry
    identity: str = ""
    apart: str = ""
    attempt: tuple[int, ...] = ()
    order: int = 0
    received: str | None = None
    late: bool = False
    members: tuple[str, ...] = ()
    is_sure: bool = True  # a platform says whose it is, not only the name of a folder
    file: str = ""  # what the student called it, where the platform put something before that

    @property
    def own_name(self) -> str:
        """What the student called the file."""
        return self.file or self.entry.name


class Refusal(NamedTuple):
    """A file that belongs to no student, and why.

    `known` where the layout says what it is; `is_record` where the platform has put it there, so
    that nobody need hear of it.
    """

    entry: Entry
    reason: str
    known: bool = False
    is_record: bool = False


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

    @property
    def folders(self) -> dict[str, None]:
        """The folders at the top that hold something which a student could have handed in."""
        return dict.fromkeys(p.parts[0] for p in self.handed_in if len(p.parts) > 1)

    def below(self, folder: str) -> "View":
        """Return the view of one of the folders at the top."""
        inside = tuple(Place(p.parts[1:], p.entry) for p in self.places
                       if p.parts[0] == folder and len(p.parts) > 1)  # fmt: skip
        hidden = tuple(parts[1:] for parts in self.hidden if parts[0] == folder)
        return View(self.source, (*self.wrapper, folder), inside, self.assignment, hidden)


def outermost(seen: Sequence[View]) -> View:
    """Return the source as it was given, with every folder that wraps it."""
    return seen[0]


@dataclass(frozen=True, slots=True)
class Layout:
    """How one platform lays out what students handed in; its name is its module's.

    `read` gives one `Claim` or `Refusal` for each file of the view, by marks that the platform
    makes and a student cannot. `weight` says how sure those marks are, from 0 to 1: what explains
    most of a download, weighed by it, is how the download is read. `title` names the platform in a
    sentence.
    """

    title: str
    read: Callable[[View], Iterator[Claim | Refusal]]
    weight: float = 1.0
    start: Callable[[Sequence[View]], View] | None = None  # of the views, where not all are tried


def is_candidate(entry: Entry) -> bool:
    """Say whether a file's name is that of a notebook or of a zip that may hold one."""
    is_named = entry.suffix == ".zip" or RENAMED.search(entry.name) is not None
    return (is_named or entry.is_script) and not entry.name.startswith(SIDE_FILE)


def is_disguised(entry: Entry) -> bool:
    """Say whether a file of another name begins like a notebook."""
    called = entry.suffix in UNNAMED or NOTEBOOK in entry.name.lower()
    if entry.problem or not called or entry.name in OTTER_MARKS:
        return False
    try:
        start = entry.start(SNIFFED)
    except RejectedError:
        return False
    head = start.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t")
    return head.startswith(b"{") and (b'"cells"' in head or b'"nbformat"' in head)


def why_not(entry: Entry) -> str:
    """Return why a file that no student hands in is not graded."""
    if entry.name in OTTER_MARKS:
        return "is otter's own record, which is not read"
    if entry.name.startswith(SIDE_FILE):
        return "is a side file of macOS, which is not read"
    return entry.problem or "is not a notebook"


def stray(entry: Entry, platform: str) -> Refusal:
    """Refuse a file that is not named as the platform names what students handed in."""
    if is_candidate(entry):
        reason = f"is not named as {platform} names files; give it as a path of its own to grade it"
        return Refusal(entry, reason)
    return Refusal(entry, why_not(entry))


def own_record(entry: Entry, platform: str) -> Refusal:
    """Refuse a file that the platform itself has put there."""
    return Refusal(entry, f"is {platform}'s own record", known=True, is_record=True)


def views(source: Source, assignment: str | None) -> Iterator[View]:
    """Yield the source, then the same without each folder that wraps all of it.

    Files beside such a folder do not hide it, nor do folders in which nothing was handed in.
    """
    places = tuple(Place(entry.parts, entry) for entry in (*source.entries, *source.empty))
    view = View(source, (), places, assignment, source.hidden)
    yield view
    while len(view.folders) == 1:
        view = view.below(*view.folders)
        yield view
