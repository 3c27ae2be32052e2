"""Of all that one student handed in, the notebook to grade: the one that is this assignment's."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import PurePosixPath

from grader.model import MIB, Limits, Submission
from grader.renderers.text import shown
from grader.submissions import scripts
from grader.submissions.claims import (
    OTTER_MARKS,
    Claim,
    is_candidate,
    is_disguised,
    why_not,
)
from grader.submissions.content import RAW_BYTES, Wanted, as_notebook, is_zip
from grader.submissions.names import (
    copy_number,
    names_nobody,
    natural,
    try_number,
    without_number,
)
from grader.submissions.other_kinds import kind_of
from grader.submissions.people import Person
from grader.submissions.sources import (
    STUDENT_ZIP_BYTES,
    Entry,
    RejectedError,
    Source,
    UnavailableError,
    open_zip,
)

FILE_BYTES = 20 * MIB  # of a file that an assignment puts beside its notebook
LOOKED_AT = 20  # notebooks of one attempt or zip that are read, the likeliest first
NOT_READ = frozenset({".ipynb", ".zip", ".pdf"})  # of what may lie beside a notebook
NOT_BESIDE = frozenset({"tests", "__pycache__"})
NAMED = 3  # how many files a message names before it counts the rest
ZIPS_DEEP = 2  # a zip in a student's zip is opened, and none in that one
FITTING = 0.5  # of the best: what holds so many of the stubs and checks is the assignment's too


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is not graded, and why; both on one line that a terminal can show as it is.

    `is_lost` where it may be a student's work: somebody must look at it.
    """

    path: str
    reason: str
    is_lost: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", shown(self.path))
        object.__setattr__(self, "reason", shown(self.reason))


@dataclass(frozen=True, slots=True)
class Choice:
    """What is graded of a student, and why it is that file; `pdf` came with it, where wanted."""

    submission: Submission
    why: str
    pdf: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class _Look:
    """One notebook that was read, or why it cannot be; zips are looked into."""

    claim: Claim
    path: str
    entry: Entry
    content: bytes = b""
    problem: str | None = None
    is_ours: bool = False  # the problem is none of the student's
    share: float = 1.0
    beside: tuple[Claim, ...] = ()  # what lies in the same zip, or else was handed in with it


