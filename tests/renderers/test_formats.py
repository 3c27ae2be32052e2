"""What other programs read: JSON, CSV, Canvas's gradebook, Gradescope's results, the terminal."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from grader.errors import UsageError
from grader.model import Environment, Isolation, Question, Status
from grader.renderers import (
    canvas,
    feedback,
    grades_csv,
    gradescope,
    results_json,
    sheets,
    table,
    tallies,
)
from grader.renderers import report as class_page
from grader.renderers.sheets import Policy
from grader.renderers.text import lines, number, shown
from grader.reports import Gradebook, Outcome, QuestionReport, Report

MakeBook = Callable[..., Gradebook]


def small_report(student: str, status: Status, score: float = 3.0, **more: object) -> Report:
    case = Outcome("a case", True, status, score, 4.0, staff_message="why")
    pending = 4.0 if status is Status.PENDING else 0.0
    question = QuestionReport("q1", status, score, 4.0, pending, (case,))
    fields = {"path": f"{student}.ipynb", "sha256": "ab" * 32, **more}
    return Report(
        student,
        questions=(question,),
        seed=0,
        assignment_sha256="cd" * 32,
        isolation=Isolation("strong"),
        environment=Environment("0.1.0", "3.11", "Linux"),
        **fields,  # type: ignore[arg-type]
    )


def small_book(*reports: Report, level: str = "strong") -> Gradebook:
    isolation = Isolation(level)
    return Gradebook(
        "softmax",
        "The Softmax Problem",
        "cd" * 32,
        0,
        isolation,
        Environment("0.1.0", "3.11", "Linux"),
        (Question("q1", "one", 4.0),),
        tuple(replace(report, isolation=isolation) for report in reports),
    )


# results.json


def test_results_json_has_the_shape_that_others_read(make_book: MakeBook) -> None:
    book = make_book(8)
    document = json.loads(results_json.render(book))
    assert {
        "assignment",
        "assignment_sha256",
        "seed",
        "grader",
        "isolation",
        "environment",
        "submissions",
    } <= set(document)
    assert document["isolation"]["level"] == "strong"
    assert document["environment"]["gpu"] is None
    for row, report in zip(document["submissions"], book.reports, strict=True):
        assert row["student"] == report.student
        assert row["score"] == sum(question["score"] for question in row["questions"])
        assert row["status"] in set(Status)
        for question in row["questions"]:
            assert {"name", "status", "score", "max_score", "pending", "cases"} <= set(question)
            for case in question["cases"]:
                assert set(case) == {
                    "name",
                    "hidden",
                    "status",
                    "score",
                    "max_score",
                    "message",
                    "staff_message",
                    "seconds",
                }


def test_results_json_keeps_a_name_that_is_no_text() -> None:
    text = results_json.render(small_book(small_report("caf\udce9", Status.PASSED)))
    text.encode("utf-8")
    assert json.loads(text)["submissions"][0]["student"] == "caf\udce9"


def test_a_report_from_another_machine_says_so() -> None:
    other = replace(
        small_report("ada", Status.PASSED), environment=Environment("0.1.0", "3.12", "Linux")
    )
    book = small_book(other, small_report("bob", Status.PASSED))
    rows = json.loads(results_json.render(book))["submissions"]
    assert rows[0]["environment"]["python"] == "3.12"
    assert "environment" not in rows[1]


# grades.csv


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\uff1d1", '=cmd|"/c calc"!A1', "\n=1"]
)
def test_a_formula_in_a_name_is_neutralised(name: str) -> None:
    (row,) = rows_of(grades_csv.render(small_book(small_report(name, Status.PASSED))))
    assert row["student"].lstrip()[0] not in "=+-@\uff1d"
    assert row["path"].lstrip()[0] not in "=+-@\uff1d"


@pytest.mark.parametrize("name", ["ada", "O'Neil", "a-b", "Ada, Lovelace", 'the "best"', "🎈"])
def test_an_ordinary_name_stays_as_it_is(name: str) -> None:
    (row,) = rows_of(grades_csv.render(small_book(small_report(name, Status.PASSED))))
    assert row["student"] == name


def test_each_student_is_one_line_whatever_the_name(make_book: MakeBook) -> None:
    book = make_book(10)
    text = grades_csv.render(book)
    assert len(text.splitlines()) == 11
    assert len(rows_of(text)) == 10


def test_columns_are_a_union_and_pending_and_ungraded_are_no_zero() -> None:
    old = small_report("ada", Status.PASSED)
    old = replace(old, questions=(*old.questions, replace(old.questions[0], name="q0")))
    book = small_book(
        old,
        small_report("bob", Status.PENDING, 0.0),
        small_report("eve", Status.UNGRADED, 0.0),
        small_report("mal", Status.FAILED, 0.0),
    )
    text = grades_csv.render(book)
    assert text.splitlines()[0] == "student,path,status,score,max_score,pending,isolation,q1,q0"
    rows = {row["student"]: row for row in rows_of(text)}
    assert rows["ada"]["q0"] == "3"
    assert rows["bob"]["q0"] == ""
    assert (rows["bob"]["q1"], rows["bob"]["pending"]) == ("pending", "4")
    assert (rows["eve"]["q1"], rows["eve"]["score"]) == ("ungraded", "")
    assert (rows["mal"]["q1"], rows["mal"]["score"]) == ("0", "0")


@pytest.mark.parametrize(("level", "label"), [("none", "UNSANDBOXED"), ("strong", "strong")])
def test_every_row_and_page_names_the_isolation(level: str, label: str) -> None:
    book = small_book(
        small_report("ada", Status.PASSED), small_report("bob", Status.PASSED), level=level
    )
    assert {row["isolation"] for row in rows_of(grades_csv.render(book))} == {label}
    results = json.loads(gradescope.render(book.reports[0], book))
    assert results["extra_data"]["isolation"] == label
    assert ("UNSANDBOXED" in results["output"]) == (level == "none")
    assert ("UNSANDBOXED" in terminal(table.render(book))) == (level == "none")


# Canvas

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


# Gradescope


def test_gradescope_tells_nothing_of_a_hidden_case_but_its_name(make_book: MakeBook) -> None:
    book = make_book(40)
    for report in book.reports:
        text = gradescope.render(report, book)
        assert "STAFF-ONLY" not in text
        assert "4711" not in text  # the seed
        document = json.loads(text)
        for test in document["tests"]:
            hidden = "small input" not in test["name"]
            assert test["visibility"] == ("after_published" if hidden else "visible")
            assert test["output_format"] == "text"
            assert test.get("status") in {"passed", "failed", None}
        assert document["stdout_visibility"] == "hidden"
    assert "expected 0.307" in "".join(gradescope.render(r, book) for r in book.reports)


def test_gradescope_sums_to_the_score_and_leaves_pending_open(make_book: MakeBook) -> None:
    book = make_book(12)
    for report in book.reports:
        document = json.loads(gradescope.render(report, book))
        assert document["score"] == pytest.approx(report.score)
        assert sum(test.get("score", 0) for test in document["tests"]) == document["score"]
        pending = [test for test in document["tests"] if "GPU" in test["output"]]
        assert pending
        assert all("score" not in test for test in pending)


def test_gradescope_gets_no_score_for_what_is_ungraded() -> None:
    book = small_book(small_report("ada", Status.UNGRADED, 0.0))
    document = json.loads(gradescope.render(book.reports[0], book))
    assert "score" not in document
    assert "score" not in document["tests"][0]


def test_gradescope_visibility_is_a_choice_among_its_own_words() -> None:
    book = small_book(small_report("ada", Status.PASSED, 4.0))
    text = gradescope.render(book.reports[0], book, hidden_visibility="hidden")
    assert json.loads(text)["tests"][0]["visibility"] == "hidden"
    with pytest.raises(UsageError, match="after_published"):
        gradescope.render(book.reports[0], book, hidden_visibility="later")


# The terminal


def terminal(renderable: object, width: int = 160) -> str:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(renderable)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_table_shows_status_by_glyph_and_word_and_hostile_names_as_text(
    make_book: MakeBook,
) -> None:
    text = terminal(table.render(make_book(40)))
    assert "<script>alert(1)</script>" in text
    assert "\\u202e" in text
    assert "\u202e" not in text
    for word in ("✗ failed", "! error", "◷ timeout", "† killed"):
        assert word in text


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_the_table_shows_every_student_and_status_on_any_terminal(
    make_book: MakeBook, width: int
) -> None:
    book = make_book(40)
    text = terminal(table.render(book), width)
    assert max(map(len, text.splitlines())) <= width
    assert all(f"student{n:04}" in text for n in range(35))
    assert "✗ failed" in text
    assert "q4_gpu" in text
    assert ("questions in this order" in text) == (width < 200)
    assert " … " in text  # pending is told from failed in either form


def test_cases_that_say_the_same_are_one_line() -> None:
    report = small_report("ada", Status.FAILED, 1.0)
    (case,) = report.questions[0].cases
    cases = tuple(
        replace(case, name=f"case {n}", staff_message=f"{said} (tests/q1.py, line {n})")
        for n, said in enumerate(["too small", "not written", "not written"])
    )
    question = replace(report.questions[0], cases=cases)
    text = terminal(table.losses(small_book(replace(report, questions=(question,)))))
    assert "-3 ✗ failed q1, case 0: too small" in text
    assert "-6 ✗ failed q1, 2 cases: not written" in text
    assert "line 0" not in text


def test_markup_and_escapes_in_names_reach_no_terminal() -> None:
    name = "[red]ada[/red] \x1b]0;title\x07 [link=file:///x]"
    book = small_book(small_report(name, Status.FAILED, 0.0))
    for shown_text in (terminal(table.render(book)), terminal(table.losses(book))):
        assert "\x1b" not in shown_text
        assert "\x07" not in shown_text
        assert "[red]ada[/red]" in shown_text


def test_losses_say_who_lost_what_and_why() -> None:
    book = small_book(
        small_report("ada", Status.FAILED, 1.0),
        small_report("bob", Status.PASSED, 4.0),
        small_report("eve", Status.PENDING, 0.0),
        small_report("mal", Status.UNGRADED, 0.0),
    )
    text = terminal(table.losses(book))
    assert "-3 ✗ failed q1, a case: why" in text
    assert "? ? ungraded q1, a case: why" in text
    assert "bob" not in text
    assert "eve" not in text


def losing(staff_message: str, name: str = "a case") -> Gradebook:
    report = small_report("ada", Status.FAILED, 1.0)
    case = replace(report.questions[0].cases[0], name=name, staff_message=staff_message)
    question = replace(report.questions[0], cases=(case,))
    return small_book(replace(report, questions=(question,)))


TENSOR = "tensor([[0.25, 0.5],\n        [0.125, 0.0625]," + "\n        [1.5, 2.5]," * 40 + "])"


@pytest.mark.parametrize("width", [50, 80, 140, 400])
@pytest.mark.parametrize(
    "message",
    [
        f"errors {TENSOR}, and more",
        f"errors {TENSOR[:300]}",  # cut before it came here
        "word " * 200,
        "w" * 1_000,
        "\n".join("a line" for _ in range(50)),
        "表" * 400,
    ],
    ids=["tensor", "cut tensor", "words", "one word", "lines", "wide characters"],
)
def test_a_long_message_takes_one_line_of_the_terminal(message: str, width: int) -> None:
    text = terminal(table.losses(losing(message)), width)
    told = text.splitlines()
    assert told[2] == "ada"
    assert "✗ failed q1, a case" in told[3]
    assert len(told) <= 5
    assert all(cell_len(line) <= min(width, 160) for line in told)


def test_what_comes_after_a_long_list_is_still_read() -> None:
    text = terminal(
        table.losses(losing(f"for [[1.0, 2.0], {[7] * 90}] it is 3, not {TENSOR}!")), 140
    )
    assert (
        "a case: for [[1.0, 2.0], [7, 7, 7 …]] it is 3, not tensor([[0.25, 0.5], [0.125 …]])!"
        in text
    )


def test_a_short_list_is_left_whole() -> None:
    assert "for [1.0, 2.0] and []] not" in terminal(
        table.losses(losing("for [1.0, 2.0] and []] not"))
    )


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_long_name_loses_its_middle_and_takes_one_line(width: int) -> None:
    names = [
        "lovelace_ada_12345_678901_softmax_final_v2",
        "lovelace_bob_12345_678902_softmax",
        "表" * 30,
    ]
    text = terminal(
        table.render(small_book(*(small_report(n, Status.PASSED) for n in names))), width
    )
    rows = [line for line in text.splitlines() if "✓ passed" in line and "students" not in line]
    assert len(rows) == 3
    assert rows[0].split()[0].startswith("lovelace")
    assert "…" in rows[0]
    assert "final_v2" in rows[0]
    assert all(cell_len(line) <= width for line in text.splitlines())


# Counting


def test_the_distribution_counts_everybody_once_and_full_marks_apart() -> None:
    scores = [0.0, 0.4, 2.0, 3.99, 4.0]
    book = small_book(
        *(small_report(f"s{score}", Status.FAILED, score) for score in scores),
        small_report("ungraded", Status.UNGRADED, 0.0),
    )
    found = tallies.distribution(book)
    counts = {one.label: one.count for one in found.bins if one.count}
    assert counts == {"0-9%": 1, "10-19%": 1, "50-59%": 1, "90-99%": 1, "100%": 1}
    assert (found.counted, found.left_out, found.median) == (5, 1, 2.0)


def test_failures_that_differ_in_numbers_alone_are_one_cause(make_book: MakeBook) -> None:
    def failing(student: str, message: str) -> Report:
        report = small_report(student, Status.FAILED, 0.0)
        case = replace(report.questions[0].cases[0], staff_message=message)
        return replace(report, questions=(replace(report.questions[0], cases=(case,)),))

    book = small_book(
        failing("ada", "row 3: expected 0.307, got 0.5 (4,812 ulp)"),
        failing("bob", "row 12: expected 1e-07, got -0.5 (9 ulp)"),
        failing("eve", "the shape is wrong"),
        small_report("mal", Status.PASSED, 4.0),
    )
    found = tallies.causes(book)
    assert [one.students for one in found] == [("ada", "bob"), ("eve",)]
    assert found[0].example == "row 3: expected 0.307, got 0.5 (4,812 ulp)"
    assert found[0].lost == 8.0
    assert sum(len(one.students) for one in tallies.causes(make_book(40))) == sum(
        case.status in tallies.LOST
        for report in make_book(40).reports
        for question in report.questions
        for case in question.cases
    )


def test_the_cause_of_many_cases_is_counted_once() -> None:
    first = "Cell 2 raised ModuleNotFoundError: No module named 'x' in its line 1."

    def failing(student: str, *messages: str) -> Report:
        report = small_report(student, Status.FAILED, 0.0)
        case = replace(report.questions[0].cases[0], cause=first)
        cases = tuple(replace(case, name=said, staff_message=said) for said in messages)
        return replace(report, questions=(replace(report.questions[0], cases=cases),))

    one, other = f"f is not defined. {first}", f"NameError: name 'torch'\n{first}"
    book = small_book(failing("ada", one, other), failing("bob", other, "wrong for itself"))
    found = tallies.causes(book)
    assert [(cause.example, cause.students) for cause in found] == [
        (first, ("ada", "bob")),
        ("wrong for itself", ("bob",)),
    ]
    assert found[0].lost == 12.0


def test_pass_rates_leave_out_what_nobody_could_judge() -> None:
    book = small_book(
        small_report("a", Status.PASSED, 4.0),
        small_report("b", Status.FAILED, 0.0),
        small_report("c", Status.PENDING, 0.0),
        small_report("d", Status.UNGRADED, 0.0),
    )
    question, case = tallies.rates(book)
    assert (question.case, case.case) == (None, "a case")
    assert question.passed_percent == case.passed_percent == 50.0
    (points,) = tallies.points(book)
    assert (points.earned, points.lost, points.pending, points.ungraded) == (4.0, 4.0, 4.0, 4.0)


# Text


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.0, "3"), (2.5, "2.5"), (0.1 + 0.2, "0.3"), (-0.0, "0"), (1e-9, "0"), (1 / 3, "0.333333")],
)
def test_points_are_written_as_people_write_them(value: float, text: str) -> None:
    assert number(value) == text


def test_controls_are_visible_and_terminal_colours_are_dropped() -> None:
    assert shown("a\nb\u202ec\ud800é🎈") == "a\\nb\\u202ec\\ud800é🎈"
    assert lines("\x1b[31mred\x1b[0m\r\nbell\x07\n\tend") == "red\nbell\\x07\n    end"


def test_an_empty_class_renders_everywhere(make_book: MakeBook) -> None:
    book = make_book(0)
    assert json.loads(results_json.render(book))["submissions"] == []
    assert rows_of(grades_csv.render(book)) == []
    assert "0 students" in terminal(table.render(book))


class Watched(tuple[Report, ...]):
    """Reports that count how often all of them are looked at."""

    __slots__ = ()
    looks = 0

    def __iter__(self) -> Iterator[Report]:
        Watched.looks += 1
        return super().__iter__()


def looks_at_all(book: Gradebook) -> int:
    """Return how often the outputs of a class are a look at the whole class."""
    watched = replace(book, reports=Watched(book.reports))
    Watched.looks = 0
    class_page.render(watched)
    results_json.render(watched)
    grades_csv.render(watched)
    list(feedback.render_all(watched))
    for item in book.reports:
        gradescope.render(item, watched)
    terminal(table.render(watched))
    return Watched.looks


def test_no_students_output_is_a_look_at_the_whole_class(make_book: MakeBook) -> None:
    assert looks_at_all(make_book(24)) == looks_at_all(make_book(8))
