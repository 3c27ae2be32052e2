"""Which layout a download is in: what each of them explains of it, and how well.

A layout says of each file whose it is. The one that explains most of the whole download wins; a
name that one student gave a file explains that file and nothing else, so it turns nobody else's.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grader.errors import UsageError
from grader.submissions import layouts
from grader.submissions.claims import (
    Claim,
    Layout,
    Refusal,
    View,
    is_candidate,
    views,
    why_not,
)
from grader.submissions.names import names_nobody, try_number, without_number
from grader.submissions.sources import Entry, Source

MOST = 0.5  # of a download must be explained, or a layout is none
CLOSE = 0.9  # of the best explanation: then a person must say which
NAMED = 3
LOOKED_AT = 20  # of what one folder holds

IsOwn = Callable[[Entry], bool]


@dataclass(frozen=True, slots=True)
class Reading:
    """A download as one layout explains it."""

    name: str
    layout: Layout
    inside: tuple[Claim | Refusal, ...]
    outside: tuple[Refusal, ...]
    score: float

    @property
    def found(self) -> tuple[Claim | Refusal, ...]:
        """What is said of each file of the whole download."""
        return (*self.outside, *self.inside)

    @property
    def students(self) -> list[str]:
        """The students that it finds, in the download's order."""
        claims = (item for item in self.inside if isinstance(item, Claim))
        return list(dict.fromkeys(c.student for c in claims if is_candidate(c.entry)))

    @property
    def partition(self) -> frozenset[frozenset[str]]:
        """Which files it takes for one person's."""
        people: dict[tuple[str, str], set[str]] = defaultdict(set)
        for item in self.inside:
            if isinstance(item, Claim) and is_candidate(item.entry):
                who = (item.identity, "") if item.identity else (item.student, item.apart)
                people[who].add(item.entry.path)
        return frozenset(map(frozenset, people.values()))


def best_of(view: View, *, without: str = "", is_own: IsOwn = lambda _: True) -> Reading:
    """Return the best explanation of what one folder holds."""
    known = {name: item for name, item in layouts.load().items() if name != without}
    return max(_readings([view], known, is_own), key=lambda reading: reading.score)


def explain(
    source: Source, assignment: str | None, *, layout: str | None, is_own: IsOwn
) -> list[Reading]:
    """Return the explanations of a download, the best first, others only where they are close.

    `is_own` says of a notebook whether it is the assignment's: where several of one folder are,
    they may be several people's. `layout` names the only one to be tried.
    """
    known = layouts.load()
    seen = list(views(source, assignment))
    if layout is not None:
        chosen = known[layout]
        first = [chosen.start(seen)] if chosen.start else seen
        found = [_reading(layout, chosen, view) for view in first]
        return [max(found, key=lambda reading: reading.score)]
    found = sorted(_readings(seen, known, is_own), key=lambda item: -item.score)
    best, *others = found
    parts = {best.partition}
    close = [best]
    for other in others:
        if other.score >= CLOSE * best.score and other.partition not in parts:
            parts.add(other.partition)
            close.append(other)
    return close


def _readings(seen: Sequence[View], known: dict[str, Layout], is_own: IsOwn) -> list[Reading]:
    found: list[Reading] = []
    for name, layout in known.items():
        if not layout.weight or layout.start:
            continue
        for view in seen:
            reading = _reading(name, layout, view)
            if reading.students and reading.score > MOST * layout.weight:
                found.append(reading)
    plain = known[layouts.LAST_RESORT]
    view = plain.start(seen) if plain.start else seen[0]
    together = _together(view, is_own)
    one_each = _reading(layouts.LAST_RESORT, plain, view, 1.0 - together)
    found.append(one_each)
    if together and "sections" in known:
        found.append(_reading("sections", known["sections"], view, together))
    return found


def _reading(name: str, layout: Layout, view: View, proven: float = 1.0) -> Reading:
    inside = tuple(layout.read(view))
    score = (layout.weight or 1.0) * _explained(view, inside) * proven
    return Reading(name, layout, inside, tuple(map(_outside, view.outside)), score)


def _outside(entry: Entry) -> Refusal:
    reason = why_not(entry)
    if is_candidate(entry):
        reason = "lies beside the folder of the others; give it as a path of its own to grade it"
    return Refusal(entry, reason)


def _explained(view: View, inside: Sequence[Claim | Refusal]) -> float:
    """Return how much of a download is explained: each student's folder or file counts once."""
    depth = len(view.wrapper)
    units: dict[tuple[str, ...], list[bool]] = defaultdict(list)
    for item in inside:
        if item.entry.is_empty:
            continue
        explained = isinstance(item, Claim) or item.known
        # What a platform has put there itself says nothing of what was handed in.
        if is_candidate(item.entry) or isinstance(item, Claim):
            units[item.entry.parts[depth : depth + 1]].append(explained)
    for entry in view.outside:
        if is_candidate(entry):
            units["", *entry.parts].append(False)
    shares = [sum(told) / len(told) for told in units.values()]
    return sum(shares) / len(shares) if shares else 0.0


def _together(view: View, is_own: IsOwn) -> float:
    """Return the share of folders that seem to hold several people's notebooks, from 0 to 1.

    Several of the assignment's notebooks in folders or files of different names: not copies, not
    versions, and not the parts of a homework, which are called alike in everybody's folder.
    """
    items: dict[str, dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for place in view.handed_in:
        if len(place.parts) > 1 and place.entry.suffix != ".zip":
            deep = len(place.parts) > len(("student", "file"))
            name = place.parts[1] if deep else without_number(place.entry.stem)
            if len(items[place.parts[0]]) < LOOKED_AT:  # one folder cannot take all the time
                items[place.parts[0]][name.casefold()].append(place.entry)
    everywhere: dict[str, int] = defaultdict(int)
    for inside in items.values():
        for name in inside:
            everywhere[name] += 1
    units = {place.parts[0] for place in view.handed_in}
    several = 0
    for folder, inside in items.items():
        people = [entries for name, entries in inside.items()
                  if everywhere[name] == 1 and not names_nobody(name, view.assignment)
                  and try_number(name) is None]  # fmt: skip
        if len(people) > 1 or (people and names_nobody(folder, view.assignment)):
            own = sum(any(map(is_own, entries[:LOOKED_AT])) for entries in people)
            several += own > (0 if names_nobody(folder, view.assignment) else 1)
    return several / len(units) if units else 0.0


def which(source: Source, close: Sequence[Reading]) -> UsageError:
    """Return what to say where a download can be read in several ways."""
    said = " or ".join(f"{_counted(reading)} ({reading.name})" for reading in close)
    options = " or ".join(f"--layout {reading.name}" for reading in close)
    return UsageError(
        f"{source.name} can be read as {said}. Say which with {options}, or give --roster CSV to "
        "match people against."
    )


def _counted(reading: Reading) -> str:
    students = reading.students
    more = ", …" if len(students) > NAMED else ""
    return f"{len(students)} students, {', '.join(students[:NAMED])}{more}"