@dataclass(slots=True)
class Chooser:
    """Chooses for one student after the other; what is passed over goes to `skipped`."""

    limits: Limits
    wanted: Wanted | None
    skipped: list[Skipped] = field(default_factory=list)

    def choose(self, person: Person) -> Choice | None:
        """Return what to grade of a student's files, None where they handed in nothing."""
        claims = person.claims
        files, others = _sorted_out(claims)
        if not files:
            return self._nothing(person, others)
        named = () if self.wanted is None else self.wanted.files
        for other in others:
            is_named = any(_is_called(other, name) for name in named)
            is_beside = is_named or (self._takes_files and _is_read(other.entry))
            if not (is_beside or other.entry.is_empty):
                self._skip(other.entry.path, why_not(other.entry))
        attempts: dict[tuple[int, ...], list[Claim]] = defaultdict(list)
        for claim in files:
            attempts[claim.attempt].append(claim)
        newest_first = sorted(attempts, reverse=True)
        ranked = [self._looks(attempts[key]) for key in newest_first]
        at = next((n for n, looks in enumerate(ranked) if _is_good(looks[0])), None)
        if at is None:
            at = next((n for n, looks in enumerate(ranked) if looks[0].share), 0)
        chosen = ranked[at][0]
        why = _why(files, newest_first, at)
        looked = [look for looks in ranked for look in looks]
        seen = {id(look.claim.entry) for look in looked}
        unseen = [
            _Look(c, c.entry.path, c.entry, share=0.0) for c in files if id(c.entry) not in seen
        ]
        self._pass_over(person.label, [*looked, *unseen], chosen)
        same = [claim for claim in others if claim.attempt == newest_first[at]]
        with_it = chosen.beside or tuple(same)
        beside = self._beside(chosen, with_it)
        return Choice(_submission(person, chosen, beside), why, self._pdf(chosen, with_it))

    @property
    def _takes_files(self) -> bool:
        return self.wanted is not None and self.wanted.takes_files

    def is_own(self, entry: Entry) -> bool:
        """Say whether a file is the assignment's notebook, by its content."""
        if self.wanted is None:
            return True
        return _is_good(self._look(Claim("", entry), entry, entry.path, 0))

    def _nothing(self, person: Person, others: Sequence[Claim]) -> Choice | None:
        noted = [claim for claim in others if claim.entry.name not in OTTER_MARKS]
        if not noted:
            for other in others:
                self._skip(other.entry.path, why_not(other.entry))
            return None
        held = [claim for claim in noted if not claim.entry.is_empty] or noted
        first = held[0].entry
        look = _Look(held[0], first.path, first, problem=_why_none(held), is_ours=first.is_missing)
        return Choice(_submission(person, look), "no notebook among the files")

    def _looks(self, claims: Sequence[Claim]) -> list[_Look]:
        """Return what was read of an attempt's files, the one to grade first.

        A zip is opened where no notebook beside it is the assignment's.
        """
        books = self._likely((c, c.entry.path) for c in claims if c.entry.suffix != ".zip")
        zips = self._likely((c, c.entry.path) for c in claims if c.entry.suffix == ".zip")
        looks = [self._look(claim, claim.entry, path, ZIPS_DEEP) for claim, path in books]
        if not any(map(_is_good, looks)):
            looks += [self._look(claim, claim.entry, path, ZIPS_DEEP) for claim, path in zips]
        return self._ranked(looks)

    def _likely(self, files: Iterable[tuple[Claim, str]]) -> list[tuple[Claim, str]]:
        """Return the files that are looked at, if there are very many."""
        slug = "" if self.wanted is None else self.wanted.slug.casefold()

        def key(item: tuple[Claim, str]) -> tuple[object, ...]:
            claim, path = item
            named = slug in claim.entry.name.casefold()
            return not named, path.count("/"), -claim.order, -claim.entry.modified, path

        return sorted(files, key=key)[:LOOKED_AT]

    def _look(self, claim: Claim, entry: Entry, path: str, depth: int) -> _Look:
        """Read one file: as the notebook or the zip that it holds, whatever it is called."""
        content = b""
        try:
            content = _bytes_of(entry, STUDENT_ZIP_BYTES if entry.suffix == ".zip" else RAW_BYTES)
            if is_zip(content) or (entry.suffix == ".zip" and content.lstrip()[:1] != b"{"):
                source = scripts.marked(_opened(content, entry.name), self.wanted)
                return self._look_into(claim, source, path, depth)
            if entry.is_script:
                content = scripts.as_notebook(content, entry.name)
            content = as_notebook(content, entry.name, self.limits.notebook_bytes)
        except RejectedError as error:
            share = self._share(content) if content and not is_zip(content) else 0.0
            ours = isinstance(error, UnavailableError)
            return _Look(claim, path, entry, problem=f"{error}.", is_ours=ours, share=share)
        return _Look(claim, path, entry, content, share=self._share(content))

    def _share(self, content: bytes) -> float:
        return 1.0 if self.wanted is None else self.wanted.share(content)

    def _look_into(self, claim: Claim, source: Source, path: str, depth: int) -> _Look:
        """Return the notebook of a student's own zip, naming what else lies in it."""
        if not depth:
            raise RejectedError(f"{source.name} is a zip in a zip in a zip; hand in the .ipynb")
        for refused, reason in source.refused:
            raise RejectedError(f"{source.name} holds {refused!r}, which {reason}")
        named = [entry for entry in source.entries if is_candidate(entry)]
        books = [entry for entry in named if entry.suffix != ".zip"]
        books = books or [entry for entry in source.entries if is_disguised(entry)]
        zips = [entry for entry in named if entry.suffix == ".zip"]
        looks = [self._look(replace(claim, entry=entry, order=0), entry, whole, depth - 1)
                 for entry, whole in self._inside(books, path)]  # fmt: skip
        opened = not any(map(_is_good, looks))
        if opened:
            looks += [self._look(replace(claim, entry=entry, order=0), entry, whole, depth - 1)
                      for entry, whole in self._inside(zips, path)]  # fmt: skip
        if not looks:
            names = [entry.name for entry in source.entries]
            if not names:
                raise RejectedError(f"{source.name} holds no file at all; hand in the .ipynb")
            held = listed(names)
            raise RejectedError(f"{source.name} holds no notebook, but {held}; hand in the .ipynb")
        best, *older = self._ranked(looks)
        inside = tuple(replace(claim, entry=entry, file="") for entry in source.entries)
        reason = f"{best.path} of the same zip is newer or fits better"
        for look in older:
            self._skip_look(look, best, reason)
        for entry in [] if opened else zips:
            self._skip(f"{path}/{entry.path}", reason)
        return replace(best, claim=claim, beside=best.beside or inside)

    def _inside(self, entries: Iterable[Entry], path: str) -> list[tuple[Entry, str]]:
        likely = self._likely((Claim("", entry), f"{path}/{entry.path}") for entry in entries)
        return [(claim.entry, whole) for claim, whole in likely]

    def _ranked(self, looks: Sequence[_Look]) -> list[_Look]:
        """Order what was read of one attempt, the one to grade first.

        What is the assignment's by content comes first, then what can be read and is not the
        hand-out untouched, then the newest by the platform's number, by its name, by time, and by
        the number that a copy has.
        """
        most = max(look.share for look in looks)
        slug = None if self.wanted is None else self.wanted.slug.casefold()

        def key(look: _Look) -> tuple[object, ...]:
            entry = look.entry
            fits = look.share > 0 and look.share >= FITTING * most
            named = slug is not None and slug in entry.stem.casefold()
            written = self.wanted is None or not self.wanted.is_untouched(look.content)
            return (fits, look.problem is None, written, look.claim.order, named, entry.modified,
                    copy_number(entry.stem), natural(entry.path))  # fmt: skip

        return sorted(looks, key=key, reverse=True)

    def _beside(self, chosen: _Look, claims: Sequence[Claim]) -> tuple[tuple[str, bytes], ...]:
        """Return those of the files handed in that lie beside the notebook while it is graded.

        They are those that the assignment names, or all. Of several of one name, the one that lies
        nearest to the notebook.
        """
        found: dict[str, bytes] = {}
        for name, alike in self._named(chosen, claims).items():
            nearest = min(alike, key=lambda entry: _distance(entry, chosen.entry))
            try:
                content = _bytes_of(nearest, FILE_BYTES)
            except RejectedError as error:
                self._skip(nearest.path, str(error))
                continue
            if sum(map(len, found.values())) + len(content) > self.limits.scratch_bytes:
                self._skip(nearest.path, "is more than there is room for beside the notebook")
                continue
            found[name] = content
        return tuple(sorted(found.items()))

    def _named(self, chosen: _Look, claims: Sequence[Claim]) -> dict[str, list[Entry]]:
        """Return the files for beside the notebook, by the name that they have there."""
        found: dict[str, list[Entry]] = defaultdict(list)
        for name in () if self.wanted is None else self.wanted.files:
            alike = [claim.entry for claim in claims if _is_called(claim, name)]
            if alike:
                found[name] = alike
        for claim in claims if self._takes_files else ():
            parts = _below(claim, chosen.entry)
            if not parts or claim.entry is chosen.entry or not _is_read(claim.entry):
                continue
            if any(part.startswith(".") or part in NOT_BESIDE for part in parts):
                self._skip(claim.entry.path, "is hidden, or a test, which is the course's to give")
            else:
                found["/".join(parts)].append(claim.entry)
        return found

    def _pdf(self, chosen: _Look, claims: Iterable[Claim]) -> bytes:
        """Return the PDF that was handed in with a notebook, the nearest one, if it is wanted."""
        found = [claim.entry for claim in claims if claim.entry.suffix == ".pdf"]
        if not found or self.wanted is None or not self.wanted.wants_pdf:
            return b""
        nearest = min(found, key=lambda entry: _distance(entry, chosen.entry))
        try:
            return _bytes_of(nearest, FILE_BYTES)
        except RejectedError as error:
            self._skip(nearest.path, str(error))
            return b""

    def _pass_over(self, student: str, looks: Iterable[_Look], chosen: _Look) -> None:
        for look in looks:
            if look.claim.entry is not chosen.claim.entry:
                # Two folders that were named may have files of one path.
                is_alike = look.path == chosen.path
                where = (is_alike and chosen.entry.location) or chosen.path
                reason = f"{student} handed in {where}, which is newer or fits better"
                self._skip_look(look, chosen, reason)

    def _skip_look(self, look: _Look, chosen: _Look, reason: str) -> None:
        """Name a notebook that is passed over, as lost where it looks like somebody else's."""
        slug = None if self.wanted is None else self.wanted.slug
        sure = look.claim.is_sure or not _is_good(look)
        is_lost = not sure and _is_another_persons(look, chosen, slug)
        if is_lost:
            reason = (
                f"may be another person's than {chosen.path}; if it lies in a class's folder or "
                "zip, give that as a path of its own"
            )
        self.skipped.append(Skipped(look.path, reason, is_lost))

    def _skip(self, path: str, reason: str) -> None:
        self.skipped.append(Skipped(path, reason))


