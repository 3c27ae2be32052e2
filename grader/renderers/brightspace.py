"""`brightspace.csv`: Brightspace's (D2L's) grade export, with one item's points filled in."""

import re

from grader.errors import UsageError
from grader.renderers import sheets
from grader.renderers.sheets import Person, Sheet, Target, name_key
from grader.reports import Gradebook

KEPT = ("OrgDefinedId", "Username", "Last Name", "First Name", "Email")
END = "End-of-Line Indicator"
# "Softmax Points Grade <Numeric MaxPoints:22 Weight:10>", as the export names an item.
ITEM = re.compile(r"(?P<title>.*\S)\s+Points\s+Grade(?:\s*<(?P<more>[^>]*)>)?", re.IGNORECASE)
MOST = re.compile(r"MaxPoints:\s*([\d.,]+)", re.IGNORECASE)


OTHER_NUMBERS = ""  # people are found by login, address and name
ASK = "Export the grades in Brightspace with the points of this item, and give that file."


def target(book: Gradebook, template: str, column: str | None = None) -> Target:
    """Return one item's points, with what identifies each row and what ends it.

    Other items' columns are left out, so importing the file cannot change them. `column` is the
    header to fill, with or without what Brightspace adds to the item's name. UsageError where the
    template is no such export.
    """
    sheet = sheets.parse(template)
    keep = [n for name in KEPT if (n := sheet.column(name)) is not None]
    end = sheet.column(END)
    if not keep or end is None:
        raise UsageError(
            f"The template is no grade export of Brightspace: it has no columns {KEPT[0]} or "
            f"{KEPT[1]}, or no {END}. {ASK}"
        )
    at = _item(sheet, book, column)
    most = MOST.search(sheet.header[at])
    points = (most[1] if most else "", "Brightspace's item")
    people = _people(sheet)
    kind = "brightspace" if _shares_a_number(book, people) else OTHER_NUMBERS
    return Target(kind, sheet, at, people, [*keep, at, end], points=points)


def _shares_a_number(book: Gradebook, people: list[Person]) -> bool:
    """Say whether the numbers of the download are those of the sheet.

    At most sites they are Brightspace's own there and the institution's here.
    """
    here = {person.number for person in people}
    return any(report.number("brightspace") in here for report in book.reports)


def _item(sheet: Sheet, book: Gradebook, column: str | None) -> int:
    wanted = {name_key(column)} if column else {name_key(book.slug), name_key(book.title)}
    marks = {n: ITEM.match(name) for n, name in enumerate(sheet.header)}
    items = {n: mark["title"] for n, mark in marks.items() if mark is not None}
    found = [
        n for n, title in items.items() if {name_key(title), name_key(sheet.header[n])} & wanted
    ]
    if len(found) != 1:
        trouble = "no item" if not found else "more than one item"
        choices = ", ".join(items.values()) or "none"
        raise UsageError(
            f"The template has {trouble} for {column or book.title!r}. Name one of its items with "
            f"--column: {choices}."
        )
    return found[0]


def _people(sheet: Sheet) -> list[Person]:
    """Return the people; the export puts a # before what a spreadsheet would take for a number."""
    places = [sheet.column(name) for name in KEPT]
    found = []
    for row in range(len(sheet.rows)):
        known, login, last, first, mail = (
            sheet.cell(row, place).removeprefix("#") for place in places
        )
        if known or login:
            label = f"{last}, {first}".strip(", ") or login or known
            names = (f"{last} {first}", f"{first} {last}")
            found.append(Person(row, label, known or login, (login, known, mail), names))
    return found
