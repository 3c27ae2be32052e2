"""nbgrader's tree: `submitted/<student>/<assignment>/`, with a file that tells the moment."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from grader.submissions.claims import Claim, Layout, Place, Refusal, View
from grader.submissions.nbgrader_times import STAMP, moment_in

SUBMITTED = "submitted"
BESIDE = frozenset(
    {"source", "release", "autograded", "feedback"}
)  # beside it in a course's folder
DEPTH = 3  # student, assignment, file


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read `submitted/<student>/<assignment>/`, with the moment that nbgrader wrote beside it."""
    has_root = any(parts[0] == SUBMITTED and len(parts) > DEPTH for parts, _ in view.places)
    root = 1 if has_root else 0
    inside: dict[tuple[str, ...], list[Place]] = defaultdict(list)
    for place in view.places:
        parts = place.parts
        if len(parts) < root + DEPTH or (root and parts[0] != SUBMITTED):
            reason = "lies outside submitted/<student>/<assignment>/"
            yield Refusal(place.entry, reason, known=bool(root) and parts[0] in BESIDE)
        else:
            inside[parts[root : root + 2]].append(place)
    counts = Counter(assignment for _, assignment in inside)
    has_own = view.assignment in counts
    marked = has_root or view.outer == SUBMITTED
    for (student, assignment), places in inside.items():
        stamp = next((p.entry for p in places if p.parts[root + 2 :] == (STAMP,)), None)
        # Many systems keep a file of this name: nbgrader's lies in a folder of the assignment.
        same = assignment == view.assignment or counts[assignment] > 1
        if not marked and (stamp is None or not same):
            reason = "lies in no folder as nbgrader makes them"
            yield from (Refusal(place.entry, reason) for place in places)
        elif assignment != view.assignment and has_own:
            reason = f"belongs to {assignment}, not to {view.assignment}"
            yield from (Refusal(place.entry, reason, known=True) for place in places)
        else:
            received = moment_in(stamp)
            for place in places:
                if place.entry is not stamp or len(places) == 1:
                    yield Claim(student, place.entry, student, received=received)


LAYOUT = Layout("an nbgrader course", read)