def _sorted_out(claims: Sequence[Claim]) -> tuple[list[Claim], list[Claim]]:
    """Return what may be a notebook, by its name or else by its content, and the rest."""
    files = [claim for claim in claims if is_candidate(claim.entry)]
    if not any(claim.entry.suffix != ".zip" for claim in files):
        files += [c for c in claims if not is_candidate(c.entry) and is_disguised(c.entry)]
    chosen = {id(claim) for claim in files}
    return files, [claim for claim in claims if id(claim) not in chosen]


def _why_none(held: Sequence[Claim]) -> str:
    """Return what to say of files among which no notebook is, or of a folder without any."""
    first = held[0].entry
    folder = "/".join(first.parts[:-1])
    if first.is_missing:
        return f"{folder} {first.problem}; see to it, or download it again, and grade again."
    if first.is_empty:
        return f"Nothing was handed in: the folder {folder} {first.problem}."
    names = [claim.own_name for claim in held]
    kind = kind_of(first) if len(names) == 1 else ""
    return f"No notebook was handed in, but {listed(names)}{kind}. Hand in the .ipynb."


def _opened(content: bytes, name: str) -> Source:
    try:
        return open_zip(content, name)
    except RejectedError as error:
        raise type(error)(f"{error}; hand in the .ipynb") from None


