"""From paths to submissions: one a student, the newest attempt first, everything else named."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from pathlib import Path

from grader.errors import UsageError
from grader.model import Assignment, Limits, Submission
from grader.renderers.text import shown
from grader.submissions import evidence, layouts, scripts
from grader.submissions.choice import NAMED, Choice, Chooser, Skipped, listed
from grader.submissions.claims import (
    OTTER_MARKS,
    Claim,
    Refusal,
    is_candidate,
    is_disguised,
    why_not,
)
from grader.submissions.content import Wanted
from grader.submissions.evidence import Reading
from grader.submissions.names import composed, names_nobody
from grader.submissions.other_kinds import adds_to, may_be_work
from grader.submissions.people import Person, people
from grader.submissions.roster import Roster
from grader.submissions.roster_columns import plain
from grader.submissions.sources import (
    Entry,
    RejectedError,
    Source,
    open_file,
    open_inner,
    open_path,
)

LATE = 0.0
# A part of what Google Drive hands out, which is no student's.
DRIVE_PART = re.compile(r".+-\d{8}T\d{6}Z(?:-\d+)?-\d{3}\.zip")
CHECKPOINTS = ".ipynb_checkpoints"


@dataclass(frozen=True, slots=True)
class Collection:
    """Everything that was found, in an order that does not depend on the file system.

    `understood` is one line that says how the paths were read, `notes` what a person should look
    at; `chosen` says of each submission why it is that file.
    """

    chosen: tuple[Choice, ...]
    skipped: tuple[Skipped, ...]
    understood: str = ""
    notes: tuple[str, ...] = ()

    @property
    def submissions(self) -> tuple[Submission, ...]:
        return tuple(choice.submission for choice in self.chosen)

    @property
    def lost(self) -> tuple[Skipped, ...]:
        """What may be a student's work and is graded for nobody."""
        return tuple(one for one in self.skipped if one.is_lost)


@dataclass(slots=True)
class _Found:
    """What was found so far, of all paths."""

    claims: list[Claim]
    skipped: list[Skipped]
    titles: dict[str, None]


def collect(
    paths: Sequence[Path],
    *,
    limits: Limits,
    layout: str | None = None,
    assignment: Assignment | Wanted | None = None,
    roster: Roster | None = None,
    without: Sequence[Path] = (),
) -> Collection:
    """Collect what each student handed in last from folders, zips and notebooks.

    `layout` overrides what would be recognised by content. The `assignment` tells its own notebook
    from others. With a `roster`, whoever handed in nothing is there too, and a download that can
    be read in two ways is read in the one that finds its people. What lies `without` is no part of
    it. UsageError where a path does not exist, nothing at all was handed in, or nobody can tell how
    it is to be read.
    """
    if layout is not None and layout not in layouts.names():
        known = ", ".join(layouts.names())
        raise UsageError(f"There is no layout {layout!r}. Choose one of: {known}.")
    if not paths:
        raise UsageError("No submissions were named. Give a folder, a zip or a notebook.")
    wanted = Wanted.of(assignment) if isinstance(assignment, Assignment) else assignment
    chooser = Chooser(limits, wanted)
    found = _Found([], [], {})
    sources = _sources(paths)
    for source in sources:
        left = _apart(source, without)
        reading = _read(scripts.marked(left, wanted), layout, chooser, roster)
        found.titles[reading.layout.title] = None
        if wanted is not None and wanted.takes_files:
            reading = _of_one(reading)
        _sort_out(reading, source, None if wanted is None else wanted.slug, found)
    claims = found.claims if roster is None else [roster.known(claim) for claim in found.claims]
    persons = people(claims)
    choices = [choice for person in persons if (choice := chooser.choose(person))]
    chosen = list(choices)
    skipped = [*found.skipped, *chooser.skipped]
    are_files = all(source.kind == "file" for source in sources)
    if not chosen or (are_files and not any(map(_is_book, claims))):
        skipped += [Skipped(claim.entry.path, why_not(claim.entry)) for claim in claims]
        raise UsageError(shown(_nothing(paths, skipped)))
    notes = [*_pointed_out(chosen, wanted), *_perhaps_one(chosen, wanted), *_empty_handed(chosen)]
    if roster is not None:
        submissions = [choice.submission for choice in chosen]
        chosen += [Choice(one, "on the roster") for one in roster.missing(submissions)]
        notes += [*roster.doubts, *roster.unknown(submissions)]
    return Collection(
        tuple(sorted(chosen, key=lambda one: (one.submission.student, one.submission.path))),
        tuple(sorted(set(skipped), key=lambda one: (one.path, one.reason))),
        _understood(choices, persons, found, len(skipped)),
        tuple(map(shown, notes)),
    )


