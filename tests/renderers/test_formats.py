"""What other programs read: JSON, CSV, Gradescope's results; and how text is written."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from grader.errors import UsageError
from grader.model import Environment, Status
from grader.renderers import (
    feedback,
    grades_csv,
    gradescope,
    results_json,
    table,
)
from grader.renderers import report as class_page
from grader.renderers.text import lines, number, shown
from grader.reports import Gradebook, Report
from tests.support.small_books import MakeBook, small_book, small_report, terminal

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