def _is_good(look: _Look) -> bool:
    return look.share > 0 and look.problem is None


def _why(files: Sequence[Claim], attempts: Sequence[tuple[int, ...]], at: int) -> str:
    if len(files) == 1:
        return "the only file"
    if len(attempts) > 1:
        return "the newest attempt" if at == 0 else "the newest attempt with this notebook"
    return f"fits best, or newest, of {len(files)} files"


def _bytes_of(entry: Entry, limit: int) -> bytes:
    if entry.problem:
        raise RejectedError(f"{entry.name} {entry.problem}")
    if entry.size > limit:
        raise RejectedError(
            f"{entry.name} is {entry.size:,} bytes, more than the {limit:,} allowed; where outputs "
            "make it so large, clear them (in Jupyter: Edit, Clear Outputs of All Cells)"
        )
    try:
        return entry.read(limit)
    except RejectedError as error:
        raise type(error)(f"{entry.name} {error}") from None


def _is_another_persons(look: _Look, chosen: _Look, slug: str | None) -> bool:
    """Say whether two notebooks lie in folders, or are files, that are called like two people."""
    one, other = look.path.split("/"), chosen.path.split("/")
    parted = next((pair for pair in zip(one, other, strict=False) if pair[0] != pair[1]), None)
    if parted is None or look.claim.attempt != chosen.claim.attempt:
        return False
    names = [without_number(PurePosixPath(name).stem).casefold() for name in parted]
    return names[0] != names[1] and not any(
        names_nobody(name, slug) or try_number(name) is not None for name in names
    )


def _is_called(claim: Claim, name: str) -> bool:
    """Say whether a file is called so, or as a platform calls it when it comes once more."""
    own, wanted = PurePosixPath(claim.own_name), PurePosixPath(name)
    return own.name == name or (
        own.suffix == wanted.suffix and without_number(own.stem) == wanted.stem
    )


def _below(claim: Claim, notebook: Entry) -> tuple[str, ...]:
    """Return where a file lies below the notebook's folder; () where it lies elsewhere.

    A platform's name for a file is not the student's.
    """
    top, parts = notebook.parts[:-1], claim.entry.parts
    return (*parts[len(top) : -1], claim.own_name) if parts[: len(top)] == top else ()


def _is_read(entry: Entry) -> bool:
    """Say whether a file may be one that a notebook reads: no other work and no record."""
    return entry.suffix not in NOT_READ and entry.name not in OTTER_MARKS and not entry.problem


def _distance(entry: Entry, notebook: Entry) -> tuple[int, str]:
    """Return how many folders lie between two files of one person."""
    one, other = entry.parts[:-1], notebook.parts[:-1]
    pairs = zip(one, other, strict=False)
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return len(one) + len(other) - 2 * shared, entry.path


def _submission(
    person: Person, look: _Look, files: tuple[tuple[str, bytes], ...] = ()
) -> Submission:
    claim = look.claim
    digest = hashlib.sha256(look.content)
    for name, content in files:
        digest.update(name.encode() + b"\0" + content)
    return Submission(
        student=person.label,
        path=look.path,
        content=look.content,
        sha256=digest.hexdigest(),
        received=claim.received,
        late=claim.late,
        members=claim.members,
        problem=None if look.problem is None else shown(look.problem),
        is_ours=look.is_ours,
        identity=person.identity,
        name=person.name,
        files=files,
    )


def listed(names: Sequence[str]) -> str:
    """Return some names for a sentence; the rest is counted."""
    if not names:
        return "nothing at all"
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")
