"""Cases beside each other: what one leaves for the next, and what one costs that ends its child."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader import wording
from grader.course.assignments import load
from grader.course.otter import load as load_otter
from grader.grading.assemble import assemble
from grader.grading.case_judging import CaseJudging
from grader.grading.judge import Engine, Request, judge
from grader.grading.second_look import Look
from grader.model import Isolation, Limits, Status
from grader.reports import Outcome, Report
from grader.sandbox import ChildEnded, Worker, conversation
from grader.sandbox.conversation import Conversation
from grader.sandbox.patience import ProcessorClock
from tests.conftest import notebook_of, submission_of, write_small_course
from tests.support import otter_assignments
from tests.support.small_notebooks import CHECK1, CHECK2, DOUBLE, SETUP, SQUARE

PASSED, TIMEOUT, KILLED = Status.PASSED, Status.TIMEOUT, Status.KILLED


# What a test leaves for the later cases of the same submission.

COUNTING_TEST = """OK_FORMAT = False
name = "{question}"

from otter.test_files import test_case


@test_case(name="{question} counts", points=1, hidden=True)
def test_first({function}, memory):
    memory["calls"] = memory.get("calls", 0) + 1
    {function}(3)
    assert False, f"case {{memory['calls']}} of this submission"


@test_case(name="{question} counts on", points=1, hidden=True)
def test_second({function}, memory):
    memory["calls"] = memory.get("calls", 0) + 1
    {function}(3)
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

TESTS = """OK_FORMAT = False
name = "q1"

from otter.test_files import test_case


def check(double, number):
    assert double(number) == 2 * number


for number in range(1, LAST):
    globals()[f"test_{number}"] = test_case(
        name=f"of {number}", points=POINTS, hidden=True, failure_message="Numbers are doubled."
    )((lambda number: lambda double: check(double, number))(number))
"""


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory, worker: Worker) -> Engine:
    return engine_of(5, tmp_path_factory.mktemp("five"), worker)


@pytest.fixture(scope="module")
def nine(tmp_path_factory: pytest.TempPathFactory, worker: Worker) -> Engine:
    return engine_of(9, tmp_path_factory.mktemp("nine"), worker)


def engine_of(count: int, folder: Path, worker: Worker) -> Engine:
    """Return what judges a small course whose first question has so many hidden cases."""
    root = write_small_course(folder)
    tests = TESTS.replace("POINTS", str(2 / count)).replace("LAST", str(count + 1))
    (root / "solutions/small/tests/q1.py").write_text(tests, encoding="utf-8")
    return assemble(load("small", root, need_solutions=True), {"cpu": worker})


def in_short(engine: Engine) -> Limits:
    """Return limits for calls that never return, of which some of these tests make many."""
    return replace(engine.assignment.limits, call_seconds=0.2)


def judged(engine: Engine, double: str) -> tuple[list[Outcome], str]:
    content = notebook_of(SETUP, double, CHECK1)
    report = judge(Request(submission_of(content), in_short(engine)), engine)
    question = report.questions[0]
    return [case for case in question.cases if case.hidden], question.note


def test_a_case_that_ends_the_child_costs_no_other_case(five: Engine) -> None:
    dies = "def double(x):\n    import os\n    return 2 * x if x not in (2, 4) else os._exit(0)"
    cases, note = judged(five, dies)
    assert note.count("in case 'of") == 2
    assert [case.status for case in cases] == [PASSED, KILLED, PASSED, KILLED, PASSED]
    assert sum(case.score for case in cases) == pytest.approx(1.2)


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return, as they come, the seconds that each request had which ran out of them.

    Of processor time: by the clock each has as much as a busy machine may need.
    """
    monkeypatch.setattr(conversation, "WALL", 1000)
    found: list[float] = []
    converse = Conversation.converse

    def noted(self: Conversation, said: Any, number: int, seconds: float, what: str) -> Any:
        try:
            return converse(self, said, number, seconds, what)
        except ChildEnded as end:
            if end.status is TIMEOUT:
                found.append(seconds)
            raise

    monkeypatch.setattr(Conversation, "converse", noted)
    return found


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return, as they are started, the sessions of all children."""
    found: list[Any] = []
    start = Worker.session

    def noted(self: Worker, *args: Any, **kwargs: Any) -> Any:
        found.append(start(self, *args, **kwargs))
        return found[-1]

    monkeypatch.setattr(Worker, "session", noted)
    return found


LOOPS = "def double(x):\n    while x in {numbers}: pass\n    return 2 * x"


