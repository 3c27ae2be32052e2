"""What a doctest compares, and what a student reads of it."""

import pytest

from grader import wording
from grader.model import Status
from tests.support.otter_assignments import OtterJudge, doctests, functions

PASSED, FAILED, ERROR = Status.PASSED, Status.FAILED, Status.ERROR


PRINTS = """
import sys
def greet(name):
    print("Hello,", name)
    print("a warning", file=sys.stderr)
def silent():
    pass
def fails():
    print("before")
    raise ValueError("no")
"""


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (">>> greet('Mo')\nHello, Mo", PASSED),
        (">>> for name in 'AB':\n...     greet(name)\nHello, A\nHello, B", PASSED),
        (">>> print(1); greet('Mo'); print(2)\n1\nHello, Mo\n2", PASSED),
        (">>> silent()", PASSED),
        (">>> greet('Mo') is None\nTrue", FAILED),
        (">>> silent()\nHello", FAILED),
    ],
)
def test_what_a_call_prints_is_part_of_a_doctest(
    otter: OtterJudge, lines: str, status: Status
) -> None:
    assert otter.cases(PRINTS, doctests("q1", lines))[0].status is status


def test_an_exception_test_can_catch_what_is_printed(otter: OtterJudge) -> None:
    body = """
        import contextlib, io

        @test_case()
        def test(greet, fails):
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                greet("Mo")
                try:
                    fails()
                except ValueError:
                    pass
            assert printed.getvalue() == "Hello, Mo\\nbefore\\n"
        """
    assert otter.cases(PRINTS, functions("q1", body))[0].status is PASSED


def test_a_student_reads_what_a_doctest_wanted_and_got(otter: OtterJudge) -> None:
    source = "def half(x):\n    return x / 2\ndef fails():\n    raise ValueError('no')"
    test = doctests(
        "q1", ">>> half(3)\n1", ">>> fails()\nTraceback (most recent call last):\nOh: x"
    )
    differs, raises = otter.cases(source, test)
    assert differs.message == wording.doctest_differs("half(3)", "1", "1.5")
    assert "doctest.py" not in raises.message + raises.staff_message
    assert "ValueError: no" in raises.message or "StudentError: no" in raises.message


def test_an_exception_of_the_students_is_theirs_in_a_doctest(otter: OtterJudge) -> None:
    source = "def f():\n    raise ValueError('no')"
    case = otter.cases(source, doctests("q1", ">>> f()\n1"))[0]
    assert (case.status, case.message.splitlines()[0]) == (ERROR, "Your code raised an error.")
    assert "Cell 2, line 2, in f: raise ValueError('no')" in case.message
