"""GitHub Classroom's clones: `<assignment>-<login>/`, one folder a student."""

from collections.abc import Iterator
from itertools import takewhile

from grader.submissions.claims import (
    Claim,
    Layout,
    Refusal,
    View,
    is_candidate,
    why_not,
    without_copy_mark,
)


def fits(view: View) -> bool:
    folders = {place.parts[0] for place in view.handed_in if len(place.parts) > 1}
    cloned = {parts[0] for parts in view.hidden if parts[1:] == (".git",)}
    # A folder's name alone proves little: `softmax-submissions` may hold all of them.
    return bool(folders & cloned) or (len(folders) > 1 and bool(_named_prefix(view, folders)))


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read `<assignment>-<login>/`, one folder a clone."""
    folders = {place.parts[0] for place in view.places if len(place.parts) > 1}
    cloned = folders & {parts[0] for parts in view.hidden if parts[1:] == (".git",)}
    own = cloned or folders
    prefix = _named_prefix(view, own) or _shared_prefix(own)
    for parts, entry in view.places:
        if parts[0] in own and len(parts) > 1:
            yield Claim(parts[0][len(prefix) :], entry)
        elif is_candidate(entry):
            yield Refusal(entry, "lies in no clone; give it as a path of its own to grade it")
        else:
            yield Refusal(entry, why_not(entry))


def _named_prefix(view: View, folders: set[str]) -> str:
    """Return the assignment's name that starts every folder's: told, or a notebook's own."""
    stems = {without_copy_mark(place.entry.stem) for place in view.handed_in}
    if view.assignment:
        stems.add(view.assignment)
    fitting = [
        stem
        for stem in stems
        if all(folder.startswith(f"{stem}-") and folder != f"{stem}-" for folder in folders)
    ]
    return f"{max(fitting, key=len)}-" if fitting else ""


def _shared_prefix(folders: set[str]) -> str:
    """Return what all clones' names share up to a hyphen; of one clone nothing can be told."""
    first, last = min(folders), max(folders)
    same = sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    )
    return first[: first.rfind("-", 0, same) + 1] if first != last else ""


LAYOUT = Layout(order=50, fits=fits, read=read)
