"""The class as its instructor has it: any CSV with names and something that lasts, as an id."""

import re
import unicodedata
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

MISSING = "nothing handed in"
# Columns by what they hold, of Canvas, Gradescope, Moodle and others, in small letters.
WHOLE = ("student", "name", "full name", "student name", "vollständiger name", "nom complet")
FIRST = ("first name", "firstname", "given name", "vorname", "prénom")
LAST = ("last name", "lastname", "surname", "family name", "nachname", "nom")
IDS = (
    "id", "sis user id", "sis login id", "sid", "student id", "id number", "username", "user name",
    "login", "login id", "email", "e-mail", "email address", "matrikelnummer", "orgdefinedid",
    "display id", "userid", "user id", "number",
)  # fmt: skip
STAFF = re.compile(r"instructor|teacher|\bta\b|assistant|reader|grader|designer|observer|professor")
CANVAS_TEST = "Test Student"  # whom Canvas keeps for the teacher's own tries
CANVAS = {"student", "id", "sis user id"}  # whose `ID` is the number in a download's file names


@dataclass(frozen=True, slots=True)
class Entrant:
    """One row of a roster."""

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
            id(one): one.name if names.count(one.name) == 1 else f"{one.name} ({one.ids[0]})"
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
    names, *lines = tables.read(path) or [[]]
    rows = [dict(zip(names, line, strict=False)) for line in lines]
    header = {name.strip().casefold(): name for name in names if name.strip()}
    named = _has(header, WHOLE) or _has(header, LAST)
    ids = [name for name in IDS if name in header]
    if not named or not ids:
        raise UsageError(
            f"{path} needs a column with a name and one with an id (such as Student and ID); it "
            f"has {listed(list(header))}."
        )
    people = [person for row in rows if (person := _entrant(row, header, ids))]
    if not people:
        raise UsageError(f"{path} names nobody: below its first line there is no name with an id.")
    return Roster(people)


def _has(header: dict[str, str], names: Sequence[str]) -> str | None:
    return next((header[name] for name in names if name in header), None)


def _entrant(row: dict[str, str], header: dict[str, str], ids: Sequence[str]) -> Entrant | None:
    def cell(column: str | None) -> str:
        return (row.get(column) or "").strip() if column else ""

    last, first = cell(_has(header, LAST)), cell(_has(header, FIRST))
    name = f"{first} {last}".strip() or cell(_has(header, WHOLE))
    before, comma, behind = name.partition(",")
    name = f"{behind.strip()} {before.strip()}" if comma else name
    values = tuple(dict.fromkeys(value for one in ids if (value := cell(header[one]))))
    if not name or not values:  # as Canvas's row of possible points
        return None
    is_canvas = set(header) >= CANVAS
    kind, value = ("canvas", cell(header["id"])) if is_canvas else ("roster", values[0])
    has_role = STAFF.search(cell(header.get("role")).casefold()) is not None
    is_staff = has_role or (is_canvas and name == CANVAS_TEST)
    return Entrant(name, values, f"{kind}:{value}", is_staff)


def _keys_of(person: Entrant) -> set[str]:
    return {*_name_keys(person.name), *(key for value in person.ids for key in _id_keys(value))}


def _id_keys(value: str) -> list[str]:
    """Return an id as it may be written: a login also as the first part of an address."""
    plain = value.strip().casefold()
    return [f"id {plain}", f"id {plain.partition('@')[0]}"] if plain else []


def _name_keys(name: str) -> list[str]:
    """Return a name whatever the order, the case and the accents; and run together, as Canvas's."""
    words = _words(name)
    orders = {"".join(words), "".join(words[-1:] + words[:-1]), "".join(words[1:] + words[:1])}
    return [f"name {' '.join(sorted(words))}", *(f"name {one}" for one in orders)] if words else []


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).casefold()
    kept = "".join(c if c.isalnum() else "" if unicodedata.combining(c) else " " for c in plain)
    return kept.split()
