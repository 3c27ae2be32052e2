"""One submission through the judge: what costs points, what costs nothing, and whom."""

from dataclasses import replace

import pytest

from grader.grading.judge import Engine, Request, judge
from grader.grading.otter_tests import CaseSuite
from grader.model import Status
from grader.sandbox import Session, TransferError
from tests.conftest import notebook_of, submission_of
from tests.support.small_notebooks import (
    CHECK1,
    CHECK2,
    DOUBLE,
    SETUP,
    SQUARE,
    Judged,
    not_passed,
    statuses,
)

PASSED, FAILED, ERROR = Status.PASSED, Status.FAILED, Status.ERROR
TIMEOUT, KILLED, PENDING = Status.TIMEOUT, Status.KILLED, Status.PENDING


def test_a_right_notebook_has_full_marks_and_waits_for_a_person(small_engine: Engine) -> None:
    content = notebook_of(SETUP, DOUBLE, CHECK1, SQUARE, CHECK2)
    report = judge(Request(submission_of(content)), small_engine)
    assert (report.score, report.pending, report.max_score) == (6.0, 1.0, 7.0)
    assert report.status is Status.PENDING


def test_who_asks_for_some_cases_is_told_of_no_others(small_engine: Engine) -> None:
    content = notebook_of(SETUP, "def double(x):\n    return x + 2", CHECK1, CHECK2)
    public, hidden = small_engine.assignment.questions[0].cases
    found = []
    for case in (public, hidden):
        request = Request(submission_of(content), only=("q1",), cases=frozenset({case.name}))
        [question] = judge(request, small_engine).questions
        found.append([one.status for one in question.cases])
    assert found == [[PASSED, PENDING], [PENDING, FAILED]]


def test_an_empty_stub_is_not_written_yet(judged: Judged) -> None:
    stub = 'def double(x):\n    raise NotImplementedError("q1: write double")'
    questions = judged(SETUP, stub, CHECK1, SQUARE, CHECK2)
    assert statuses(questions) == (FAILED, PASSED)
    assert questions["q1"].cases[0].message == "Not written yet. q1: write double"


def test_public_points_are_kept_where_only_a_hidden_case_fails(judged: Judged) -> None:
    questions = judged(SETUP, "def double(x):\n    return 4", CHECK1, SQUARE, CHECK2)
    assert (questions["q1"].score, questions["q1"].status) == (1.0, FAILED)


def test_a_failed_public_case_names_its_input(judged: Judged) -> None:
    questions = judged(SETUP, "def double(x):\n    return 5", CHECK1)
    assert questions["q1"].cases[0].message == "for 2 the answer is 4, you have 5"


def test_a_failed_hidden_case_says_nothing_of_its_input(judged: Judged) -> None:
    questions = judged(SETUP, "def double(x):\n    return 4", CHECK1)
    hidden = questions["q1"].cases[1]
    assert hidden.message == not_passed("double")
    assert "wrong for " in hidden.staff_message


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        ("while True:\n    pass", TIMEOUT),
        ("import os\nos._exit(0)", KILLED),
        ("import sys\nsys.exit(0)", PASSED),
        ("raise KeyboardInterrupt", PASSED),
        ("import ctypes\nctypes.string_at(0)", KILLED),
        ("def broken(:", PASSED),
        ("import warnings, sys\nwarnings.warn('w')\nprint('e', file=sys.stderr)", PASSED),
        ("1 / 0", PASSED),
        ("input('name? ')", PASSED),
    ],
)
def test_a_bad_cell_costs_no_question(judged: Judged, cell: str, status: Status) -> None:
    questions = judged(SETUP, cell, DOUBLE, CHECK1, SQUARE, CHECK2)
    assert statuses(questions) == (PASSED, PASSED)
    told = "judged in a fresh child without it" in questions["q1"].note
    assert told == (status in {TIMEOUT, KILLED})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("while True: pass", TIMEOUT),
        ("import os; os._exit(0)", KILLED),
        ("import sys; sys.exit(0)", ERROR),
        ("raise KeyboardInterrupt", ERROR),
        ("import ctypes; ctypes.string_at(0)", KILLED),
        ("raise ValueError('no')", ERROR),
        ("return double(x)", ERROR),
    ],
)
def test_a_bad_function_costs_its_question_only(judged: Judged, body: str, status: Status) -> None:
    questions = judged(SETUP, f"def double(x):\n    {body}", CHECK1, SQUARE, CHECK2)
    assert statuses(questions) == (status, PASSED)


def test_every_question_may_end_its_child(judged: Judged) -> None:
    ends = "import os\n    os._exit(0)"
    questions = judged(
        SETUP, f"def double(x):\n    {ends}", CHECK1, f"def square(x):\n    {ends}", CHECK2
    )
    assert statuses(questions) == (KILLED, KILLED)
    assert questions["r1"].status is Status.PENDING


