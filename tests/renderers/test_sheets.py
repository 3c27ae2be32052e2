"""Platforms' own sheets of grades, in the forms that countries and settings give them."""

import csv
import io
from collections.abc import Callable

import pytest

from grader.errors import UsageError
from grader.model import Status
from grader.renderers import brightspace, canvas, moodle
from grader.renderers.sheets import Filled, Policy, Target, fill, value_of
from grader.reports import Gradebook, Report
from tests.renderers.test_formats import small_book, small_report

Find = Callable[[Gradebook, str, str | None], Target]
PEOPLE = (("Lovelace", "Ada", 1200, "ada"), ("Pascal", "Blaise", 1201, "blaise"),
          ("Smith", "John", 1202, "js1"), ("Smith", "John", 1203, "js2"),
          ("Student", "Test", 9999, ""))  # fmt: skip


def canvas_report(number: int, score: float, status: Status = Status.FAILED) -> Report:
    return small_report(f"s{number}", status, score, identity=f"canvas:{number}")


BOOK = small_book(
    canvas_report(1200, 4.0, Status.PASSED), canvas_report(1201, 2.75), canvas_report(1202, 3.5),
    canvas_report(1203, 1.625),
)  # fmt: skip


def export(
    *old: str, delimiter: str = ",", comma: bool = False, parts: bool = False, mark: str = ""
) -> str:
    """Return a Canvas export; `old` are the column's cells, by person."""
    point = "," if comma else "."
    names = ["LastName", "FirstName"] if parts else ["Student"]
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    writer.writerow([*names, "ID", "SIS Login ID", "Section", "HW (1)", "Softmax (2)", "Total"])
    blank = [""] * len(names)
    writer.writerow([*blank, "", "", "", "", "Manual Posting", ""])
    first = ["    Points Possible", ""][: len(names)]
    writer.writerow([*first, "", "", "", f"9{point}00", f"4{point}00", "(read only)"])
    for (last, given, number, login), cell in zip(PEOPLE, [*old, *[""] * 5], strict=False):
        name = [last, given] if parts else [f"{last}, {given}"]
        writer.writerow([*name, number, login, "A and B", f"8{point}50", cell, f"95{point}00"])
    return mark + stream.getvalue()


def run(
    find: Find, book: Gradebook, text: str, column: str | None = None, policy: Policy | None = None
) -> Filled:
    return fill(book, find(book, text, column), policy)


def cells(text: str, key: str, column: str) -> dict[str, str]:
    delimiter = ";" if ";" in text.split("\n", 1)[0] else ","
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=delimiter)
    return {row[key]: row[column] for row in rows if row[key]}


@pytest.mark.parametrize("parts", [False, True], ids=["Student", "LastName"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "mark"])
@pytest.mark.parametrize(
    ("delimiter", "comma"), [(",", False), (";", True), (";", False), ("\t", True), (",", True)]
)
def test_canvas_exports_of_any_country_are_filled(
    delimiter: str, comma: bool, mark: str, parts: bool
) -> None:
    text = export(delimiter=delimiter, comma=comma, mark=mark, parts=parts)
    filled = run(canvas.target, BOOK, text)
    assert filled.notes == ()
    assert filled.text.startswith(mark + text.removeprefix(mark)[:5])
    rows = list(csv.reader(io.StringIO(filled.text.removeprefix(mark)), delimiter=delimiter))
    at = rows[0].index("ID")
    scores = {row[at]: row[-1] for row in rows[1:] if row[at]}
    # A quoted comma in a sheet of commas is what Canvas reads in every language but such.
    has_commas = comma and delimiter != ","
    expected = ["4", "2.75", "3.5", "1.625", ""]
    assert list(scores.values()) == [
        one.replace(".", ",") if has_commas else one for one in expected
    ]
    assert rows[0][-1] == "Softmax (2)"
    assert "HW (1)" not in rows[0]


def test_excuses_and_scores_given_by_hand_are_kept_and_named() -> None:
    text = export("EX", "N/A", "2.00", "3.00")
    filled = run(canvas.target, BOOK, text)
    scores = cells(filled.text, "ID", "Softmax (2)")
    assert scores == {"1200": "EX", "1201": "N/A", "1202": "3.5", "1203": "3.00", "9999": ""}
    kept, changed = filled.notes
    assert kept.startswith("Kept as they are in the template: ")
    for said in ("Lovelace, Ada EX", "Pascal, Blaise N/A", "Smith, John (1203) 3.00"):
        assert said in kept
    assert "--overwrite" in kept
    assert changed == "Changed from what is in the template: Smith, John (1202) 2.00 to 3.5."


