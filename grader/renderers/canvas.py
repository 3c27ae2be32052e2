"""`canvas.csv`: the instructor's own gradebook export, with one assignment's column filled in."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from grader.errors import UsageError
from grader.model import POINT_TOLERANCE, Gradebook, Report, Status
from grader.renderers.text import number, shown

KEPT = ("Student", "ID", "SIS User ID", "SIS Login ID", "Root Account", "Integration ID", "Section")
POINTS_ROW = "points possible"


@dataclass(frozen=True, slots=True)
class Filled:
    """The file to import, and everything about it that a person should know first."""

    text: str
    notes: tuple[str, ...]


def render(book: Gradebook, template: str, *, column: str | None = None) -> Filled:
    """Fill the assignment's column of a Canvas gradebook export and keep what identifies each row.

    `column` is the header to fill, with or without Canvas's number; by default the one that is
    named after the assignment. Other assignments' columns are left out, so importing the file
    cannot change them. UsageError where the template is no such export.
    """
    bom = "\ufeff" if template.startswith("\ufeff") else ""
    rows = list(csv.reader(io.StringIO(template.removeprefix("\ufeff"), newline="")))
    if not rows or not {"Student", "ID"} <= set(rows[0]):
        raise UsageError(
            "The template is no gradebook of Canvas: it has no columns Student and ID. Export the "
            "gradebook in Canvas and give that file."
        )
    header = rows[0]
    target = _column(header, book, column)
    people = [row for row in rows[1:] if _is_person(row, header)]
    filled, notes = _scores(book, people, header)
    notes += _points_note(rows, header, target, book)
    keep = [n for n, name in enumerate(header) if name in KEPT]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*(header[n] for n in keep), header[target]])
    for row in rows[1:]:
        old = row[target] if target < len(row) else ""
        kept = [row[n] if n < len(row) else "" for n in keep]
        writer.writerow([*kept, filled.get(id(row), old)])
    return Filled(bom + stream.getvalue(), tuple(notes))


def _column(header: list[str], book: Gradebook, column: str | None) -> int:
    wanted = {_key(column)} if column else {_key(book.slug), _key(book.title)}
    found = [
        n
        for n, name in enumerate(header)
        if name not in KEPT and ({_key(name), _key(_unnumbered(name))} & wanted or name == column)
    ]
    if len(found) != 1:
        choices = ", ".join(name for name in header if re.search(r"\(\d+\)$", name)) or "none"
        said = column or book.title
        trouble = "no column" if not found else "more than one column"
        raise UsageError(
            f"The template has {trouble} for {said!r}. Name one of its assignments: {choices}."
        )
    return found[0]


def _unnumbered(name: str) -> str:
    return re.sub(r"\s*\(\d+\)$", "", name)


def _is_person(row: list[str], header: list[str]) -> bool:
    at = header.index("ID")
    return at < len(row) and bool(row[at].strip())


def _points_note(rows: list[list[str]], header: list[str], at: int, book: Gradebook) -> list[str]:
    for row in rows[1:3]:  # Canvas may put a row about posting before it
        told = row[at].strip() if at < len(row) else ""
        if row and row[0].strip().casefold() == POINTS_ROW and told:
            try:
                differs = abs(float(told.replace(",", "")) - book.max_score) > POINT_TOLERANCE
            except ValueError:
                return []  # "(read only)" and the like
            if differs:
                points = number(book.max_score)
                trouble = f"Canvas has {told} points for {header[at]}, the assignment {points}."
                return [f"{trouble} Change it in Canvas before importing."]
    return []


def _scores(
    book: Gradebook, people: list[list[str]], header: list[str]
) -> tuple[dict[int, str], list[str]]:
    index = _index(people, header)
    filled: dict[int, str] = {}
    ungraded, pending, missing = [], [], []
    _refuse_two_for_one(book, index)
    for report in book.reports:
        if report.status is Status.UNGRADED:
            ungraded.append(report.student)
            continue
        if report.pending:
            pending.append(report.student)
        for who, row in _rows_of(report, index):
            if row is None:
                missing.append(who)
            else:
                filled[id(row)] = number(report.score)
    notes = []
    if missing:
        notes.append(f"Not in the template, or in it more than once: {_listed(missing)}.")
    if ungraded:
        notes.append(f"Ungraded, so their cells stay as they were: {_listed(ungraded)}.")
    if pending:
        notes.append(f"Points are still pending for {len(pending)} of {len(book.reports)}.")
    return filled, notes


def _refuse_two_for_one(book: Gradebook, index: dict[str, list[list[str]]]) -> None:
    taken: dict[int, str] = {}
    for report in book.reports:
        for _, row in _rows_of(report, index):
            if row is None:
                continue
            first = taken.setdefault(id(row), report.student)
            if first != report.student:
                raise UsageError(
                    f"{shown(first)} and {shown(report.student)} would both be {shown(row[0])} in "
                    "the gradebook. Grade the platform's own download, or give `grader grade` a "
                    "--roster, so that each is known by an id."
                )


def _listed(names: list[str]) -> str:
    return ", ".join(shown(name) for name in names)


def _rows_of(
    report: Report, index: dict[str, list[list[str]]]
) -> Iterator[tuple[str, list[str] | None]]:
    """Yield the row of everybody whom a report is of: by Canvas's own number, or login, or name.

    A number counts only where Canvas gave it, never because a student's file is called so.
    """
    if (number := report.number("canvas")) and not report.members:
        rows = index.get(f"id {number}", [])
        yield report.student, rows[0] if len(rows) == 1 else None
        return
    for who in report.members or (report.student,):
        keys = [f"login {who.casefold()}", f"login {who.casefold().split('@')[0]}", _key(who)]
        rows = next((index[key] for key in keys if key in index), [])
        yield who, rows[0] if len(rows) == 1 else None


def _index(people: list[list[str]], header: list[str]) -> dict[str, list[list[str]]]:
    """Index rows by every way a student may be known: Canvas's number, logins, names."""
    index: dict[str, list[list[str]]] = {}
    for row in people:
        cells = dict(zip(header, row, strict=False))
        last, _, first = cells["Student"].partition(",")
        names = {_key(last + first), _key(first + last)} - {""}
        logins = [cells.get("SIS Login ID", ""), cells.get("SIS User ID", "")]
        logins += [login.split("@")[0] for login in logins]
        known = {f"login {login.strip().casefold()}" for login in logins if login.strip()}
        for key in {f"id {cells['ID'].strip()}"} | known | names:
            index.setdefault(key, []).append(row)
    return index


def _key(name: str) -> str:
    """Return a name as Canvas writes it into file names: small letters and digits only."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(character for character in plain if character.isalnum())