def test_calls_that_never_return_cost_three_limits_and_three_tenths_of_one(
    nine: Engine, waited: list[float]
) -> None:
    limit = in_short(nine).call_seconds
    cases, note = judged(nine, LOOPS.format(numbers=range(3, 10)))
    assert [case.status for case in cases] == [PASSED, PASSED, *[TIMEOUT] * 7]
    assert waited == pytest.approx([limit] * 3 + [limit / 10] * 3)
    assert note.count("in case 'of") == 6
    assert "of 9" not in note
    short, unjudged = cases[5].staff_message, cases[8].message
    assert "0.02 s of processor time" in short
    assert "less than usual since three tests before it ran out of their time" in short
    assert unjudged == wording.told(cases[8]).text


def test_public_and_hidden_cases_share_what_a_question_may_run_out_of(
    five: Engine, waited: list[float]
) -> None:
    limit = in_short(five).call_seconds
    content = notebook_of(SETUP, LOOPS.format(numbers=(1, 2, 3, 4)), CHECK1)
    report = judge(Request(submission_of(content), in_short(five)), five)
    assert [case.status for case in report.questions[0].cases] == [*[TIMEOUT] * 5, PASSED]
    assert waited == pytest.approx([limit] * 3 + [limit / 10] * 2)


@pytest.mark.usefixtures("waited")
@pytest.mark.parametrize("numbers", [(1,), (1, 3)], ids=str)
def test_who_is_slow_after_fewer_timeouts_keeps_the_points(
    five: Engine, numbers: tuple[int, ...]
) -> None:
    """They have the whole limit, so also who takes most of it."""
    slow = (
        "import time\ndef double(x):\n    began = time.process_time()\n"
        f"    while x in {numbers} or time.process_time() < began + 0.15: pass\n    return 2 * x"
    )
    cases, _note = judged(five, slow)
    expected = [TIMEOUT if number in numbers else PASSED for number in range(1, 6)]
    assert [case.status for case in cases] == expected


@pytest.mark.usefixtures("waited")
def test_who_returns_at_once_after_three_timeouts_keeps_the_points(five: Engine) -> None:
    cases, _note = judged(five, LOOPS.format(numbers=(1, 3, 4)))
    assert [case.status for case in cases] == [TIMEOUT, PASSED, TIMEOUT, TIMEOUT, PASSED]


# What may be the machine's doing is judged once more: who asks for that is told at once.


@pytest.mark.parametrize(
    ("look", "in_doubt", "asked"),
    [(Look.BESIDE, ("q1",), 1), (Look.ALONE, (), 6), (Look.LAST, (), 6)],
    ids=["beside others", "alone", "for the last time"],
)
def test_all_of_ones_processor_time_is_doubted_only_beside_others(
    five: Engine, waited: list[float], look: Look, in_doubt: tuple[str, ...], asked: int
) -> None:
    content = notebook_of(SETUP, LOOPS.format(numbers=range(1, 6)), CHECK1, SQUARE, CHECK2)
    report = judge(Request(submission_of(content), in_short(five), look=look), five)
    assert report.in_doubt == in_doubt
    assert len(waited) == asked
    assert report.questions[1].status is PASSED


SLEEPS = "import time\ndef double(x):\n    time.sleep(60 if x == 5 else 0)\n    return 2 * x"


@pytest.mark.parametrize(
    ("network", "in_doubt"), [(False, ()), (True, ("q1",))], ids=["by itself", "maybe for a page"]
)
def test_who_only_sleeps_is_in_doubt_only_where_it_may_wait_for_others(
    five: Engine, monkeypatch: pytest.MonkeyPatch, *, network: bool, in_doubt: tuple[str, ...]
) -> None:
    monkeypatch.setattr(Isolation, "has_network", network)
    monkeypatch.setattr(ProcessorClock, "delay", lambda _self: 0.0)  # also on a busy machine
    monkeypatch.setattr(ProcessorClock, "waits_for_disk", lambda _self: False)
    content = notebook_of(SETUP, SLEEPS, CHECK1)
    report = judge(Request(submission_of(content), in_short(five), look=Look.BESIDE), five)
    assert [case.status for case in report.questions[0].cases] == [*[PASSED] * 5, TIMEOUT]
    assert report.in_doubt == in_doubt


def test_who_was_kept_waiting_is_in_doubt(five: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProcessorClock, "delay", lambda _self: time.monotonic())
    content = notebook_of(SETUP, SLEEPS, CHECK1)
    found = judge(Request(submission_of(content), in_short(five), look=Look.ALONE), five)
    assert found.in_doubt == ("q1",)


