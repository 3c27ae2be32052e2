"""The table on the terminal: statuses, names and messages of any length, and no escapes."""

from dataclasses import replace

import pytest
from rich.cells import cell_len

from grader.model import Status
from grader.renderers import (
    table,
)
from grader.reports import Gradebook
from tests.support.small_books import MakeBook, small_book, small_report, terminal


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
