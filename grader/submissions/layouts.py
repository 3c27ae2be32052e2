"""Which layout a source has, decided by what it holds, and the one without any LMS: plain."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

from grader.submissions import gradescope, lms
from grader.submissions.claims import (
    OTTER_MARKS,
    Claim,
    Refusal,
    View,
    is_candidate,
    views,
    why_not,
    without_copy_mark,
)
from grader.submissions.sources import Entry, Source


class Layout(NamedTuple):
    """How to tell a layout, and how to read it."""

    fits: Callable[[View], bool]
    read: Callable[[View], Iterator[Claim | Refusal]]


def read(source: Source, layout: str | None, assignment: str | None) -> Iterator[Claim | Refusal]:
    """Read a source in the layout named, or in the first one that fits."""
    view, name = _recognise(list(views(source, assignment)), layout)
    for entry in view.outside:
        yield Refusal(entry, "is not a notebook")
    yield from LAYOUTS[name].read(view)


def _recognise(seen: list[View], layout: str | None) -> tuple[View, str]:
    for view in seen:
        for name in [layout] if layout else LAYOUTS:
            if LAYOUTS[name].fits(view):
                return view, name
    return (seen[0], layout) if layout not in {None, "plain"} else (_unwrap(seen), "plain")


def _fits_plain(_view: View) -> bool:
    return False  # the last resort, with its own idea of the folder to start at


def _unwrap(seen: list[View]) -> View:
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


def _read_plain(view: View) -> Iterator[Claim | Refusal]:
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


LAYOUTS: dict[str, Layout] = {  # the surest marks first
    "gradescope": Layout(gradescope.fits, gradescope.read),
    "moodle": Layout(lms.fits_moodle, lms.read_moodle),
    "canvas": Layout(lms.fits_canvas, lms.read_canvas),
    "nbgrader": Layout(lms.fits_nbgrader, lms.read_nbgrader),
    "github": Layout(lms.fits_github, lms.read_github),
    "plain": Layout(_fits_plain, _read_plain),
}