def test_a_cell_that_holds_the_answer_and_never_ends_is_named(judged: Judged) -> None:
    questions = judged(SETUP, DOUBLE + "\nwhile True: pass", CHECK1, SQUARE, CHECK2)
    assert statuses(questions) == (FAILED, PASSED)
    assert (
        questions["q1"]
        .cases[0]
        .message.startswith(
            "double is not defined in the notebook. "
            "Cell 2 was stopped, so nothing of it counts: cell 2 took longer than "
        )
    )


def test_a_notebook_out_of_time_keeps_what_was_judged_before(small_engine: Engine) -> None:
    content = notebook_of(SETUP, DOUBLE, CHECK1, "while True: pass", SQUARE, CHECK2)
    short = replace(small_engine.assignment.limits, submission_seconds=1.0)
    report = judge(Request(submission_of(content), limits=short), small_engine)
    assert [q.status for q in report.questions][:2] == [PASSED, TIMEOUT]
    assert report.score == 3.0


def test_a_variable_reused_later_costs_nothing(judged: Judged) -> None:
    questions = judged(SETUP, DOUBLE, CHECK1, "double = 7", SQUARE, CHECK2, "square = None")
    assert statuses(questions) == (PASSED, PASSED)


def test_a_helper_redefined_later_costs_nothing(judged: Judged) -> None:
    first = "def times(x):\n    return 2 * x\ndef double(x):\n    return times(x)"
    second = "def times(x):\n    return x * x\ndef square(x):\n    return times(x)"
    assert statuses(judged(SETUP, first, CHECK1, second, CHECK2)) == (PASSED, PASSED)


FIGURE = "def double(x):\n    return 0\n"  # as if drawing did harm


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        (FIGURE, PASSED),
        (FIGURE.strip() + "\n\n", PASSED),
        (FIGURE + "# mine", FAILED),
    ],
    ids=["as-handed-out", "other-blank-lines", "edited"],
)
def test_a_cell_that_only_draws_is_run_where_a_student_has_edited_it(
    cell: str, status: Status, small_engine: Engine
) -> None:
    ignoring = replace(small_engine.assignment, ignored_cells=frozenset({FIGURE.strip()}))
    engine = replace(small_engine, suite=CaseSuite(ignoring))
    report = judge(Request(submission_of(notebook_of(SETUP, DOUBLE, cell, CHECK1))), engine)
    assert report.questions[0].status is status


def test_the_last_check_of_a_question_counts(judged: Judged) -> None:
    wrong = "def double(x):\n    return 0"
    questions = judged(SETUP, wrong, CHECK1, DOUBLE, CHECK1, SQUARE, CHECK2)
    assert statuses(questions) == (PASSED, PASSED)


def test_a_deleted_check_cell_is_judged_at_the_end(judged: Judged) -> None:
    assert statuses(judged(SETUP, DOUBLE, SQUARE)) == (PASSED, PASSED)


def test_a_deleted_stub_costs_its_question_only(judged: Judged) -> None:
    questions = judged(SETUP, CHECK1, SQUARE, CHECK2)
    assert statuses(questions) == (FAILED, PASSED)
    assert (
        questions["q1"]
        .cases[0]
        .message.startswith("double is not defined in the notebook. Define it")
    )


def test_a_syntax_error_is_told_with_its_cell(judged: Judged) -> None:
    questions = judged(SETUP, "def double(x:\n    return 2 * x", CHECK1, SQUARE, CHECK2)
    assert statuses(questions) == (FAILED, PASSED)
    said = questions["q1"].cases[0].message
    assert "Cell 2 raised SyntaxError" in said
    assert said.endswith("so it did not run.")


def test_an_error_shows_the_students_own_line(judged: Judged) -> None:
    questions = judged(SETUP, "def double(x):\n    return x / 0", CHECK1)
    assert "Cell 2, line 2, in double: return x / 0" in questions["q1"].cases[0].message
    assert "ZeroDivisionError: division by zero" in questions["q1"].cases[0].message


ALWAYS_EQUAL = """
class Equal(float):
    def __eq__(self, other): return True
    __hash__ = float.__hash__
class Anything:
    def __eq__(self, other): return True
class Text(str):
    def __eq__(self, other): return True
"""


@pytest.mark.parametrize("value", ["Equal(0)", "Anything()", "Text('x')", "type('T', (), {})"])
def test_an_object_that_equals_everything_fails(judged: Judged, value: str) -> None:
    cell = f"{ALWAYS_EQUAL}\ndef double(x):\n    return {value}"
    questions = judged(SETUP, cell, CHECK1, SQUARE, CHECK2)
    assert statuses(questions) == (FAILED, PASSED)


