"""`canvas.csv`: the instructor's own gradebook export, with one assignment's column filled in."""

import re

from grader.errors import UsageError
from grader.renderers import sheets
from grader.renderers.sheets import Person, Sheet, Target, name_key
from grader.reports import Gradebook

# As lib/gradebook_exporter.rb of canvas-lms writes them, of which some are there by setting.
KEPT = (
    "Student", "LastName", "FirstName", "ID", "SIS User ID", "SIS Login ID", "Integration ID",
    "Root Account", "Section",
)  # fmt: skip
POINTS_ROW = "points possible"
ROWS_BEFORE_PEOPLE = 2  # about posting, and the points
KEY = "ID"


ASK = "Export the gradebook in Canvas and give that file."


def target(book: Gradebook, template: str, column: str | None = None) -> Target:
    """Return the assignment's column of a Canvas gradebook export, with what identifies each row.

    `column` is the header to fill, with or without Canvas's number; by default the one that is
    named after the assignment. Other assignments' columns are left out, so importing the file
    cannot change them. UsageError where the template is no such export.
    """
    sheet = sheets.parse(template)
    has_names = sheet.column("Student") is not None or sheet.column("LastName") is not None
    if sheet.column(KEY) is None or not has_names:
        raise UsageError(
            f"The template is no gradebook of Canvas: it has no columns Student and ID. {ASK}"
        )
    at = _column(sheet, book, column)
    keep = [n for n, name in enumerate(sheet.header) if name in KEPT]
    rows = range(min(ROWS_BEFORE_PEOPLE, len(sheet.rows)))
    told = [sheet.cell(row, at) for row in rows if sheet.cell(row, 0).casefold() == POINTS_ROW]
    points = (told[0] if told else "", f"Canvas's {sheet.header[at]}")
    return Target("canvas", sheet, at, _people(sheet), [*keep, at], points=points)


def _column(sheet: Sheet, book: Gradebook, column: str | None) -> int:
    wanted = {name_key(column)} if column else {name_key(book.slug), name_key(book.title)}
    found = [
        n
        for n, name in enumerate(sheet.header)
        if name not in KEPT
        and ({name_key(name), name_key(_unnumbered(name))} & wanted or name == column)
    ]
    if len(found) != 1:
        choices = ", ".join(n for n in sheet.header if re.search(r"\(\d+\)$", n)) or "none"
        said = column or book.title
        trouble = "no column" if not found else "more than one column"
        raise UsageError(
            f"The template has {trouble} for {said!r}. Name one of its assignments: {choices}."
        )
    return found[0]


def _unnumbered(name: str) -> str:
    return re.sub(r"\s*\(\d+\)$", "", name)


def _people(sheet: Sheet) -> list[Person]:
    places = {name: sheet.column(name) for name in KEPT}
    found = []
    for row in range(len(sheet.rows)):
        cells = {name: sheet.cell(row, place) for name, place in places.items()}
        if not cells[KEY]:
            continue
        last, _, first = cells["Student"].partition(",")
        if not cells["Student"]:
            last, first = cells["LastName"], cells["FirstName"]
        logins = (cells["SIS Login ID"], cells["SIS User ID"])
        names = (f"{last} {first}", f"{first} {last}")
        label = cells["Student"] or f"{last}, {first}"
        found.append(Person(row, label, cells[KEY], logins, names))
    return found