def test_overwriting_changes_them_and_names_them() -> None:
    filled = run(canvas.target, BOOK, export("EX", "N/A", "", "3.00"), policy=Policy(True))
    scores = list(cells(filled.text, "ID", "Softmax (2)").values())
    assert scores == ["4", "2.75", "3.5", "1.625", ""]
    assert "Lovelace, Ada EX to 4; Pascal, Blaise N/A to 2.75" in filled.notes[0]


def test_a_higher_score_that_was_ours_is_changed() -> None:
    ours = Policy(ours={"1203": [9.0, 3.0]})
    filled = run(canvas.target, BOOK, export("", "", "", "3"), policy=ours)
    assert cells(filled.text, "ID", "Softmax (2)")["1203"] == "1.625"
    assert "Smith, John (1203) 3 to 1.625" in filled.notes[0]


def test_a_person_of_two_sections_has_two_rows_filled() -> None:
    text = export() + '"Lovelace, Ada",1200,ada,C,8.50,,95.00\n'
    filled = run(canvas.target, BOOK, text)
    assert filled.text.count('"Lovelace, Ada",1200') == filled.text.count(",4\n") == 2


def test_points_with_a_decimal_comma_are_the_same_points() -> None:
    assert run(canvas.target, BOOK, export(delimiter=";", comma=True)).notes == ()
    other = export(delimiter=";", comma=True).replace("4,00", "22,00")
    assert "Canvas's Softmax (2) has 22,00 points" in run(canvas.target, BOOK, other).notes[0]


@pytest.mark.parametrize(
    ("cell", "value"),
    [("14,75", 14.75), ("14.75", 14.75), ("1.234,50", 1234.5), ("1,234.50", 1234.5), ("7", 7.0),
     ("EX", None), ("", None), ("1 234,5", 1234.5), ("75%", None)],
)  # fmt: skip
def test_a_number_of_any_country_is_read(cell: str, value: float | None) -> None:
    assert value_of(cell) == value


# Moodle

MOODLE = """\
Identifier,"Full name","Email address",Status,Grade,"Maximum Grade","Grade can be changed","Last modified (submission)","Feedback comments"
"Participant 501","Ada Lovelace",ada@uni.edu,"Submitted for grading",,4.00,Yes,"Thursday, 5 November 2026, 10:15 AM",
"Participant 502","Blaise Pascal",blaise@uni.edu,"Submitted for grading",1.00,4.00,Yes,-,"Look, a comma"
"Participant 503","Emmy Noether",emmy@uni.edu,"Submitted for grading",2.00,4.00,No,-,
"Participant 504","Carl Friedrich Gauss",carl@uni.edu,"No submission",-,4.00,Yes,-,
"""  # noqa: E501
GERMAN = """\
\ufeffID;"Vollständiger Name";E-Mail-Adresse;Status;Bewertung;Bestwertung;"Bewertung kann geändert werden"
"Teilnehmer/in501";"Ada Lovelace";ada@uni.edu;Abgegeben;;4,00;Ja
"Teilnehmer/in502";"Blaise Pascal";blaise@uni.edu;Abgegeben;1,00;4,00;Ja
"""  # noqa: E501
MOODLE_BOOK = small_book(
    small_report("Ada Lovelace", Status.PASSED, 4.0, identity="moodle:501"),
    small_report("Blaise Pascal", Status.FAILED, 2.5),  # from another platform: by name
    small_report("emmy@uni.edu", Status.FAILED, 3.0),  # or by address
    small_report("gausscarlfriedrich", Status.FAILED, 0.5),  # as Canvas names files
)


def test_moodles_worksheet_is_filled_and_keeps_every_column() -> None:
    filled = run(moodle.target, MOODLE_BOOK, MOODLE)
    assert filled.text.splitlines()[0].replace('"', "") == MOODLE.splitlines()[0].replace('"', "")
    grades = cells(filled.text, "Identifier", "Grade")
    assert list(grades.values()) == ["4", "2.5", "2.00", "0.5"]
    comments = cells(filled.text, "Identifier", "Feedback comments")
    assert comments["Participant 502"] == "Look, a comma"
    locked, changed = filled.notes
    assert "Emmy Noether 2.00" in locked
    assert "Blaise Pascal 1.00 to 2.5" in changed


