"""Canvas's gradebook, filled in: one column, one row a student, and nobody guessed."""

import csv
import io

import pytest

from grader.errors import UsageError
from grader.model import Status
from grader.renderers import (
    canvas,
    sheets,
)
from grader.renderers.sheets import Policy
from grader.reports import Gradebook
from tests.support.small_books import small_book, small_report

TEMPLATE = """\
\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Softmax (4567),Attention (4568),Final Score
,,,,,Manual Posting,,
    Points Possible,,,,,4.00,10.00,(read only)
"Smith, Bob",1234,S1,bsmith@uni.edu,"Sec 1, Mon",,9,90.1
"Lovelace, Ada",1200,S2,alovelace,Sec 2,1,8,80.2
"Hopper, Grace",1300,S3,ghopper,Sec 1,2,7,70.3
"Test, Student",9999,,abc,Sec 1,,,
"""


def filled_in(
    book: Gradebook, template: str = TEMPLATE, column: str | None = None, *, overwrite: bool = False
) -> sheets.Filled:
    return sheets.fill(book, canvas.target(book, template, column), Policy(overwrite))


def test_canvas_keeps_the_template_and_fills_one_column() -> None:
    book = small_book(
        small_report("smithbob", Status.FAILED, 2.5, path="smithbob_LATE_1234_5_softmax.ipynb"),
        small_report("alovelace@uni.edu", Status.PASSED, 4.0),
    )
    filled = filled_in(book)
    assert filled.text.startswith("\ufeffStudent,ID")
    rows = list(csv.reader(io.StringIO(filled.text.removeprefix("\ufeff"))))
    assert rows == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Softmax (4567)"],
        ["", "", "", "", "", "Manual Posting"],
        ["    Points Possible", "", "", "", "", "4.00"],
        ["Smith, Bob", "1234", "S1", "bsmith@uni.edu", "Sec 1, Mon", "2.5"],
        ["Lovelace, Ada", "1200", "S2", "alovelace", "Sec 2", "4"],
        ["Hopper, Grace", "1300", "S3", "ghopper", "Sec 1", "2"],
        ["Test, Student", "9999", "", "abc", "Sec 1", ""],
    ]
    assert filled.notes == ("Changed from what is in the template: Lovelace, Ada 1 to 4.",)


@pytest.mark.parametrize(
    "student", ["hoppergrace", "Grace Hopper", "ghopper", "S3", "GHOPPER@uni.edu"]
)
def test_canvas_finds_a_student_by_any_usual_name(student: str) -> None:
    text = filled_in(small_book(small_report(student, Status.PASSED, 4.0))).text
    assert '"Hopper, Grace",1300,S3,ghopper,Sec 1,4' in text


def test_canvas_fills_every_member_of_a_group() -> None:
    group = small_report("g", Status.PASSED, 4.0, members=("bsmith@uni.edu", "ghopper@uni.edu"))
    text = filled_in(small_book(group)).text
    assert text.count(",4\n") == 2


def test_canvas_never_guesses_and_names_whom_it_does_not_find() -> None:
    twins = TEMPLATE + '"Smith, Bob",1235,S9,bsmith2,Sec 1,,9,90.1\n'
    book = small_book(
        small_report("smithbob", Status.PASSED, 4.0),  # which of the two?
        small_report("nobody", Status.PASSED, 4.0),
        small_report("ghopper", Status.UNGRADED, 0.0),
        small_report("alovelace", Status.PENDING, 0.0),
    )
    filled = filled_in(book, twins)
    assert ',1234,S1,bsmith@uni.edu,"Sec 1, Mon",\n' in filled.text
    assert '"Hopper, Grace",1300,S3,ghopper,Sec 1,2\n' in filled.text  # what Canvas had
    assert "smithbob; nobody" in filled.notes[0]
    assert "ghopper" in filled.notes[1]
    assert "Lovelace, Ada 1" in filled.notes[2]
    assert "pending for 1 of 4" in filled.notes[3]


def test_canvas_takes_a_number_from_canvas_alone() -> None:
    eve = small_report("eve", Status.PASSED, 4.0, path="eve/x_1300_1_small.ipynb")
    assert "Not in the template" in filled_in(small_book(eve), TEMPLATE).notes[0]
    known = small_report("hopper", Status.PASSED, 4.0, identity="canvas:1300")
    assert '"Hopper, Grace",1300,S3,ghopper,Sec 1,4' in filled_in(small_book(known), TEMPLATE).text
    other = small_report("hopper", Status.PASSED, 4.0, identity="moodle:1300")
    assert "Not in the template" in filled_in(small_book(other), TEMPLATE).notes[0]


def test_two_reports_for_one_row_of_canvas_are_an_error_that_names_both() -> None:
    book = small_book(
        small_report("smithbob", Status.PASSED, 4.0, identity="canvas:1300"),
        small_report("Grace Hopper", Status.FAILED, 1.0),
    )
    with pytest.raises(UsageError, match="smithbob and Grace Hopper would both be Hopper, Grace"):
        filled_in(book, TEMPLATE)


def test_canvas_says_when_its_points_differ() -> None:
    book = small_book(small_report("ghopper", Status.PASSED, 4.0))
    notes = filled_in(book, TEMPLATE.replace("4.00", "40.00")).notes
    assert "40.00 points" in notes[1]


@pytest.mark.parametrize(
    ("template", "column", "said"),
    [
        ("student,path,score\n", None, "no gradebook of Canvas"),
        ("", None, "no gradebook of Canvas"),
        (TEMPLATE.replace("Softmax", "Other"), None, r"no column .*Other \(4567\)"),
        (TEMPLATE, "Homework 9", r"no column for 'Homework 9'.*Attention \(4568\)"),
        (TEMPLATE.replace("Attention", "Softmax"), None, "more than one column"),
    ],
)
def test_a_template_that_does_not_fit_is_wrong_usage(
    template: str, column: str | None, said: str
) -> None:
    book = small_book(small_report("ghopper", Status.PASSED, 4.0))
    with pytest.raises(UsageError, match=said):
        filled_in(book, template, column)


def test_canvas_column_can_be_named() -> None:
    book = small_book(small_report("ghopper", Status.PASSED, 4.0))
    text = filled_in(book, TEMPLATE, "Attention (4568)", overwrite=True).text
    assert "Section,Attention (4568)\n" in text
    assert '"Hopper, Grace",1300,S3,ghopper,Sec 1,4\n' in text