def test_a_cell_that_never_ends_runs_once_also_where_a_notebook_is_run_for_what_it_checks(
    tmp_path: Path, worker: Worker, waited: list[float]
) -> None:
    test = "@test_case(points=1)\ndef test_a(double):\n    assert double(2) == 4\n"
    folder = otter_assignments.write(tmp_path, {"q1": otter_assignments.functions("q1", test)})
    engine = assemble(load_otter(folder, "small"), {"cpu": worker})
    content = notebook_of(
        "import otter\ngrader = otter.Notebook()",
        "while True: pass",
        DOUBLE,
        "for name in ['q1']:\n    grader.check(name)",
    )
    limits = replace(in_short(engine), cell_seconds=0.3)
    (question,) = judge(Request(submission_of(content), limits), engine).questions
    assert question.status is PASSED
    assert question.note.count("cell 2 ended its child") == 1
    assert waited == [0.3]


# A crash may be what an earlier case has done to the memory of both.

SPOILS = """
import ctypes, os, signal
kept = [1, 2, 3]

def double(x):
    if x == {spoils}:
        {damage}
    length = len(kept)
    if length != 3:
        {ends}
    return 2 * x
"""
DAMAGE = "ctypes.memset(id(kept), 255, 16)  # its count and its class\n        return 2 * x"
NOTED = "kept.clear()\n        return 2 * x"


@pytest.mark.parametrize("looks_again", [True, False])
def test_a_crash_by_what_an_earlier_case_did_to_memory_costs_no_points(
    five: Engine, monkeypatch: pytest.MonkeyPatch, *, looks_again: bool
) -> None:
    if not looks_again:
        monkeypatch.setattr(CaseJudging, "_may_be_a_victim", lambda *_: False)
    cases, note = judged(five, SPOILS.format(spoils=4, damage=DAMAGE, ends="pass"))
    assert [case.status for case in cases] == [*[PASSED] * 4, PASSED if looks_again else KILLED]
    assert "the child ended in case 'of 5'" in note
    assert ("judged once more in a fresh child" in note) == looks_again


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        ("os.abort()", PASSED),
        ("os.kill(os.getpid(), signal.SIGFPE)", PASSED),
        ("os._exit(1)", KILLED),
        ("os.kill(os.getpid(), signal.SIGKILL)", KILLED),
        ("os.kill(os.getpid(), signal.SIGTERM)", KILLED),
    ],
)
def test_only_a_signal_of_damaged_memory_is_looked_at_once_more(
    five: Engine, ends: str, status: Status
) -> None:
    cases, _note = judged(five, SPOILS.format(spoils=4, damage=NOTED, ends=ends))
    assert [case.status for case in cases] == [*[PASSED] * 4, status]


def test_who_crashes_each_time_has_one_child_a_case_and_one_more(
    five: Engine, children: list[Any]
) -> None:
    crashes = "import os\ndef double(x):\n    return 18 if x == 9 else os.abort()"
    cases, note = judged(five, crashes)
    assert [case.status for case in cases] == [KILLED] * 5
    assert note.count("judged once more") <= 1
    assert len(children) <= 6 + 1 + 2  # a case each, once more, and another question


def test_what_a_case_leaves_for_later_ones_is_left_once_by_a_case_that_is_judged_twice(
    counting_engine: Engine,
) -> None:
    double = SPOILS.format(spoils=2, damage=NOTED, ends="os.abort()")
    content = notebook_of(SETUP, double, CHECK1, SQUARE, CHECK2)
    report = judge(Request(submission_of(content)), counting_engine)
    assert "judged once more" in report.questions[0].note
    assert counted(report) == [1, 2, 3, 4]


def test_a_cell_that_crashes_after_a_case_is_run_once_more(five: Engine) -> None:
    spoils = SPOILS.format(spoils=2, damage=DAMAGE, ends="pass")
    content = notebook_of(SETUP, spoils, CHECK1, f"len(kept)\n{SQUARE}", CHECK2)
    report = judge(Request(submission_of(content), in_short(five)), five)
    assert [question.status for question in report.questions[:2]] == [PASSED, PASSED]
    assert "run once more in a fresh child" in report.questions[1].note


def test_a_cell_that_crashes_by_itself_is_left_out(five: Engine, children: list[Any]) -> None:
    content = notebook_of(SETUP, DOUBLE, CHECK1, f"import os\nos.abort()\n{SQUARE}", CHECK2)
    report = judge(Request(submission_of(content), in_short(five)), five)
    assert report.questions[0].status is PASSED
    assert "left" not in report.questions[0].note
    assert "judged in a fresh child without it" in report.questions[1].note
    assert len(children) <= 5
