"""What a hidden case tells its student: its promise and a literal hint, nothing of its inputs."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from grader.course.assignments import load
from grader.grading.assemble import assemble
from grader.grading.judge import Engine, Request, judge
from grader.model import Assignment, Status
from grader.renderers import feedback, gradescope, results_json
from grader.reports import Gradebook, Outcome, Report
from grader.sandbox import Worker
from tests.conftest import notebook_of, submission_of, write_small_course

VALUE = "4711"
PROMISE = "Large numbers are doubled too; see step 2."
HIDDEN = """OK_FORMAT = False
name = "q1"

import warnings

from otter.test_files import test_case

from grader.testing.hints import hint

VALUE = 4711


@test_case(name="plain", points=0.25, hidden=True,
           failure_message="Large numbers are doubled too; see step 2.")
def test_plain(double):
    with hint("The number is not doubled."):
        assert double(VALUE) == 2 * VALUE, f"for {VALUE}"


@test_case(name="formatted", points=0.25, hidden=True,
           failure_message="Large numbers are doubled too; see step 2.")
def test_formatted(double):
    with hint(f"For {VALUE} it is wrong."):
        assert double(VALUE) == 2 * VALUE, f"for {VALUE}"


@test_case(name="by way of a name", points=0.25, hidden=True,
           failure_message="Large numbers are doubled too; see step 2.")
def test_name(double):
    with hint(str(VALUE)):
        assert double(VALUE) == 2 * VALUE


@test_case(name="set by hand", points=0.25, hidden=True,
           failure_message="Large numbers are doubled too; see step 2.")
def test_by_hand(double):
    problem = AssertionError("wrong")
    problem.hint = f"for {VALUE}"
    if double(VALUE) != 2 * VALUE:
        raise problem


@test_case(name="nested", points=0.25, hidden=True,
           failure_message="Large numbers are doubled too; see step 2.")
def test_nested(double):
    with hint("Something is wrong."):
        with hint("Small numbers are wrong too."):
            assert double(2) == 4


@test_case(name="the student's own error", points=0.25, hidden=True,
           failure_message="Large numbers are doubled too; see step 2.")
def test_error(raises):
    with hint("An error of the student's has any cause."):
        raises(VALUE)


@test_case(name="a warning", points=0.25, hidden=True,
           failure_message="Large numbers are doubled too; see step 2.")
def test_warning(double):
    warnings.warn(str(VALUE))
    with hint("The number is not doubled."):
        assert double(VALUE) == 2 * VALUE


@test_case(name="nothing to say", points=0.25, hidden=True,
           failure_message="Large numbers are doubled too; see step 2.")
def test_bare(double):
    assert double(VALUE) == 2 * VALUE, str(VALUE)
"""
HINTED = {
    "plain": "The number is not doubled.",
    "nested": "Small numbers are wrong too.",
    "a warning": "The number is not doubled.",
}
WRONG = (
    "import otter\ngrader = otter.Notebook('small.ipynb')",
    "def double(x):\n    return x + 1",
    "def raises(x):\n    raise AssertionError(f'the hidden input is {x}')",
    'grader.check("q1")',
)


def engine_with(course: Path, level: str | None, worker: Worker) -> Engine:
    root = write_small_course(course)
    (root / "solutions/small/tests/q1.py").write_text(HIDDEN, encoding="utf-8")
    if level is not None:
        toml = root / "assignments/small/assignment.toml"
        toml.write_text(f'feedback = "{level}"\n{toml.read_text("utf-8")}', encoding="utf-8")
    return assemble(load("small", root, need_solutions=True), {"cpu": worker})


def hidden_cases(report: Report) -> dict[str, Outcome]:
    return {c.name: c for c in report.questions[0].cases if c.hidden}


def shown(report: Report, assignment: Assignment) -> str:
    """Return all that this student may read, from every output."""
    book = Gradebook(
        "small", "Small", assignment.sha256, 0, report.isolation, report.environment,
        assignment.questions, (report,),
    )  # fmt: skip
    rows = json.loads(results_json.render(book))["submissions"][0]["questions"]
    messages = "\n".join(case["message"] for row in rows for case in row["cases"])
    return feedback.render(report, book) + gradescope.render(report, book) + messages


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory, worker: Worker) -> tuple[Report, Engine]:
    engine = engine_with(tmp_path_factory.mktemp("hints"), None, worker)
    return judge(Request(submission_of(notebook_of(*WRONG))), engine), engine


def test_a_failed_case_tells_its_promise_and_a_hint_that_is_a_literal(
    default: tuple[Report, Engine],
) -> None:
    cases = hidden_cases(default[0])
    assert {case.status for case in cases.values()} == {Status.FAILED, Status.ERROR}
    assert {case.promise for case in cases.values()} == {PROMISE}
    assert {name: case.hint for name, case in cases.items() if case.hint} == HINTED
    for name, case in cases.items():
        assert PROMISE in case.message
        assert HINTED.get(name, "") in case.message


def test_no_value_of_an_input_reaches_the_student_by_a_hint(
    default: tuple[Report, Engine],
) -> None:
    report, engine = default
    assert VALUE not in shown(report, engine.assignment)
    # Staff read all of it: the test could see the value.
    assert sum(VALUE in case.staff_message for case in hidden_cases(report).values()) >= 4


def test_the_hints_in_a_control_without_the_rule_would_tell(
    default: tuple[Report, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, engine = default

    class Anything(frozenset[str]):
        def __contains__(self, _: object) -> bool:
            return True

    for key, case in list(engine.suite._cases.items()):
        monkeypatch.setitem(engine.suite._cases, key, replace(case, hints=Anything()))
    report = judge(Request(submission_of(notebook_of(*WRONG))), engine)
    assert VALUE in shown(report, engine.assignment)


@pytest.mark.parametrize(
    ("level", "promised", "hinted"), [("name", False, False), ("promise", True, False)]
)
def test_an_assignment_sets_how_much_is_told(
    level: str, promised: bool, hinted: bool, tmp_path: Path, worker: Worker
) -> None:
    engine = engine_with(tmp_path, level, worker)
    text = shown(judge(Request(submission_of(notebook_of(*WRONG))), engine), engine.assignment)
    assert (PROMISE in text, HINTED["plain"] in text) == (promised, hinted)


def test_a_case_that_passed_has_no_hint(default: tuple[Report, Engine]) -> None:
    right = (WRONG[0], "def double(x):\n    return 2 * x", *WRONG[2:])
    report = judge(Request(submission_of(notebook_of(*right))), default[1])
    assert [c.hint for c in report.questions[0].cases if c.status is Status.PASSED] == [""] * 8
