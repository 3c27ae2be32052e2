"""From paths to submissions: one a student, the newest file first, everything else named."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.errors import UsageError
from grader.model import Limits, Submission
from grader.renderers.text import shown
from grader.submissions import layouts
from grader.submissions.claims import (
    NOTEBOOK,
    OTTER_MARKS,
    Claim,
    Layout,
    Refusal,
    View,
    copy_number,
    is_candidate,
    views,
    why_not,
)
from grader.submissions.sources import (
    STUDENT_ZIP_BYTES,
    Entry,
    RejectedError,
    Source,
    open_path,
    open_zip,
)

LOOKS_LIKE = {
    b"PK\x03\x04": "a zip or an office document",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"<": "a web page",
    b"SQLite": "a database",
}
NAMED = 3  # how many files a message names before it counts the rest


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is not graded, and why; both on one line that a terminal can show as it is."""

    path: str
    reason: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", shown(self.path))
        object.__setattr__(self, "reason", shown(self.reason))


@dataclass(frozen=True, slots=True)
class Collection:
    """Everything that was found, in an order that does not depend on the file system."""

    submissions: tuple[Submission, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What was read of a student's files: bytes or a problem, and the path they came from."""

    path: str
    content: bytes = b""
    problem: str | None = None


def collect(
    paths: Sequence[Path],
    *,
    layout: str | None = None,
    limits: Limits,
    assignment: str | None = None,
) -> Collection:
    """Collect the newest file of each student from folders, zips and notebooks.

    `layout` overrides what would be recognised by content. `assignment` is a slug: where a student
    handed in several notebooks, those named after it come first.
    UsageError where a path does not exist or nothing at all was handed in.
    """
    if layout is not None and layout not in layouts.names():
        known = ", ".join(layouts.load())
        raise UsageError(f"There is no layout {layout!r}. Choose one of: {known}.")
    if not paths:
        raise UsageError("No submissions were named. Give a folder, a zip or a notebook.")
    claims: list[Claim] = []
    skipped: list[Skipped] = []
    broken: list[Submission] = []
    for path in dict.fromkeys(Path(path) for path in paths):
        try:
            source = open_path(path)
        except RejectedError as error:
            if len(paths) == 1:
                advice = "Ask for it again, or unpack it yourself."
                raise UsageError(shown(f"{error}. {advice}")) from None
            name = path.name
            broken.append(_submission(Claim(path.stem, _NOTHING), _Chosen(name, b"", f"{error}")))
            continue
        _sort_out(_read_source(source, layout, assignment), source, claims, skipped)
    submissions = [*broken, *_choose_all(_apart(claims), assignment, limits, skipped)]
    if not submissions:
        raise UsageError(shown(_nothing(paths, skipped)))
    return Collection(
        tuple(sorted(submissions, key=lambda one: (one.student, one.path))),
        tuple(sorted(skipped, key=lambda one: (one.path, one.reason))),
    )


_NOTHING = Entry(("",), 0, 0.0, lambda _: b"")


def _read_source(
    source: Source, layout: str | None, assignment: str | None
) -> Iterator[Claim | Refusal]:
    """Read a source in the layout named, or in the first one that fits."""
    chosen, view = _recognise(source, layout, assignment)
    for entry in view.outside:
        yield Refusal(entry, "is not a notebook")
    yield from chosen.read(view)


def _recognise(source: Source, layout: str | None, assignment: str | None) -> tuple[Layout, View]:
    known = layouts.load()
    seen = list(views(source, assignment))
    candidates = [known[layout]] if layout else list(known.values())
    for view in seen:
        for candidate in candidates:
            if candidate.fits(view):
                return candidate, view
    chosen = known[layout or layouts.LAST_RESORT]
    return chosen, chosen.start(seen)


def _sort_out(
    found: Iterable[Claim | Refusal],
    source: Source,
    claims: list[Claim],
    skipped: list[Skipped],
) -> None:
    known = {claim.entry.location for claim in claims if claim.entry.location}
    for item in found:
        if isinstance(item, Refusal):
            skipped.append(Skipped(item.entry.path, item.reason))
        elif item.entry.location not in known:  # the same file given twice is one file
            claims.append(item)
    skipped += [Skipped(path, reason) for path, reason in source.refused]
    skipped += [Skipped("/".join(parts), "is a hidden folder") for parts in source.hidden]


def _apart(claims: list[Claim]) -> dict[str, list[Claim]]:
    """Group claims by student; namesakes with different identities become two students."""
    identities: dict[str, set[str]] = defaultdict(set)
    for claim in claims:
        identities[claim.student] |= {claim.identity} - {""}
    grouped: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        namesakes = len(identities[claim.student]) > 1 and claim.identity
        name = f"{claim.student} ({claim.identity})" if namesakes else claim.student
        grouped[name].append(claim)
    return grouped


def _choose_all(
    grouped: dict[str, list[Claim]],
    assignment: str | None,
    limits: Limits,
    skipped: list[Skipped],
) -> Iterable[Submission]:
    for student, claims in sorted(grouped.items()):
        ranked = sorted(
            (claim for claim in claims if is_candidate(claim.entry)),
            key=lambda claim: _rank(claim, assignment),
            reverse=True,
        )
        others = [claim for claim in claims if not is_candidate(claim.entry)]
        skipped += [Skipped(claim.entry.path, why_not(claim.entry)) for claim in others]
        if not ranked:
            if noted := [claim for claim in others if claim.entry.name not in OTTER_MARKS]:
                path, names = noted[0].entry.path, [claim.entry.name for claim in noted]
                problem = f"No notebook was handed in, but {_listed(names)}. Ask for the .ipynb."
                yield _submission(noted[0], _Chosen(path, b"", problem), student)
            continue
        best, *older = ranked
        reason = f"{student} handed in {best.entry.path}, which is newer or fits better"
        skipped += [Skipped(claim.entry.path, reason) for claim in older]
        yield _submission(best, _open(best.entry, assignment, limits, skipped), student)


def _rank(claim: Claim, assignment: str | None) -> tuple[bool, int, bool, float, int, str]:
    """Order claims, the one to grade highest: usable, newest by the LMS, fitting, newest."""
    entry = claim.entry
    fits = assignment is not None and assignment.casefold() in entry.stem.casefold()
    usable = entry.problem is None
    return usable, claim.order, fits, entry.modified, copy_number(entry.stem), entry.path


def _open(entry: Entry, assignment: str | None, limits: Limits, skipped: list[Skipped]) -> _Chosen:
    path = entry.path
    try:
        if entry.suffix == ".zip":
            content = _content(entry, STUDENT_ZIP_BYTES)
            entry = _unpack(open_zip(content, entry.name), path, assignment, skipped)
            path = f"{path}/{entry.path}"
        return _Chosen(path, _notebook(_content(entry, limits.notebook_bytes), entry.name))
    except RejectedError as error:
        return _Chosen(path, b"", f"{error}.")


def _content(entry: Entry, limit: int) -> bytes:
    if entry.problem:
        raise RejectedError(f"{entry.name} {entry.problem}")
    if entry.size > limit:
        raise RejectedError(
            f"{entry.name} is {entry.size:,} bytes, more than the {limit:,} allowed"
        )
    try:
        return entry.read(limit)
    except RejectedError as error:
        raise RejectedError(f"{entry.name} {error}") from None


def _unpack(source: Source, path: str, assignment: str | None, skipped: list[Skipped]) -> Entry:
    """Return the notebook of a student's own zip, naming what else lies in it."""
    for refused, reason in source.refused:
        raise RejectedError(f"{source.name} holds {refused!r}, which {reason}")
    for entry in source.entries:
        if entry.problem:
            raise RejectedError(f"{source.name} holds {entry.path}, which {entry.problem}")
        if entry.suffix == ".zip":
            raise RejectedError(f"{source.name} holds another zip, {entry.path}")
    notebooks = [Claim("", entry) for entry in source.entries if entry.suffix == NOTEBOOK]
    if not notebooks:
        names = [entry.name for entry in source.entries]
        raise RejectedError(f"{source.name} holds no notebook, but {_listed(names)}")
    best, *older = sorted(notebooks, key=lambda claim: _rank(claim, assignment), reverse=True)
    reason = f"{best.entry.path} of the same zip is newer or fits better"
    skipped += [Skipped(f"{path}/{claim.entry.path}", reason) for claim in older]
    return best.entry


def _notebook(content: bytes, name: str) -> bytes:
    """Return the content where it is text at all; notebooks.py decides whether it is a notebook."""
    if not content.strip():
        raise RejectedError(f"{name} is empty")
    for start, kind in LOOKS_LIKE.items():
        if content.lstrip().startswith(start):
            raise RejectedError(f"{name} seems to be {kind}, not a notebook")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RejectedError(
            f"{name} is not UTF-8 text (byte {error.start:,}), so no notebook as Jupyter saves it"
        ) from None
    return content


def _submission(claim: Claim, chosen: _Chosen, student: str | None = None) -> Submission:
    return Submission(
        student=claim.student if student is None else student,
        path=chosen.path,
        content=chosen.content,
        sha256=hashlib.sha256(chosen.content).hexdigest(),
        received=claim.received,
        late=claim.late,
        members=claim.members,
        problem=None if chosen.problem is None else shown(chosen.problem),
    )


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "nothing at all"
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _nothing(paths: Sequence[Path], skipped: list[Skipped]) -> str:
    where = ", ".join(str(path) for path in paths[:NAMED])
    held = _listed([one.path for one in skipped])
    return f"No notebook was found in {where}. It holds {held}; ask for the .ipynb."
