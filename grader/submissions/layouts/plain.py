"""A folder or a zip of nobody's making: a file or a folder a student, and what otter exports."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from grader.submissions.claims import (
    OTTER_MARKS,
    Claim,
    Layout,
    Refusal,
    View,
    is_candidate,
    why_not,
    without_copy_mark,
)
from grader.submissions.sources import Entry


def fits(_view: View) -> bool:
    """Return False: this is what remains where no other layout is recognised."""
    return False


def _unwrap(seen: Sequence[View]) -> View:
    """Drop the folders that wrap a class, but not the one that names a class of one."""
    chosen = seen[0]
    for inner in seen[1:]:
        packed = inner.source.kind == "zip" and inner.outer == inner.source.stem
        if not packed and _one_students(inner):
            break
        chosen = inner
    return chosen


def _one_students(view: View) -> bool:
    """Return whether a folder's content looks like one student's: a notebook and its copies."""
    folders = {place.parts[0] for place in view.handed_in if len(place.parts) > 1}
    stems = {place.entry.stem for place in view.handed_in if len(place.parts) == 1}
    bases = {without_copy_mark(stem) for stem in stems}
    # student-1 and student-2 without a plain "student" are two students, not copies.
    copies = len(bases) == 1 and bases <= {*stems, view.assignment}
    return len(folders) + (1 if copies else len(stems)) <= 1


def read(view: View) -> Iterator[Claim | Refusal]:
    alone = _packed_alone(view)
    lonely = len(view.handed_in) == 1
    for parts, entry in view.places:
        if view.source.kind == "zip" and entry.suffix == ".zip":
            problem = "is a zip in a zip; unpack the outer one and give the folder"
            here = replace(entry, problem=entry.problem or problem)
        else:
            here = entry
        if alone:
            yield Claim(alone, here)
        elif len(parts) > 1:
            yield Claim(parts[0], here)
        elif is_candidate(entry):
            yield Claim(entry.stem, here, view.source.origin if lonely else "")
        else:
            yield Refusal(entry, why_not(entry))


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


LAYOUT = Layout(order=1000, fits=fits, read=read, start=_unwrap)