def _sources(paths: Sequence[Path]) -> list[Source]:
    """Open what was named; files of one folder are one source, so that they explain each other."""
    named = [part for path in dict.fromkeys(map(Path, paths)) for part in _parts(path)]
    opened: list[Source] = []
    singles: dict[str, int] = {}
    for path in named:
        source = _open(path, alone=len(named) == 1)
        at = singles.get(source.origin) if source.kind == "file" else None
        if at is not None:
            opened[at] = replace(opened[at], entries=(*opened[at].entries, *source.entries))
            continue
        if source.kind == "file":
            singles[source.origin] = len(opened)
        opened.append(source)
    return opened


def _parts(path: Path) -> list[Path]:
    """Return the zips of a folder in which Google Drive's parts of one download lie, else it."""
    inside = [one for one in path.glob("*") if not one.name.startswith(".")]
    is_parted = bool(inside) and all(DRIVE_PART.fullmatch(one.name) for one in inside)
    return sorted(inside) if is_parted else [path]


def _open(path: Path, *, alone: bool) -> Source:
    """Open a path; of several zips, one that holds one notebook is a student's file."""
    try:
        source = open_inner(open_path(path))
    except RejectedError as error:
        if not alone:
            return open_file(path)
        advice = "Ask for it again, or unpack it yourself."
        raise UsageError(shown(f"{error}. {advice}")) from None
    several = sum(map(is_candidate, source.entries)) > 1
    marked = any(entry.name in OTTER_MARKS for entry in source.entries)
    is_part = DRIVE_PART.fullmatch(path.name) is not None
    is_students = source.kind == "zip" and not (alone or is_part) and (marked or not several)
    return open_file(path) if is_students else source


def _apart(source: Source, without: Sequence[Path]) -> Source:
    """Return a folder without some places that lie in it."""
    if source.kind != "folder":
        return source
    origin = Path(source.origin)
    places = [Path(composed(str(path.resolve()))) for path in without]
    tops = [path.relative_to(origin).parts for path in places
            if path != origin and path.is_relative_to(origin)]  # fmt: skip

    def stays(parts: tuple[str, ...]) -> bool:
        return not any(parts[: len(top)] == top for top in tops)

    return replace(
        source,
        entries=tuple(entry for entry in source.entries if stays(entry.parts)),
        empty=tuple(entry for entry in source.empty if stays(entry.parts)),
        hidden=tuple(parts for parts in source.hidden if stays(parts)),
    )


def _read(source: Source, layout: str | None, chooser: Chooser, roster: Roster | None) -> Reading:
    """Read a source in the layout named, or as what explains it best."""
    slug = None if chooser.wanted is None else chooser.wanted.slug
    close = evidence.explain(source, slug, layout=layout, is_own=chooser.is_own)
    if len(close) > 1 and roster is not None:
        close = roster.fitting(close)
    if len(close) > 1:
        raise evidence.which(source, close)
    return close[0]


def _of_one(reading: Reading) -> Reading:
    """Return a reading in which all files are one student's, if nobody else handed in anything."""
    books = [one for one in reading.found if isinstance(one, Claim) and is_candidate(one.entry)]
    if len(books) != 1:
        return reading
    items = [
        item
        if _is_told(item) or (isinstance(item, Refusal) and item.is_record)
        else replace(books[0], entry=item.entry, order=0, file="")
        for item in reading.inside
    ]
    return replace(reading, inside=tuple(items))


def _is_told(item: Claim | Refusal) -> bool:
    """Say whether more than a file's own name and kind says whose it is."""
    return isinstance(item, Claim) and (
        item.is_sure or is_candidate(item.entry) or len(item.entry.parts) > 1
    )


