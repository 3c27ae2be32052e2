"""GitHub Classroom's clones: `<assignment>-<login>/`, one folder a student."""

from collections.abc import Iterator
from itertools import takewhile

from grader.submissions.claims import Claim, Layout, Refusal, View, is_candidate, why_not
from grader.submissions.names import without_number

MARKS = ((".git",), (".github",))  # of which a download of the repository as a zip has the second


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read `<assignment>-<login>/`, one folder a clone: what they all begin with is no login.

    A `.git` proves nothing of the other folders: any student may hand in a clone.
    """
    folders = {place.parts[0] for place in view.places if len(place.parts) > 1}
    cloned = folders & {parts[0] for parts in view.hidden if parts[1:] in MARKS}
    prefix = _named_prefix(view, folders)
    if not prefix and 2 * len(cloned) > len(folders):
        prefix = _named_prefix(view, cloned) or _shared_prefix(cloned)
    for parts, entry in view.places:
        if prefix and len(parts) > 1 and parts[0].startswith(prefix) and parts[0] != prefix:
            yield Claim(parts[0][len(prefix) :], entry)
        elif is_candidate(entry):
            yield Refusal(entry, "lies in no clone; give it as a path of its own to grade it")
        else:
            yield Refusal(entry, why_not(entry))


def _named_prefix(view: View, folders: set[str]) -> str:
    """Return the assignment's name that starts most folders: told, or a notebook's own."""
    stems = {without_number(place.entry.stem) for place in view.handed_in}
    if view.assignment:
        stems.add(view.assignment)
    counts = {stem: sum(folder.startswith(f"{stem}-") for folder in folders) for stem in stems}
    # A folder's name alone proves little: `softmax-submissions` may hold all of them.
    fitting = [stem for stem, count in counts.items() if count > 1 and 2 * count > len(folders)]
    return f"{max(fitting, key=lambda stem: (len(stem), stem))}-" if fitting else ""


def _shared_prefix(folders: set[str]) -> str:
    """Return what all clones' names share up to a hyphen; of one clone nothing can be told."""
    first, last = min(folders), max(folders)
    same = sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    )
    return first[: first.rfind("-", 0, same) + 1] if first != last else ""


LAYOUT = Layout("clones of GitHub Classroom", read, weight=0.8)
