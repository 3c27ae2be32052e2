"""The class as its instructor has it: any CSV with names and something that lasts, as an id."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grader.errors import UsageError
from grader.model import Submission
from grader.submissions import tables
from grader.submissions.choice import listed
from grader.submissions.claims import Claim
from grader.submissions.evidence import Reading
from grader.submissions.roster_columns import Columns, plain

MISSING = "nothing handed in"
STAFF = re.compile(r"instructor|teacher|\bta\b|assistant|reader|grader|designer|observer|professor")
CANVAS_TEST = "Test Student"  # whom Canvas keeps for the teacher's own tries
CANVAS = ("Student", "ID")  # whose `ID` is the number in a download's file names
CANVAS_ALONE = (
    "SIS User ID",
    "SIS Login ID",
)  # of which a teacher may see one, and nobody else has
BRIGHTSPACE = ("End-of-Line Indicator",)  # in whose exports an id begins with #
AS_TEXT = re.compile(r'="(.*)"')  # as a cell is written that a spreadsheet must not compute


@dataclass(frozen=True, slots=True)
class Entrant:
    """One person of a roster; whose line says no id is known by name alone."""

    name: str
    ids: tuple[str, ...]
    identity: str
    is_staff: bool = False  # hands in nothing, and is known if it does


class Roster:
    """The people of a class, by every name and id that a download may give."""

    def __init__(self, people: Sequence[Entrant]) -> None:
        self.people = tuple(people)
        self._by_key: dict[str, list[Entrant]] = defaultdict(list)
        for person in people:
            for key in _keys_of(person):
                self._by_key[key].append(person)

    @property
    def doubts(self) -> list[str]:
        """What to say of ids that several people have, which belong to nobody."""
        owners: dict[str, list[str]] = defaultdict(list)
        for person in self.people:
            if person.identity:
                owners[person.identity].append(person.name)
        return [
            f"The roster gives the id {identity.partition(':')[2]} to {listed(names)}. Correct it "
            "there; meanwhile they are told apart by name."
            for identity, names in owners.items()
            if len(names) > 1
        ]

    def find(self, student: str, identity: str = "") -> Entrant | None:
        """Return the one person that a name or an id is; None for nobody and for namesakes."""
        number = identity.partition(":")[2]
        for keys in (_id_keys(number), [*_id_keys(student), *_name_keys(student)]):
            found = {id(one): one for key in keys for one in self._by_key.get(key, ())}
            if len(found) == 1:
                return next(iter(found.values()))
        return None

    def known(self, claim: Claim) -> Claim:
        """Return the claim under the roster's name, and its identity where it has none."""
        person = None if claim.members else self.find(claim.student, claim.identity)
        if person is None:
            return claim
        return replace(claim, student=person.name, identity=claim.identity or person.identity)

    def fitting(self, close: Sequence[Reading]) -> list[Reading]:
        """Return the readings that find the most people of the class."""
        counts = [sum(self.find(name) is not None for name in one.students) for one in close]
        return [one for one, count in zip(close, counts, strict=True) if count == max(counts)]

    def missing(self, submissions: Iterable[Submission]) -> list[Submission]:
        """Return a submission that holds nothing for everybody who handed in nothing."""
        here: set[int] = set()
        for one in submissions:
            for name in one.members or (one.name or one.student,):
                person = self.find(name, "" if one.members else one.identity)
                here |= {id(person)} if person else set()
        students = [person for person in self.people if not person.is_staff]
        absent = [person for person in students if id(person) not in here]
        names = [person.name for person in self.people]
        problem = f"{MISSING.capitalize()}."
        labels = {
            id(one): f"{one.name} ({one.ids[0]})"
            if one.ids and names.count(one.name) > 1
            else one.name
            for one in absent
        }
        return [
            Submission(labels[id(one)], "", b"", "", problem=problem, identity=one.identity,
                       name=one.name)
            for one in absent
        ]  # fmt: skip

    def unknown(self, submissions: Iterable[Submission]) -> list[str]:
        """Return what to say of those who are not on the roster, once."""
        odd = [one.student for one in submissions
               if not any(self.find(name, "" if one.members else one.identity)
                          for name in one.members or (one.name or one.student,))]  # fmt: skip
        if not odd:
            return []
        return [f"On no line of the roster, or on several: {listed(odd)}. Graded all the same."]


def read(path: Path) -> Roster:
    """Read a roster; UsageError where the file has no column with a name or none with an id."""
    header, *lines = tables.read(path) or [[]]
    columns = Columns(header)
    if not columns.has_names or not columns.ids:
        held = listed([text.strip() for text in header if text.strip()])
        raise UsageError(
            f"{path} needs a column with a name and one with an id (such as Student and ID); it "
            f"has {held}."
        )
    people = _once([one for line in lines if (one := _entrant(line, columns))])
    if not people:
        raise UsageError(f"{path} names nobody: below its first line there is no name with an id.")
    return Roster(people)


def _once(people: Sequence[Entrant]) -> list[Entrant]:
    """Return everybody once who is on several lines, as those of several sections are."""
    found: dict[tuple[str, str], Entrant] = {}
    for one in people:
        key = (" ".join(sorted(plain(one.name))), one.identity)
        known = found.get(key)
        if known is None:
            found[key] = one
            continue
        ids = tuple(dict.fromkeys([*known.ids, *one.ids]))
        found[key] = replace(known, ids=ids, is_staff=known.is_staff and one.is_staff)
    return list(found.values())


def _entrant(line: Sequence[str], columns: Columns) -> Entrant | None:
    is_brightspace = columns.has(BRIGHTSPACE)

    def cell(at: int | None) -> str:
        text = line[at].strip() if at is not None and at < len(line) else ""
        told = AS_TEXT.fullmatch(text)
        return told[1].strip() if told else text

    def id_of(at: int) -> str:
        return cell(at).removeprefix("#") if is_brightspace else cell(at)

    name = f"{cell(columns.given)} {cell(columns.family)}".strip()
    name = name or next((said for at in columns.whole if (said := cell(at))), "")
    before, comma, behind = name.partition(",")
    name = f"{behind.strip()} {before.strip()}" if comma else name
    ids = tuple(dict.fromkeys(value for at in columns.ids if (value := id_of(at))))
    is_canvas = columns.has(CANVAS) and columns.place(*CANVAS_ALONE) is not None
    if not (name or ids) or (is_canvas and not ids):  # as Canvas's row of possible points
        return None
    kind, value = ("canvas", cell(columns.place("ID"))) if is_canvas else ("roster", "")
    value = value or next(iter(ids), "")
    has_role = STAFF.search(cell(columns.place("Role")).casefold()) is not None
    is_staff = has_role or (is_canvas and name == CANVAS_TEST)
    return Entrant(name or value, ids, f"{kind}:{value}" if value else "", is_staff)


def _keys_of(person: Entrant) -> set[str]:
    return {*_name_keys(person.name), *(key for value in person.ids for key in _id_keys(value))}


def _id_keys(value: str) -> list[str]:
    """Return an id as it may be written: a login also as the first part of an address."""
    plain = value.strip().casefold()
    return [f"id {plain}", f"id {plain.partition('@')[0]}"] if plain else []


def _name_keys(name: str) -> list[str]:
    """Return a name whatever the order, the case and the accents; and run together, as Canvas's."""
    words = plain(name)
    orders = {"".join(words), "".join(words[-1:] + words[:-1]), "".join(words[1:] + words[:1])}
    return [f"name {' '.join(sorted(words))}", *(f"name {one}" for one in orders)] if words else []
