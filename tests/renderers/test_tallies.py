"""What is counted over a class: marks, causes and pass rates."""

from dataclasses import replace

from grader.model import Status
from grader.renderers import (
    tallies,
)
from grader.reports import Report
from tests.support.small_books import MakeBook, small_book, small_report


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
    first = "Cell 2 raised ModuleNotFoundError: No module named 'x' (line 1)."

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


def test_what_several_cases_of_a_question_say_alike_is_one_line() -> None:
    def failing(student: str, *messages: str) -> Report:
        report = small_report(student, Status.FAILED, 0.0)
        case = replace(report.questions[0].cases[0], max_score=2.0)
        cases = tuple(
            replace(case, name=f"c{n}", staff_message=f"{said}\n(tests/q1.py, line {n})")
            for n, said in enumerate(messages)
        )
        return replace(report, questions=(replace(report.questions[0], cases=cases),))

    book = small_book(failing("ada", "no f", "no f", "wrong"), failing("bob", "no f"))
    found = tallies.by_question(tallies.causes(book))
    assert [(one.case, one.students, one.lost) for one in found] == [
        ("2 cases", ("ada", "bob"), 6.0),
        ("c2", ("ada",), 2.0),
    ]
    assert found[0].example == "no f\n(tests/q1.py, line 0)"


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
