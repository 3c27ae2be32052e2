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
from grader.submissions.other_kinds import Class
from grader.submissions.sources import Entry

ASIDE = frozenset({"scratch", "untitled", "temp", "tmp", "test", "draft", "notes"})  # no hand-in


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read a student a folder and a student a file; `ada (1).ipynb` is a copy of `ada.ipynb`."""
    alone = _packed_alone(view)
    people = Class.of([*view.folders, *_of_notebooks(view)], view.assignment)
    is_named = view.source.kind == "file"  # by whoever grades: it is somebody's
    lonely = len(view.handed_in) == 1 and view.source.kind != "folder"
    for parts, entry in view.places:
        if alone:
            yield Claim(alone, entry, is_sure=False)
        elif entry.is_empty and not _of_a_class_of_folders(parts[0], view):
            yield Refusal(entry, why_not(entry))
        elif len(parts) > 1:
            tries = [number for part in parts[1:-1] if (number := try_number(part)) is not None]
            yield Claim(parts[0], entry, attempt=tuple(tries[-1:]), is_sure=False)
        elif is_candidate(entry) or is_disguised(entry):
            name = _named(entry, view)
            # A name that is nobody's tells only within its own folder or zip.
            apart = lonely or names_nobody(name, view.assignment)
            yield Claim(name, entry, apart=view.source.origin if apart else "", is_sure=False)
        elif (owner := people.owner(entry, is_named=is_named)) is not None:
            yield Claim(owner, entry, is_sure=False)
        else:
            yield Refusal(entry, why_not(entry))


def _of_notebooks(view: View) -> Iterator[str]:
    """Yield what the notebooks at the top are called after."""
    for parts, entry in view.places:
        if len(parts) == 1 and (is_candidate(entry) or is_disguised(entry)):
            yield _named(entry, view)


def _of_a_class_of_folders(name: str, view: View) -> bool:
    """Say whether a folder stands for somebody, as most of those around it do."""
    files = sum(len(place.parts) == 1 for place in view.handed_in)
    return len(view.folders) > files and not names_nobody(name, view.assignment)


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
    if list(view.folders) == [view.outer]:  # as unpacking leaves it: `class/class/`
        return _one_students(view.below(view.outer))
    stems = {place.entry.stem for place in view.handed_in if len(place.parts) == 1}
    bases = {without_number(stem) for stem in stems}
    # student-1 and student-2 without a plain "student" are two students, not copies.
    copies = len(bases) == 1 and bases <= {*stems, view.assignment}
    tries = view.folders and all(try_number(folder) is not None for folder in view.folders)
    units = (1 if tries else len(view.folders)) + (1 if copies else len(stems))
    return units <= 1


def _packed_alone(view: View) -> str | None:
    """Return the student whose folder or zip this is: what otter exports, one notebook of theirs.

    That several files are named after the homework says nothing: so is everybody's.
    """
    books = [p.entry for p in view.handed_in if p.entry.suffix != ".zip"]
    zipped = view.source.kind == "zip"
    if view.source.kind == "file" or view.folders or not books:
        return None
    slug = (view.assignment or "").casefold()
    own = [entry for entry in books if slug and entry.stem.casefold().startswith(slug)]
    marked = zipped and any(place.parts[-1] in OTTER_MARKS for place in view.places)
    if len(books) == 1 and zipped and (marked or own):
        return view.source.stem
    others = [entry for entry in books if entry not in own]
    aside = all(without_number(entry.stem).casefold() in ASIDE for entry in others)
    lone = len(own) == 1 and without_number(own[0].stem).casefold() == slug and aside
    return view.outer if lone and not names_nobody(view.outer, view.assignment) else None


def _named(entry: Entry, view: View) -> str:
    """Return whom a file is named after; a name that is nobody's keeps its number."""
    stem = entry.stem
    if stem.lower().endswith(".ipynb"):
        stem = stem[: -len(".ipynb")]
    bare = without_copy_mark(stem)
    return stem if names_nobody(bare, view.assignment) else bare


LAYOUT = Layout("folders and files named after them", read, weight=0.5, start=start)
