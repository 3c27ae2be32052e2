"""`moodle.csv`: Moodle's own grading worksheet of an assignment, with its grades filled in."""

import re

from grader.errors import UsageError
from grader.renderers import sheets
from grader.renderers.sheets import Person, Sheet, Target
from grader.reports import Gradebook

# "Participant 12345" in any language; the number is in the names of Moodle's download as well.
IDENTIFIER = re.compile(r"\D*?\s?(\d+)")
# The worksheet's headers are in the language of whoever exports it.
GRADE = ("Grade", "Bewertung", "Note", "Calificación", "Valutazione", "Nota", "Cijfer", "Ocena",
         "Оценка", "Avaliação")  # fmt: skip
MAXIMUM = ("Maximum grade", "Bestwertung", "Note maximale", "Calificación máxima",
           "Valutazione massima", "Nota máxima", "Maximumcijfer")  # fmt: skip
NAME = ("Full name", "Vollständiger Name", "Nom complet", "Nombre completo", "Nome completo",
        "Volledige naam")  # fmt: skip
LOCKED = ("Grade can be changed", "Bewertung kann geändert werden", "La note peut être modifiée",
          "La calificación puede ser cambiada")  # fmt: skip
NO = frozenset({"no", "nein", "non", "não", "nee", "nie"})
MAIL = re.compile(r"[^@\s]+@[^@\s]+")


ASK = (
    "Download it in the assignment with “Download grading worksheet”, and where it is in a "
    "language that is not known here, name its column of grades with --column."
)


def target(_book: Gradebook, template: str, column: str | None = None) -> Target:
    """Return the grades of a grading worksheet; every other column stays, as Moodle wants it.

    `column` is the header to fill where the worksheet is in a language that is not known here.
    UsageError where the template is no such worksheet.
    """
    sheet = sheets.parse(template)
    at = sheet.column(column) if column else sheet.column(*GRADE)
    first = [IDENTIFIER.fullmatch(sheet.cell(row, 0)) for row in range(len(sheet.rows))]
    if at is None or not any(first):
        raise UsageError(
            "The template is no grading worksheet of Moodle: its first column has no participants' "
            f"numbers, or none of its columns is the grade. {ASK}"
        )
    people = [_person(sheet, row, found[1]) for row, found in enumerate(first) if found is not None]
    lock = sheet.column(*LOCKED)
    locked = {row for row in range(len(sheet.rows)) if sheet.cell(row, lock).casefold() in NO}
    most = next((sheet.cell(one.row, sheet.column(*MAXIMUM)) for one in people), "")
    columns = range(len(sheet.header))
    points = (most, "Moodle's assignment")
    return Target("moodle", sheet, at, people, columns, frozenset(locked), points)


def _person(sheet: Sheet, row: int, number: str) -> Person:
    name = sheet.cell(row, sheet.column(*NAME))
    mails = tuple(cell.strip() for cell in sheet.rows[row] if MAIL.fullmatch(cell.strip()))
    number_column = sheet.column("ID number", "Username", "Anmeldename", "ID-Nummer")
    logins = (*mails, sheet.cell(row, number_column))
    label = name or sheet.cell(row, 0)
    last, comma, first = name.partition(",")
    *given, family = name.split() or [""]
    other = f"{first} {last}" if comma else " ".join([family, *given])
    return Person(row, label, number, logins, (name, other))