def test_an_object_that_equals_everything_would_pass_in_one_process() -> None:
    """The control: without the process split, the same object passes the same comparison."""
    names: dict[str, object] = {}
    exec(ALWAYS_EQUAL, names)  # noqa: S102 - this is the attack
    assert names["Anything"]() == 4  # type: ignore[operator]


def test_output_is_cut_and_the_run_goes_on(judged: Judged) -> None:
    flood = "for _ in range(64):\n    print('x' * 2**24)"
    assert statuses(judged(SETUP, flood, DOUBLE, CHECK1, SQUARE, CHECK2)) == (PASSED, PASSED)


@pytest.mark.parametrize(
    "cell",
    [
        "%matplotlib inline",
        "!ls",
        "files = !ls",
        "%pip install numpy",
        "!pip install numpy",
        "%%bash\nrm -rf ~",
        "%load_ext autoreload",
        "%no_such_magic",
        "get_ipython().system('id')",
        "%timeit 1 + 1",
    ],
)
def test_magics_do_not_break_the_run(judged: Judged, cell: str) -> None:
    assert statuses(judged(SETUP, cell, DOUBLE, CHECK1, SQUARE, CHECK2)) == (PASSED, PASSED)


def test_a_timed_cell_still_defines_its_names(judged: Judged) -> None:
    questions = judged(SETUP, "%%time\n" + DOUBLE, CHECK1, SQUARE, CHECK2)
    assert statuses(questions) == (PASSED, PASSED)


def test_a_function_has_its_source(judged: Judged) -> None:
    cell = (
        "import inspect\ndef helper(x):\n    return 2 * x\n"
        "def double(x):\n"
        "    assert 'return 2 * x' in inspect.getsource(helper)\n    return 2 * x"
    )
    assert statuses(judged(SETUP, cell, CHECK1, SQUARE, CHECK2)) == (PASSED, PASSED)


# Whose fault it is.


def test_a_test_that_trips_over_a_students_value_is_the_students(judged: Judged) -> None:
    # None == 4 is an honest failure; a comparison that raises must not become ours either.
    cell = "import numpy as np\ndef double(x):\n    return np.array([1, 2, 3])"
    questions = judged(SETUP, cell, CHECK1, SQUARE, CHECK2)
    assert statuses(questions) == (FAILED, PASSED)
    assert "has a form that cannot be judged" in questions["q1"].cases[0].message


@pytest.mark.parametrize(
    ("cell", "kind"), [("double = 4.0", "a float"), ("class A: pass\ndouble = A()", "an object")]
)
def test_what_is_no_function_is_said_to_be_none(judged: Judged, cell: str, kind: str) -> None:
    questions = judged(SETUP, cell, CHECK1, SQUARE, CHECK2)
    said = f"and the notebook gives it {kind}: define it by def"
    assert said in questions["q1"].cases[0].message


def test_a_result_too_large_to_hand_over_fails(judged: Judged) -> None:
    cell = "def double(x):\n    return [[40 * str(x)] for _ in range(30_000)]"
    questions = judged(SETUP, cell, CHECK1, SQUARE, CHECK2)
    assert statuses(questions) == (FAILED, PASSED)
    assert "cannot be handed over" in questions["q1"].cases[0].message


def test_the_same_submission_and_seed_give_the_same_report(small_engine: Engine) -> None:
    random = "import numpy as np\ndef double(x):\n    return 2 * x + (np.random.rand() < 0.5)"
    cells = (SETUP, random, CHECK1, SQUARE, CHECK2)
    reports = [judge(Request(submission_of(notebook_of(*cells))), small_engine) for _ in range(3)]
    outcomes = [[c.status for q in r.questions for c in q.cases] for r in reports]
    assert outcomes[0] == outcomes[1] == outcomes[2]


# A value that is lost on its way is no exception of the student's code.


def losing_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every call end as one whose answer could not be carried over."""

    def lose(*_: object, **__: object) -> None:
        raise TransferError("The answer could not be handed over (RuntimeError: it was lost).")

    monkeypatch.setattr(Session, "call", lose)


def test_a_value_that_is_lost_on_its_way_is_said_to_be_and_is_no_error_of_the_code(
    judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    losing_values(monkeypatch)
    public, hidden = judged(SETUP, DOUBLE, CHECK1)["q1"].cases
    assert (public.status, hidden.status) == (FAILED, FAILED)
    assert public.message == (
        "A value could not be handed over between the test and the notebook. "
        "The answer could not be handed over (RuntimeError: it was lost)."
    )
    assert "Your code" not in public.message + public.staff_message + hidden.staff_message
    assert hidden.message == not_passed("double")
