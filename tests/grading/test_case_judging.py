"""Cases beside each other: what one leaves for the next, and what one costs that ends its child."""

from pathlib import Path

import pytest

from grader.course.assignments import load
from grader.grading.assemble import assemble
from grader.grading.judge import Engine, Request, judge
from grader.model import Status
from grader.reports import Outcome, Report
from grader.sandbox import Worker
from tests.conftest import notebook_of, submission_of, write_small_course
from tests.support.small_notebooks import CHECK1, CHECK2, DOUBLE, SETUP, SQUARE, briefly

PASSED, TIMEOUT, KILLED = Status.PASSED, Status.TIMEOUT, Status.KILLED


# What a test leaves for the later cases of the same submission.

COUNTING_TEST = """OK_FORMAT = False
name = "{question}"

from otter.test_files import test_case


@test_case(name="{question} counts", points=1, hidden=True)
def test_first({function}, memory):
    memory["calls"] = memory.get("calls", 0) + 1
    assert False, f"case {{memory['calls']}} of this submission"


@test_case(name="{question} counts on", points=1, hidden=True)
def test_second({function}, memory):
    memory["calls"] = memory.get("calls", 0) + 1
    assert False, f"case {{memory['calls']}} of this submission"
"""


@pytest.fixture
def counting_engine(tmp_path: Path, worker: Worker) -> Engine:
    root = write_small_course(tmp_path)
    for question, function in (("q1", "double"), ("q2", "square")):
        path = root / "solutions" / "small" / "tests" / f"{question}.py"
        path.write_text(COUNTING_TEST.format(question=question, function=function), "utf-8")
    assignment = load("small", root, need_solutions=True)
    return assemble(assignment, {"cpu": worker})


def counted(report: Report) -> list[int]:
    """Return what each hidden case found in the memory, its own call included."""
    cases = [case for q in report.questions for case in q.cases if case.hidden]
    return [int(case.staff_message.split()[1]) for case in cases]


def test_a_submissions_memory_serves_all_its_cases_and_no_other_submission(
    counting_engine: Engine,
) -> None:
    content = notebook_of(SETUP, DOUBLE, CHECK1, SQUARE, CHECK2)
    ada, bob = (submission_of(content, student) for student in ("ada", "bob"))
    assert [counted(judge(Request(who), counting_engine)) for who in (ada, bob, ada)] == [
        [1, 2, 3, 4]
    ] * 3


def test_a_memory_outlives_the_child_that_it_began_with(counting_engine: Engine) -> None:
    dies = "import os\nos._exit(0)"
    content = notebook_of(SETUP, DOUBLE, CHECK1, dies, SQUARE, CHECK2)
    assert counted(judge(Request(submission_of(content)), counting_engine)) == [1, 2, 3, 4]


# One case that ends the child costs itself.

FIVE_TESTS = """OK_FORMAT = False
name = "q1"

from otter.test_files import test_case


def check(double, number):
    assert double(number) == 2 * number


for number in range(1, 6):
    globals()[f"test_{number}"] = test_case(
        name=f"of {number}", points=0.4, hidden=True, failure_message="Numbers are doubled."
    )((lambda number: lambda double: check(double, number))(number))
"""


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory, worker: Worker) -> Engine:
    root = write_small_course(tmp_path_factory.mktemp("five"))
    (root / "solutions/small/tests/q1.py").write_text(FIVE_TESTS, encoding="utf-8")
    return assemble(load("small", root, need_solutions=True), {"cpu": worker})


def judged_five(five: Engine, double: str) -> tuple[list[Outcome], str]:
    content = notebook_of(SETUP, double, CHECK1)
    report = judge(Request(submission_of(content), briefly(five)), five)
    question = report.questions[0]
    return [case for case in question.cases if case.hidden], question.note


def test_a_case_that_ends_the_child_costs_no_other_case(five: Engine) -> None:
    dies = "def double(x):\n    import os\n    return 2 * x if x not in (2, 4) else os._exit(0)"
    cases, note = judged_five(five, dies)
    assert note.count("in case 'of") == 2
    assert [case.status for case in cases] == [PASSED, KILLED, PASSED, KILLED, PASSED]
    assert sum(case.score for case in cases) == pytest.approx(1.2)


def test_after_three_timeouts_the_rest_of_a_question_is_not_run(five: Engine) -> None:
    loops = "def double(x):\n    while x > 1:\n        pass\n    return 2 * x"
    cases, note = judged_five(five, loops)
    assert [case.status for case in cases] == [PASSED, *[TIMEOUT] * 4]
    assert note.count("in case 'of") == 3
    assert "of 5" not in note