def _sort_out(reading: Reading, source: Source, slug: str | None, found: _Found) -> None:
    claims = (item.entry for item in reading.found if isinstance(item, Claim))
    around = {entry.parts[:depth] for entry in claims for depth in range(len(entry.parts))}
    known = {claim.entry.location for claim in found.claims if claim.entry.location}
    for item in reading.found:
        if isinstance(item, Refusal):
            if item.is_record or item.entry.is_empty:
                continue
            is_book = is_candidate(item.entry) or is_disguised(item.entry)
            is_work = item.entry.parts[:-1] in around and may_be_work(
                item.entry, slug, is_marked=reading.name != layouts.LAST_RESORT
            )
            is_lost = (is_book or is_work) and not item.known
            found.skipped.append(Skipped(item.entry.path, item.reason, is_lost))
        elif item.entry.location not in known:  # the same file given twice is one file
            identity = f"{reading.name}:{item.identity}" if item.identity else ""
            found.claims.append(replace(item, identity=identity))
    for path, reason in source.refused:
        name = Entry((path,), 0, LATE, lambda _: b"")
        found.skipped.append(Skipped(path[:200], reason, is_candidate(name)))
    folders = {item.entry.parts[:-1] for item in reading.found if not item.entry.is_empty}
    found.skipped += [
        Skipped("/".join(parts), "is a hidden folder", _is_all_there_is(parts, folders))
        for parts in source.hidden
    ]


def _is_all_there_is(parts: tuple[str, ...], folders: set[tuple[str, ...]]) -> bool:
    """Say whether Jupyter's own copies are all that somebody's folder holds.

    folders: those in which other files lie.
    """
    *above, name = parts
    if name != CHECKPOINTS or not above:
        return False
    around = {tuple(above[:depth]) for depth in range(1, len(above) + 1)}
    below = (folder[: len(above)] == tuple(above) for folder in folders)
    return around.isdisjoint(folders) and not any(below)


def _is_book(claim: Claim) -> bool:
    return is_candidate(claim.entry) or is_disguised(claim.entry)


def _pointed_out(chosen: Iterable[Choice], wanted: Wanted | None) -> Iterable[str]:
    slug = None if wanted is None else wanted.slug
    odd = [c.submission.student for c in chosen if names_nobody(c.submission.name, slug)]
    if odd:
        yield (
            f"Not a person's name, it seems, but a file's or a folder's: {listed(odd)}. Look at "
            "`--dry-run`, and name the --layout or give a --roster if it is wrong."
        )


def _perhaps_one(chosen: Iterable[Choice], wanted: Wanted | None) -> Iterable[str]:
    """Yield who may be one person under two names, where no platform tells them apart."""
    slug = None if wanted is None else wanted.slug
    names = sorted(c.submission.student for c in chosen if not c.submission.identity)
    words = {name: sorted(plain(name)) or name for name in names}  # whatever their order
    for at, name in enumerate(names):
        later = names[at + 1 :]
        begun = takewhile(partial(_begins, name), later)
        same = [other for other in begun if adds_to(other, name, slug)]
        same += [other for other in later if words[other] == words[name] and other not in same]
        if same and not names_nobody(name, slug):
            yield (
                f"Perhaps one person, graded as {1 + len(same)}: {name}, {listed(same)}. If so, "
                "take out what does not count, or put the files into one folder."
            )


def _begins(start: str, name: str) -> bool:
    return name.startswith(start)


def _empty_handed(chosen: Iterable[Choice]) -> Iterable[str]:
    names = [
        choice.submission.student
        for choice in chosen
        if choice.submission.path and not choice.submission.holds_a_file
    ]
    if names:
        yield (
            f"Nothing lies in the folder of {listed(names)}, graded as handed in nothing: see "
            "whether the download is whole."
        )


def _understood(
    choices: Sequence[Choice], persons: Sequence[Person], found: _Found, skipped: int
) -> str:
    """Return what was understood: `31 students from a Brightspace download (34 attempts, …)`."""
    count = len(choices)
    attempts = sum(len({claim.attempt for claim in person.claims}) for person in persons)
    more = f" ({attempts:,} attempts, newest taken)" if attempts > count else ""
    where = " and ".join(found.titles) or "the files that were named"
    files = f"{skipped:,} {'file' if skipped == 1 else 'files'} skipped"
    return f"{count:,} {'student' if count == 1 else 'students'} from {where}{more}, {files}."


def _nothing(paths: Sequence[Path], skipped: list[Skipped]) -> str:
    where = ", ".join(str(path) for path in paths[:NAMED])
    held = listed([one.path for one in skipped])
    return f"No notebook was found in {where}. It holds {held}; ask for the .ipynb."
