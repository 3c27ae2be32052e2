"""Who is who from one run to the next: a row of the gradebook stays with its person."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from grader.model import Submission
from grader.renderers.text import shown

LISTED = 3


class Known(NamedTuple):
    """One row of the gradebook: its label, and who handed in under it last."""

    student: str
    name: str
    identity: str
    path: str
    sha256: str

    @property
    def called(self) -> str:
        """The name that the person's platform gives; in older stores only the label is kept."""
        return self.name or self.student

    @property
    def holds_a_file(self) -> bool:
        """Whether anything was handed in, as `Submission` has it."""
        return not (self.path == "" or self.path.endswith("/"))


@dataclass(frozen=True, slots=True)
class Named:
    """The submissions under the labels that hold, and what a person should know of them."""

    submissions: tuple[Submission, ...]
    notes: tuple[str, ...] = ()


def named(submissions: Iterable[Submission], known: Sequence[Known]) -> Named:
    """Give each submission the label of its person's row, so that nobody's history moves.

    Whoever has a row by identity keeps it. Whoever has none takes over the row of their name where
    that is nobody else's: its person had no identity, or this submission has none. All others get
    a row of their own, told by the identity from a namesake's.
    """
    submissions = list(submissions)
    by_identity = {row.identity: row.student for row in known if row.identity}
    by_label = {row.student: row for row in known}
    labels: dict[int, str] = {}
    for at, one in enumerate(submissions):
        if one.identity in by_identity:
            labels[at] = by_identity[one.identity]
    taken = set(labels.values())
    rest = [at for at in range(len(submissions)) if at not in labels]
    heirs = _heirs([(at, submissions[at]) for at in rest], known, taken)
    labels |= heirs
    taken |= set(heirs.values())
    notes = []
    for at in rest:
        if at in labels:
            continue
        one = submissions[at]
        labels[at] = _free(one, taken | set(by_label))
        taken.add(labels[at])
        if labels[at] != one.student:
            notes.append(
                f"{one.path} is of {labels[at]}: {one.student} is somebody else in this gradebook."
            )
    done = [
        replace(one, student=labels[at])
        for at, one in enumerate(submissions)
        # Who is missing from this download has not taken back what an earlier one held.
        if one.holds_a_file or not (labels[at] in by_label and by_label[labels[at]].holds_a_file)
    ]
    return Named(tuple(sorted(done, key=lambda one: (one.student, one.path))), tuple(notes))


def not_here(submissions: Iterable[Submission], known: Iterable[Known]) -> list[str]:
    """Return what to say of those who were graded before and are not among these files, once."""
    here = {one.student for one in submissions}
    absent = sorted({row.student for row in known} - here)
    if not absent or not here:
        return []
    more = f" and {len(absent) - LISTED:,} more" if len(absent) > LISTED else ""
    they = "it stays as it was" if len(absent) == 1 else "they stay as they were"
    names = ", ".join(map(shown, absent[:LISTED])) + more
    return [f"Graded before and not among these files, so {they}: {names}."]


def _heirs(
    waiting: Sequence[tuple[int, Submission]], known: Sequence[Known], taken: set[str]
) -> dict[int, str]:
    """Return who takes over a row that has no other claim, by position."""
    rows: dict[str, list[Known]] = defaultdict(list)
    for row in known:
        if row.student not in taken:
            rows[row.called].append(row)
    groups: dict[str, list[tuple[int, Submission]]] = defaultdict(list)
    for at, one in waiting:
        groups[one.name or one.student].append((at, one))
    alone = {name for name, rows_of in _by_name(known).items() if len(rows_of) == 1}
    found: dict[int, str] = {}
    for name, group in groups.items():
        for is_same in SAME:
            for at, one in group:
                free = [row for row in rows[name] if row.student not in found.values()
                        and not (row.identity and one.identity)]  # fmt: skip
                same = [row.student for row in free if is_same(row, one)]
                if at not in found and len(same) == 1:
                    found[at] = same[0]
        # Of two people of one name, none is taken for the other.
        left = [row.student for row in rows[name] if row.student not in found.values()]
        if len(group) == 1 and name in alone and group[0][0] not in found and left:
            at, one = group[0]
            row = rows[name][0]
            if not (row.identity and one.identity):
                found[at] = row.student
    return found


def _by_name(known: Sequence[Known]) -> dict[str, list[Known]]:
    rows: dict[str, list[Known]] = defaultdict(list)
    for row in known:
        rows[row.called].append(row)
    return rows


# What shows that a submission is of a row's person where an identity is missing, the surest first.
SAME: tuple[Callable[[Known, Submission], bool], ...] = (
    lambda row, one: bool(one.path) and row.path == one.path,
    lambda row, one: bool(one.sha256) and row.sha256 == one.sha256,
    lambda row, one: row.student == one.student and not row.identity and not one.identity,
)


def _free(one: Submission, taken: set[str]) -> str:
    """Return a label that nobody else has."""
    number = one.identity.partition(":")[2] or one.path
    candidates = [one.student, f"{one.name or one.student} ({number})"]
    more = (f"{candidates[-1]} #{count}" for count in range(2, len(taken) + 3))
    return next(label for label in (*candidates, *more) if label not in taken)
