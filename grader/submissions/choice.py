"""Of all that one student handed in, the notebook to grade: the one that is this assignment's."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from grader.model import MIB, Limits, Submission
from grader.renderers.text import shown
from grader.submissions.claims import (
    OTTER_MARKS,
    Claim,
    is_candidate,
    is_disguised,
    why_not,
)
from grader.submissions.content import RAW_BYTES, Wanted, as_notebook, is_zip
from grader.submissions.names import copy_number, natural
from grader.submissions.people import Person
from grader.submissions.sources import (
    STUDENT_ZIP_BYTES,
    Entry,
    RejectedError,
    Source,
    open_zip,
)

FILE_BYTES = 20 * MIB  # of a file that an assignment puts beside its notebook
LOOKED_AT = 20  # notebooks of one attempt or zip that are read, the likeliest first
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
    """What is graded of a student, and why it is that file."""

    submission: Submission
    why: str


@dataclass(frozen=True, slots=True)
class _Look:
    """One notebook that was read, or why it cannot be; zips are looked into."""

    claim: Claim
    path: str
    entry: Entry
    content: bytes = b""
    problem: str | None = None
    share: float = 1.0
    beside: tuple[Entry, ...] = ()  # what lies in the same zip, or else was handed in with it


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
        named = frozenset() if self.wanted is None else frozenset(self.wanted.files)
        for other in others:
            if other.entry.name not in named:
                self._skip(other.entry.path, why_not(other.entry))
        if not files:
            return self._nothing(person, others)
        attempts: dict[tuple[int, ...], list[Claim]] = defaultdict(list)
        for claim in files:
            attempts[claim.attempt].append(claim)
        newest_first = sorted(attempts, reverse=True)
        looks = [self._best(attempts[key]) for key in newest_first]
        at = next((n for n, look in enumerate(looks) if _is_good(look)), None)
        if at is None:
            at = next((n for n, look in enumerate(looks) if look.share), 0)
        chosen = looks[at]
        why = _why(files, newest_first, at)
        self._pass_over(person.label, files, chosen)
        same = [c.entry for c in others if c.attempt == newest_first[at]]
        beside = self._beside(chosen, chosen.beside or tuple(same))
        return Choice(_submission(person, chosen, beside), why)

    def is_own(self, entry: Entry) -> bool:
        """Say whether a file is the assignment's notebook, by its content."""
        if self.wanted is None:
            return True
        return _is_good(self._look(Claim("", entry), entry, entry.path, 0))

    def _nothing(self, person: Person, others: Sequence[Claim]) -> Choice | None:
        noted = [claim for claim in others if claim.entry.name not in OTTER_MARKS]
        if not noted:
            return None
        names = [claim.entry.name for claim in noted]
        problem = f"No notebook was handed in, but {listed(names)}. Ask for the .ipynb."
        look = _Look(noted[0], noted[0].entry.path, noted[0].entry, problem=problem)
        return Choice(_submission(person, look), "no notebook among the files")

    def _best(self, claims: Sequence[Claim]) -> _Look:
        """Return the one of an attempt's files to grade: the assignment's notebook, the newest.

        A zip is opened where no notebook beside it is the assignment's.
        """
        books = self._likely((c, c.entry.path) for c in claims if c.entry.suffix != ".zip")
        zips = self._likely((c, c.entry.path) for c in claims if c.entry.suffix == ".zip")
        looks = [self._look(claim, claim.entry, path, ZIPS_DEEP) for claim, path in books]
        if not any(map(_is_good, looks)):
            looks += [self._look(claim, claim.entry, path, ZIPS_DEEP) for claim, path in zips]
        return self._ranked(looks)[0]

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
                return self._look_into(claim, open_zip(content, entry.name), path, depth)
            content = as_notebook(content, entry.name, self.limits.notebook_bytes)
        except RejectedError as error:
            share = self._share(content) if content and not is_zip(content) else 0.0
            return _Look(claim, path, entry, b"", f"{error}.", share)
        return _Look(claim, path, entry, content, None, self._share(content))

    def _share(self, content: bytes) -> float:
        return 1.0 if self.wanted is None else self.wanted.share(content)

    def _look_into(self, claim: Claim, source: Source, path: str, depth: int) -> _Look:
        """Return the notebook of a student's own zip, naming what else lies in it."""
        if not depth:
            raise RejectedError(f"{source.name} is a zip in a zip in a zip; ask for the .ipynb")
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
            raise RejectedError(f"{source.name} holds no notebook, but {listed(names)}")
        best, *older = self._ranked(looks)
        reason = f"{best.path} of the same zip is newer or fits better"
        unopened = [] if opened else [f"{path}/{entry.path}" for entry in zips]
        for one in [*(look.path for look in older), *unopened]:
            self._skip(one, reason)
        return replace(best, claim=claim, beside=best.beside or source.entries)

    def _inside(self, entries: Iterable[Entry], path: str) -> list[tuple[Entry, str]]:
        likely = self._likely((Claim("", entry), f"{path}/{entry.path}") for entry in entries)
        return [(claim.entry, whole) for claim, whole in likely]

    def _ranked(self, looks: Sequence[_Look]) -> list[_Look]:
        """Order what was read of one attempt, the one to grade first.

        What is the assignment's by content comes first, then what can be read, then the newest by
        the platform's number, by its name, by time, and by the number that a copy has.
        """
        most = max(look.share for look in looks)
        slug = None if self.wanted is None else self.wanted.slug.casefold()

        def key(look: _Look) -> tuple[object, ...]:
            entry = look.entry
            fits = look.share > 0 and look.share >= FITTING * most
            named = slug is not None and slug in entry.stem.casefold()
            return (fits, look.problem is None, look.claim.order, named, entry.modified,
                    copy_number(entry.stem), natural(entry.path))  # fmt: skip

        return sorted(looks, key=key, reverse=True)

    def _beside(self, chosen: _Look, entries: Sequence[Entry]) -> tuple[tuple[str, bytes], ...]:
        """Return those of the files handed in that the assignment puts beside its notebook.

        Of several of one name, the one that lies nearest to the notebook.
        """
        found: dict[str, bytes] = {}
        for name in () if self.wanted is None else self.wanted.files:
            alike = [entry for entry in entries if entry.name == name]
            nearest = sorted(alike, key=lambda entry: _distance(entry, chosen.entry))
            if not nearest:
                continue
            try:
                found[name] = _bytes_of(nearest[0], FILE_BYTES)
            except RejectedError as error:
                self._skip(nearest[0].path, str(error))
        return tuple(found.items())

    def _pass_over(self, student: str, claims: Iterable[Claim], chosen: _Look) -> None:
        reason = f"{student} handed in {chosen.path}, which is newer or fits better"
        for claim in claims:
            if claim.entry is not chosen.claim.entry:
                self._skip(claim.entry.path, reason)

    def _skip(self, path: str, reason: str) -> None:
        self.skipped.append(Skipped(path, reason))


def _sorted_out(claims: Sequence[Claim]) -> tuple[list[Claim], list[Claim]]:
    """Return what may be a notebook, by its name or else by its content, and the rest."""
    files = [claim for claim in claims if is_candidate(claim.entry)]
    if not any(claim.entry.suffix != ".zip" for claim in files):
        files += [c for c in claims if not is_candidate(c.entry) and is_disguised(c.entry)]
    chosen = {id(claim) for claim in files}
    return files, [claim for claim in claims if id(claim) not in chosen]


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
        raise RejectedError(f"{entry.name} {error}") from None


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
