"""A platform's own sheet of grades: read as it was exported, filled, written in the same form.

Each platform's module says which column is which. What all have in common is here: separators and
decimal marks of any country, whose row a report is, and which cells are not ours to change.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from grader.errors import UsageError
from grader.model import POINT_TOLERANCE, Status
from grader.renderers.text import number, shown
from grader.reports import Gradebook, Report

MARK = "\ufeff"
DELIMITERS = (",", ";", "\t")
PLAIN_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")
GROUPED_NUMBER = re.compile(r"-?\d{1,3}(?:([.,' \u00a0\u202f])\d{3})+(?:[.,]\d+)?")
WITH_COMMA = re.compile(r"-?\d+,\d+")
NOTHING = frozenset({"", "-", "\u2013"})
LISTED = 10  # of what a note names


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as a platform writes it, with what its country's settings made of it."""

    header: list[str]
    rows: list[list[str]]
    delimiter: str = ","
    has_mark: bool = False
    has_commas: bool = False  # for decimal points
    line_end: str = "\n"

    def number(self, value: float) -> str:
        """Return a number with the sheet's decimal mark."""
        text = number(value)
        return text.replace(".", ",") if self.has_commas else text

    def cell(self, row: int, column: int | None) -> str:
        """Return a cell's text, "" beyond the end of a row."""
        cells = self.rows[row]
        return cells[column].strip() if column is not None and column < len(cells) else ""

    def column(self, *names: str) -> int | None:
        """Return the column of one of some names, whatever their case, None where there is none."""
        wanted = {name.casefold() for name in names}
        return next((n for n, one in enumerate(self.header) if one.casefold() in wanted), None)

    def written(self, columns: Sequence[int], target: int, filled: Mapping[int, str]) -> str:
        """Return the text of some columns, with new cells by row in the target column."""
        stream = io.StringIO()
        writer = csv.writer(stream, delimiter=self.delimiter, lineterminator=self.line_end)
        writer.writerow([self.header[n] for n in columns])
        for at, row in enumerate(self.rows):
            cells = [row[n] if n < len(row) else "" for n in columns]
            if at in filled:
                cells[list(columns).index(target)] = filled[at]
            writer.writerow(cells)
        return (MARK if self.has_mark else "") + stream.getvalue()


def parse(text: str) -> Sheet:
    """Read a sheet with whatever separator, decimal mark and byte order mark it has."""
    has_mark = text.startswith(MARK)
    text = text.removeprefix(MARK)
    first = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as problem:
        raise UsageError(f"The template is no CSV file: {problem}. Export it again.") from problem
    rows = [row for row in rows if row]
    cells = [cell.strip() for row in rows[1:] for cell in row]
    with_comma = any(WITH_COMMA.fullmatch(cell) for cell in cells)
    with_point = any(re.fullmatch(r"-?\d+\.\d+", cell) for cell in cells)
    return Sheet(
        [name.strip() for name in rows[0]] if rows else [],
        rows[1:],
        delimiter,
        has_mark,
        delimiter != "," and (with_comma or (delimiter == ";" and not with_point)),
        "\r\n" if "\r\n" in text else "\n",
    )


def value_of(cell: str) -> float | None:
    """Return the number in a cell, with a point or a comma, None where it is none."""
    text = cell.strip()
    if PLAIN_NUMBER.fullmatch(text):
        return float(text.replace(",", "."))
    found = GROUPED_NUMBER.fullmatch(text)
    if found is None:
        return None
    return float(text.replace(found[1], "").replace(",", "."))


