"""Regrade requests: which files are understood, and that an answer reaches its student."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.gradebook import requests
from grader.gradebook.requests import ACCEPTED, RequestStore
from grader.renderers import feedback
from grader.submissions import tables
from tests.support.reading import student_of, write_store

PEOPLE = ("ada", "bob@x.org")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RequestStore]:
    write_store(tmp_path, 4)
    with RequestStore(tmp_path / "grades.db") as opened:
        yield opened


@pytest.mark.parametrize(
    "text",
    [
        "student,question,text\nada,q1,why\n",
        "Time,Email Address,Which question is it?,Give reasons\n9,Ada@x.org,Q1 (halve),why\n",
        "question;text;Username\nq1;why;ada\n",
    ],
)
def test_a_table_and_a_forms_export_are_understood(text: str) -> None:
    asked = requests.read(
        tables.rows_of(text.encode(), "requests.csv"), PEOPLE, ("q1", "r1"), "requests.csv"
    )
    assert asked.rows == (("ada", "q1", "why"),)
    assert asked.problems == ()


def test_a_line_that_names_nobody_is_told_and_the_others_are_kept() -> None:
    text = "student,question,text\neve,q1,a\nada,q9,b\nbob,q1,c\n,,\n"
    asked = requests.read(
        tables.rows_of(text.encode(), "requests.csv"), PEOPLE, ("q1",), "requests.csv"
    )
    assert asked.rows == (("bob@x.org", "q1", "c"),)
    assert [one.split(":")[0] for one in asked.problems] == ["line 2", "line 3"]


def test_a_file_without_the_columns_says_which_are_missing() -> None:
    with pytest.raises(UsageError, match="question and the text"):
        requests.read([["student"], ["ada"]], PEOPLE, ("q1",), "requests.csv")


def test_a_request_is_kept_once_and_its_answer_reaches_the_student(store: RequestStore) -> None:
    row = (student_of(1), "q1", "why")
    assert store.add_requests([row]) == 1
    assert store.add_requests([row]) == 0
    (request,) = store.requests()
    assert store.answer_request(request, ACCEPTED, "You are <right>.", who="ada")
    assert not store.answer_request(request, ACCEPTED, "No.", who="bob")  # saw what held before
    book = store.gradebook()
    pages = {report.student: feedback.render(report, book) for report in book.reports}
    assert "You are &lt;right&gt;." in pages[student_of(1)]
    assert all("Answer to your request" not in pages[student_of(n)] for n in (0, 2, 3))