def test_moodles_worksheet_in_german_is_filled() -> None:
    filled = run(moodle.target, MOODLE_BOOK, GERMAN)
    assert list(cells(filled.text, "ID", "Bewertung").values()) == ["4", "2,5"]
    assert filled.text.startswith("\ufeffID;")
    assert "emmy@uni.edu; gausscarlfriedrich" in filled.notes[0]


def test_moodles_worksheet_in_an_unknown_language_needs_its_column() -> None:
    text = MOODLE.replace(",Grade,", ",Arvosana,")
    with pytest.raises(UsageError, match="--column"):
        run(moodle.target, MOODLE_BOOK, text)
    filled = run(moodle.target, MOODLE_BOOK, text, "Arvosana")
    assert cells(filled.text, "Identifier", "Arvosana")["Participant 501"] == "4"


# Brightspace

BRIGHTSPACE = """\
OrgDefinedId,Username,Last Name,First Name,Email,HW Points Grade <Numeric MaxPoints:9>,Softmax Points Grade <Numeric MaxPoints:4 Weight:10>,End-of-Line Indicator
#3001,#ada,Lovelace,Ada,ada@uni.edu,8.5,,#
#3002,#blaise,Pascal,Blaise,blaise@uni.edu,8.5,,#
#3003,#js1,Smith,John,js1@uni.edu,8.5,,#
#3004,#js2,Smith,John,js2@uni.edu,8.5,,#
"""  # noqa: E501


def test_brightspaces_export_is_filled_for_one_item() -> None:
    book = small_book(
        small_report("Ada Lovelace", Status.PASSED, 4.0),
        small_report("Pascal Blaise", Status.FAILED, 2.5),
        small_report("js2", Status.FAILED, 1.0),
        small_report("John Smith", Status.FAILED, 3.0),  # which of the two?
    )
    filled = run(brightspace.target, book, BRIGHTSPACE)
    header, *rows = csv.reader(io.StringIO(filled.text))
    assert header == [
        "OrgDefinedId", "Username", "Last Name", "First Name", "Email",
        "Softmax Points Grade <Numeric MaxPoints:4 Weight:10>", "End-of-Line Indicator",
    ]  # fmt: skip
    assert [(row[1], *row[-2:]) for row in rows] == [
        ("#ada", "4", "#"), ("#blaise", "2.5", "#"), ("#js1", "", "#"), ("#js2", "1", "#"),
    ]  # fmt: skip
    assert filled.notes == ("Not in the template, or in it more than once: John Smith.",)


@pytest.mark.parametrize(("number", "john"), [(397063, ""), (3003, "1")])
def test_brightspaces_own_numbers_need_not_be_the_institutions(number: int, john: str) -> None:
    names = {"Ada Lovelace": 3001, "Blaise Pascal": 3002, "John Smith": 3003}
    shift = number - 3003
    book = small_book(*(
        small_report(name, Status.FAILED, 1.0, identity=f"brightspace:{known + shift}")
        for name, known in names.items()
    ))  # fmt: skip
    filled = run(brightspace.target, book, BRIGHTSPACE)
    column = "Softmax Points Grade <Numeric MaxPoints:4 Weight:10>"
    assert cells(filled.text, "Username", column) == {
        "#ada": "1", "#blaise": "1", "#js1": john, "#js2": "",
    }  # fmt: skip


def test_brightspaces_points_are_compared() -> None:
    book = small_book(small_report("js2", Status.PASSED, 4.0))
    text = BRIGHTSPACE.replace("MaxPoints:4", "MaxPoints:22")
    assert "Brightspace's item has 22 points" in run(brightspace.target, book, text).notes[0]


@pytest.mark.parametrize("find", [canvas.target, moodle.target, brightspace.target])
def test_another_file_is_refused_with_the_next_step(find: Find) -> None:
    for text in ("", "student,path,score\nada,x,3\n"):
        with pytest.raises(UsageError, match=r"no (gradebook|grading worksheet|grade export) of"):
            run(find, BOOK, text)