@dataclass(frozen=True, slots=True)
class Person:
    """One row that is a person's: what the platform knows them by."""

    row: int
    label: str
    number: str = ""
    logins: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be filled: a platform's sheet, its column of scores, the people in its rows.

    platform: its layout's name, for which a report may hold a number. columns: those that an import
    needs. locked: the rows that the platform would not change. points: what the platform has as the
    most, and where.
    """

    platform: str
    sheet: Sheet
    column: int
    people: Sequence[Person]
    columns: Sequence[int]
    locked: frozenset[int] = field(default_factory=frozenset)
    points: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Filled:
    """The file to import, and everything about it that a person should know first."""

    text: str
    notes: tuple[str, ...]
    ours: Mapping[str, float] = field(default_factory=dict)  # the scores in it that are from us


@dataclass(frozen=True, slots=True)
class Policy:
    """Which cells may be changed that hold something.

    overwrite: all of them. ours: by what the platform knows a person by, the scores that were
    written for them before, so that they are none that somebody gave by hand.
    """

    overwrite: bool = False
    ours: Mapping[str, Sequence[float]] = field(default_factory=dict)


def fill(book: Gradebook, target: Target, policy: Policy | None = None) -> Filled:
    """Return the sheet with everybody's score in it, and all that a person should know of it.

    A word (EX, N/A, a letter) is kept, and so is a score above ours which is not from us: somebody
    gave it by hand. A lower score is changed. Each of them is named.
    """
    policy = policy or Policy()
    index = _index(target.people)
    _refuse_two_for_one(book, target.platform, index)
    filled: dict[int, str] = {}
    ours: dict[str, float] = {}
    notes: dict[str, list[str]] = {key: [] for key in NOTES}
    for report in book.reports:
        if report.status is Status.UNGRADED:
            notes["ungraded"].append(shown(report.student))
            continue
        score = book.total(report)
        for who, people in _people_of(report, target.platform, index):
            if not people:
                notes["missing"].append(shown(who))
            for person in people:
                kind, said = _decide(score, person, target, policy)
                if kind in {"changed", ""}:
                    filled[person.row] = target.sheet.number(score)
                    ours[person.number] = score
                if kind:
                    notes[kind].append(said)
    pending = sum(bool(r.pending) for r in book.reports if r.status is not Status.UNGRADED)
    told = [text.format(listed=_listed(notes[key])) for key, text in NOTES.items() if notes[key]]
    if pending:
        told.append(f"Points are still pending for {pending} of {len(book.reports)}.")
    told += _points_note(book, *target.points)
    told += [f"{stamp}." for stamp in book.stamps]
    text = target.sheet.written(target.columns, target.column, filled)
    return Filled(text, tuple(told), ours)


NOTES = {
    "missing": "Not in the template, or in it more than once: {listed}.",
    "ungraded": "Ungraded, so their cells stay as they were: {listed}.",
    "kept": "Kept as they are in the template: {listed}. `--overwrite` puts our scores there.",
    "locked": "The platform takes no score for them, so their cells stay: {listed}.",
    "changed": "Changed from what is in the template: {listed}.",
}


def _decide(score: float, person: Person, target: Target, policy: Policy) -> tuple[str, str]:
    """Return what becomes of a cell, "" where there is nothing to say, and how it is named."""
    old = target.sheet.cell(person.row, target.column)
    namesakes = {other.number for other in target.people if other.label == person.label}
    label = f"{person.label} ({person.number})" if len(namesakes) > 1 else person.label
    name = f"{shown(label)} {shown(old)}".strip()
    if person.row in target.locked:
        return "locked", name
    held = value_of(old)
    if old in NOTHING or (held is not None and abs(held - score) <= POINT_TOLERANCE):
        return "", ""
    is_ours = held is not None and any(
        abs(held - one) <= POINT_TOLERANCE for one in policy.ours.get(person.number, ())
    )
    by_hand = held is None or (held > score and not is_ours)
    if by_hand and not policy.overwrite:
        return "kept", name
    return "changed", f"{name} to {target.sheet.number(score)}"


def _listed(names: Sequence[str]) -> str:
    names = list(dict.fromkeys(names))
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return "; ".join(names[:LISTED]) + more


def _points_note(book: Gradebook, told: str, where: str) -> list[str]:
    points = value_of(told)
    if points is None or abs(points - book.max_total) <= POINT_TOLERANCE:
        return []
    trouble = f"{where} has {told} points, the assignment {number(book.max_total)}."
    return [f"{trouble} Change it there before importing."]


# Whose row a report is.


def _index(people: Sequence[Person]) -> dict[str, list[Person]]:
    """Index people by every way a student may be known: number, logins, names."""
    index: dict[str, list[Person]] = {}
    for person in people:
        logins = {login.strip().casefold() for login in person.logins} - {""}
        logins |= {login.split("@")[0] for login in logins}
        keys = {f"login {login}" for login in logins}
        keys |= {key for name in person.names for key in (name_key(name), _sorted_key(name))}
        if person.number:
            keys.add(f"number {person.number}")
        for key in keys - {"", "sorted "}:
            index.setdefault(key, []).append(person)
    return index


def _people_of(
    report: Report, platform: str, index: Mapping[str, list[Person]]
) -> Iterator[tuple[str, list[Person]]]:
    """Yield the rows of everybody whom a report is of: by the platform's own number, login or name.

    A number counts only where this platform gave it, never because a student's file is called so.
    """
    if (known := report.number(platform)) and not report.members:
        yield report.student, _one(index.get(f"number {known}", []))
        return
    for who in report.members or (report.student,):
        login = who.casefold()
        keys = [f"login {login}", f"login {login.split('@')[0]}", name_key(who), _sorted_key(who)]
        yield who, _one(next((index[key] for key in keys if key in index), []))


def _one(people: list[Person]) -> list[Person]:
    """Return the rows if they are one person's: a person can be in several sections."""
    is_one = len(people) == 1 or (people and len({p.number or str(p.row) for p in people}) == 1)
    return people if is_one else []


def _refuse_two_for_one(book: Gradebook, platform: str, index: Mapping[str, list[Person]]) -> None:
    taken: dict[int, str] = {}
    for report in book.reports:
        for _, people in _people_of(report, platform, index):
            for person in people:
                first = taken.setdefault(person.row, report.student)
                if first != report.student:
                    raise UsageError(
                        f"{shown(first)} and {shown(report.student)} would both be "
                        f"{shown(person.label)} in the gradebook. Grade the platform's own "
                        "download, or give `grader grade` a --roster, so that each is known by an "
                        "id."
                    )


def name_key(name: str) -> str:
    """Return a name as platforms write it into file names: small letters and digits only."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(character for character in plain if character.isalnum())


def _sorted_key(name: str) -> str:
    return "sorted " + "".join(sorted(filter(None, map(name_key, re.split(r"[\s,]+", name)))))
