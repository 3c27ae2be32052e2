"""Files named after the same homework and after different people, as forms and copies are."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from grader.submissions.claims import Claim, Refusal, View, is_candidate, stray
from grader.submissions.names import (
    EXPORTED,
    names_nobody,
    natural,
    without_copy_mark,
    without_moment,
)
from grader.submissions.sources import Entry

BEFORE, BEHIND = "before", "behind"


@dataclass(frozen=True, slots=True)
class _Split:
    """A file's name in two: what the homework is called, and who handed it in."""

    homework: str
    person: str


def read_shared(
    view: View, separator: str, side: str, platform: str, *, told: bool = False
) -> Iterator[Claim | Refusal]:
    """Read flat files whose names are the homework's and a person's, on the side that is said.

    What the files share, or what the assignment is called, is the homework; `told` where the
    platform itself says that the rest is a name.
    """
    flat = [entry for parts, entry in view.places if len(parts) == 1]
    every = ((id(entry), _split(entry, separator, side, view.assignment)) for entry in flat)
    split = {key: found for key, found in every if found}
    books = [entry for entry in flat if id(entry) in split and is_candidate(entry)]
    shared = _shared(view, [split[id(entry)] for entry in books])
    for _, entry in view.places:
        found = split.get(id(entry))
        if found is None or not (told or found.homework in shared):
            yield stray(entry, platform)
        else:
            yield Claim(found.person, entry)


def _split(entry: Entry, separator: str, side: str, slug: str | None) -> _Split | None:
    stem = entry.name[: -len(entry.suffix)] if entry.suffix else entry.name
    stem = stem.removesuffix(".ipynb")
    exported = EXPORTED.match(stem)
    if exported and side == BEHIND:  # the moment in it holds separators of its own
        person = stem[exported.end() :].removeprefix(separator)
        found = (exported["base"], separator, person if exported.end() < len(stem) else "")
    else:
        found = stem.rpartition(separator) if side == BEHIND else stem.partition(separator)
    homework, person = (found[0], found[2]) if side == BEHIND else (found[2], found[0])
    homework = without_copy_mark(without_moment(homework)).strip().casefold()
    person = without_copy_mark(person).strip()
    # A number of one or two digits counts files; a longer one may be a student's.
    may_be = any(map(str.isalpha, person)) or len(person) > len("999")
    is_name = may_be and not names_nobody(person, slug)
    return _Split(homework, person) if homework and is_name else None


def _shared(view: View, splits: list[_Split]) -> set[str]:
    """Return what the homework is called: the assignment's name, a file's, or what most share.

    People differ from file to file: where they do not, what differs is the homework.
    """
    counts = Counter(one.homework for one in splits)
    own = {(view.assignment or "").casefold()} & set(counts)
    people = {one.person for one in splits}
    few = len(people) <= 1
    if few or 3 * len(people) < len(splits):
        return own
    # `hw3 final - Ada Lovelace` beside `homework - Blaise Pascal`.
    own |= {name for name in counts if names_nobody(name, view.assignment)}
    usual = max(counts, key=lambda name: (counts[name], natural(name)), default="")
    if counts[usual] > 1 and 2 * counts[usual] > len(splits):
        own.add(usual)
    return own
