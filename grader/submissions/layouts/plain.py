"""A folder or a zip of nobody's making: a file or a folder a student, and what otter exports."""

from collections.abc import Iterator, Sequence

from grader.submissions.claims import (
    OTTER_MARKS,
    Claim,
    Layout,
    Refusal,
    View,
    is_candidate,
    is_disguised,
    why_not,
)
from grader.submissions.names import (
    names_nobody,
    try_number,
    without_copy_mark,
    without_number,
)
from grader.submissions.sources import Entry


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read a student a folder and a student a file; `ada (1).ipynb` is a copy of `ada.ipynb`."""
    alone = _packed_alone(view)
    lonely = len(view.handed_in) == 1
    for parts, entry in view.places:
        if alone:
            yield Claim(alone, entry)
        elif len(parts) > 1:
            tries = [number for part in parts[1:-1] if (number := try_number(part)) is not None]
            yield Claim(parts[0], entry, attempt=tuple(tries[-1:]))
        elif is_candidate(entry) or is_disguised(entry):
            name, apart = _named(entry, view), view.source.origin if lonely else ""
            yield Claim(name, entry, apart=apart)
        else:
            yield Refusal(entry, why_not(entry))


def start(seen: Sequence[View]) -> View:
    """Drop the folders that wrap a class, but not the one that names a class of one."""
    chosen = seen[0]
    for inner in seen[1:]:
        packed = inner.source.kind == "zip" and inner.outer == inner.source.stem
        named = not names_nobody(inner.outer, inner.assignment)
        if any(is_candidate(p.entry) for p in chosen.places if len(p.parts) == 1) or (
            not packed and named and _one_students(inner)
        ):
            break
        chosen = inner
    return chosen


def _one_students(view: View) -> bool:
    """Return whether a folder's content looks like one student's: a notebook and its copies."""
    stems = {place.entry.stem for place in view.handed_in if len(place.parts) == 1}
    bases = {without_number(stem) for stem in stems}
    # student-1 and student-2 without a plain "student" are two students, not copies.
    copies = len(bases) == 1 and bases <= {*stems, view.assignment}
    tries = view.folders and all(try_number(folder) is not None for folder in view.folders)
    units = (1 if tries else len(view.folders)) + (1 if copies else len(stems))
    return units <= 1


def _packed_alone(view: View) -> str | None:
    """Return the student of a zip that holds one notebook and nobody else's: what otter exports.

    That all files are named after the homework says nothing: so is everybody's.
    """
    if view.source.kind != "zip":
        return None
    marked = any(place.parts[-1] in OTTER_MARKS for place in view.places)
    notebooks = [place for place in view.handed_in if len(place.parts) == 1]
    if len(view.handed_in) != 1 or len(notebooks) != 1:
        return None
    stem = without_number(notebooks[0].entry.stem)
    named = view.assignment and stem.casefold().startswith(view.assignment.casefold())
    return view.source.stem if marked or named else None


def _named(entry: Entry, view: View) -> str:
    """Return whom a file is named after; a name that is nobody's keeps its number."""
    stem = entry.stem.removesuffix(".ipynb")
    bare = without_copy_mark(stem)
    return stem if names_nobody(bare, view.assignment) else bare


LAYOUT = Layout("folders and files named after them", read, weight=0.5, start=start)
