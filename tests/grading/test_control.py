"""The control: nobody loses on a case that the reference does not pass in the same place."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.batch import process, warm_up
from grader.batch.messages import Facts, ProcessSettings
from grader.batch.pool import LocalProcesses, Processes
from grader.batch.run import Batch
from grader.commands import examination
from grader.course.assignments import load
from grader.errors import IsolationError, ProcessStartError, WorkerError
from grader.gradebook.store import Store
from grader.grading import control
from grader.grading.assemble import assemble
from grader.grading.control import judge_reference, not_judged, settle
from grader.grading.judge import Engine, Request, judge
from grader.model import Assignment, Environment, Isolation, Status
from grader.reports import Control, ControlCase, Outcome, QuestionReport, Report
from grader.sandbox import CellResult, Session, TransferError, Worker
from grader.sandbox.session import ToRun
from tests.conftest import notebook_of, submission_of, write_small_course
from tests.support import classes
from tests.support.classes import PATIENCE
from tests.support.commands import run

pytestmark = pytest.mark.long

SETUP = "import otter\ngrader = otter.Notebook('small.ipynb')"
DOUBLE = "def double(x):\n    return 2 * x"
SQUARE = "def square(x):\n    return x * x"
RIGHT = (SETUP, DOUBLE, "grader.check('q1')", SQUARE, "grader.check('q2')")
ENVIRONMENT = Environment("1", "3.11", "Linux", numpy="2.4.6", triton="3.6.0")
HERE = Facts(Isolation("none"), ENVIRONMENT, has_cuda=False, place="here")


def controlled(engine: Engine, *cells: str) -> tuple[Report, Control]:
    """Judge a notebook and the reference in the same worker, and settle the one by the other."""
    assignment = engine.assignment
    names = [question.name for question in assignment.questions]
    found = judge_reference(
        assignment, names, lambda one, wanted: judge(Request(one, only=tuple(wanted)), engine), HERE
    )
    return settle(judge(Request(submission_of(notebook_of(*cells))), engine), found), found


def engine_of(root: Path, worker: Worker) -> Engine:
    assignment = load("small", root, need_solutions=True)
    return assemble(assignment, {"cpu": worker})


@pytest.fixture
def faulty_engine(tmp_path: Path, worker: Worker) -> Engine:
    """A course whose hidden test of q1 has a mistake of its own."""
    root = write_small_course(tmp_path)
    path = root / "solutions" / "small" / "tests" / "q1.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("    for number", "    oops\n    for number"), encoding="utf-8")
    return engine_of(root, worker)


def test_a_test_that_raises_by_itself_is_ungraded_with_its_line(faulty_engine: Engine) -> None:
    report, found = controlled(faulty_engine, *RIGHT)
    public, hidden = report.questions[0].cases
    assert (public.status, hidden.status) == (Status.PASSED, Status.UNGRADED)
    assert (hidden.score, report.questions[0].score) == (0.0, 1.0)
    assert "NameError" in hidden.staff_message
    assert "solutions/small/tests/q1.py, line 14" in hidden.staff_message
    assert "oops" not in hidden.message
    assert report.questions[1].status is Status.PASSED
    assert list(found.failing) == [("q1", "q1 of many")]


def test_without_the_control_the_same_case_would_be_the_students_loss(
    faulty_engine: Engine,
) -> None:
    report = judge(Request(submission_of(notebook_of(*RIGHT))), faulty_engine)
    assert report.questions[0].cases[1].status is Status.FAILED


def test_what_the_reference_passes_stays_a_loss(small_engine: Engine) -> None:
    wrong = "def double(x):\n    return [x]"
    report, found = controlled(small_engine, SETUP, wrong, *RIGHT[2:])
    assert found.failing == {}
    assert [case.status for case in report.questions[0].cases] == [Status.FAILED] * 2


def test_an_answer_that_a_test_cannot_compare_never_ends_as_ungraded(small_engine: Engine) -> None:
    wrong = "import numpy as np\ndef double(x):\n    return np.array([x, x])"
    report, _ = controlled(small_engine, SETUP, wrong, *RIGHT[2:])
    assert {case.status for case in report.questions[0].cases} == {Status.FAILED}


def test_who_passes_what_the_reference_does_not_is_ungraded_as_everybody(
    tmp_path: Path, worker: Worker
) -> None:
    root = write_small_course(tmp_path)
    path = root / "solutions" / "small" / "reference.py"
    path.write_text(path.read_text(encoding="utf-8").replace("2 * x", "3 * x"), encoding="utf-8")
    report, _ = controlled(engine_of(root, worker), *RIGHT)
    public, _hidden = report.questions[0].cases
    assert (public.status, public.score) == (Status.UNGRADED, 0.0)


def test_a_case_that_fails_once_is_judged_once_more(small_engine: Engine) -> None:
    calls: list[list[str]] = []

    def busy_at_first(one: Any, wanted: list[str]) -> Report:
        calls.append(wanted)
        report = judge(Request(one, only=tuple(wanted)), small_engine)
        if len(calls) > 1:
            return report
        first, *rest = report.questions
        cases = tuple(replace(case, status=Status.TIMEOUT, score=0.0) for case in first.cases)
        return replace(report, questions=(replace(first, cases=cases), *rest))

    found = judge_reference(small_engine.assignment, ["q1", "q2"], busy_at_first, HERE)
    assert calls == [["q1", "q2"], ["q1"]]
    assert found.failing == {}


def test_a_reference_that_cannot_be_judged_leaves_everything_ungraded(small_engine: Engine) -> None:
    def broken(*_: Any) -> Report:
        raise WorkerError("The worker ended; run `grader doctor`.")

    found = judge_reference(small_engine.assignment, ["q1", "q2"], broken, HERE)
    assert found.causes == ("The worker ended; run `grader doctor`.",)
    assert len(found.failing) == 4


def test_a_value_that_is_lost_for_the_reference_too_is_nobodys_loss(
    small_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*_: Any, **__: Any) -> None:
        raise TransferError("The answer could not be handed over (RuntimeError: it was lost).")

    monkeypatch.setattr(Session, "call", lose)
    alone = judge(Request(submission_of(notebook_of(*RIGHT))), small_engine)
    assert alone.questions[0].status is Status.FAILED  # the control: without it, a loss
    report, found = controlled(small_engine, *RIGHT)
    assert {case.status for case in report.questions[0].cases} == {Status.UNGRADED}
    assert "could not be handed over" in found.causes[0]


def test_a_question_that_is_all_or_nothing_keeps_its_nothing() -> None:
    cases = (
        Outcome("a", hidden=False, status=Status.PASSED, score=1.0, max_score=1.0),
        Outcome("b", hidden=True, status=Status.FAILED, score=0.0, max_score=1.0),
    )
    question = QuestionReport("q1", Status.FAILED, 0.0, 2.0, cases=cases)
    bad = ControlCase("q1", "b", Status.FAILED, "why")
    settled = control.settle_question(question, Control("here", ENVIRONMENT, (bad,)))
    assert (settled.status, settled.score) == (Status.UNGRADED, 0.0)


# Causes in plain words.


@pytest.mark.parametrize(
    ("said", "environment", "sentence"),
    [
        (
            (
                "Your code raised an error.\nTypeError: only 0-dimensional arrays can be converted "
                "to Python scalars"
            ),
            ENVIRONMENT,
            (
                "triton 3.6.0 cannot interpret kernels under NumPy 2.4.6: install triton 3.7 or "
                "later, or NumPy 2.3."
            ),
        ),
        (
            "ModuleNotFoundError: No module named 'scipy.linalg'",
            ENVIRONMENT,
            "The module scipy, which the reference needs, cannot be used here: install it.",
        ),
        (
            "One call took longer than 10 s.",
            ENVIRONMENT,
            (
                "This machine is too slow or too busy for the reference (One call took longer than "
                "10 s): use fewer --jobs, or raise that limit in assignment.toml."
            ),
        ),
        (
            "RuntimeError: CUDA error: an illegal memory access was encountered\nmore",
            replace(ENVIRONMENT, gpu="NVIDIA H100", driver="580.1"),
            (
                "The GPU (NVIDIA H100, driver 580.1) does not work for the reference (CUDA error: "
                "an illegal memory access was encountered): see `grader doctor`."
            ),
        ),
        (
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB",
            replace(ENVIRONMENT, gpu="NVIDIA H100"),
            (
                "The GPU (NVIDIA H100) has too little free memory for the reference: end what else "
                "uses it, or grade with a smaller --gpu-jobs."
            ),
        ),
        (
            "row 3:\n  expected 1, got 2",
            ENVIRONMENT,
            "q1, 'a': the reference does not pass here: row 3: expected 1, got 2",
        ),
    ],
)
def test_a_cause_is_one_sentence_with_the_fix(
    said: str, environment: Environment, sentence: str
) -> None:
    case = ControlCase("q1", "a", Status.ERROR, said)
    assert control.explain(case, environment).cause == sentence


def test_a_triton_that_can_interpret_is_not_blamed() -> None:
    said = "TypeError: only 0-dimensional arrays can be converted to Python scalars"
    case = ControlCase("q1", "a", Status.ERROR, said)
    for fine in (replace(ENVIRONMENT, triton="3.10.0"), replace(ENVIRONMENT, numpy="2.3.5")):
        assert "triton" not in control.explain(case, fine).cause


# Whole batches.


class ProcessesHere(Processes):
    """One grader process in a thread of this process, where a test can change what it does."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return self._pool.submit(fn, *args, **kwargs)

    def stop(self) -> None:
        self._pool.shutdown()


@contextlib.contextmanager
def here(_jobs: int, _device: str) -> Iterator[Processes]:
    processes = ProcessesHere()
    yield processes
    processes.stop()


class WrongDevice(Worker):
    """A worker whose device is off by one whenever student code doubles."""

    def session(self, *args: Any, **kwargs: Any) -> Session:
        session = super().session(*args, **kwargs)
        run, fault = session.run_cells, "\ndouble = (lambda right: lambda x: right(x) + 1)(double)"

        def spoiled(cells: Sequence[ToRun]) -> Iterator[CellResult]:
            return run(
                [c._replace(source=c.source + fault) if "def double" in c.source else c
                 for c in cells]
            )  # fmt: skip

        session.run_cells = spoiled  # type: ignore[method-assign]
        return session


@pytest.mark.parametrize("is_wrong", [True, False])
def test_a_device_that_gives_wrong_results_makes_nobody_fail(
    is_wrong: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = load("small", classes.write_gpu_course(tmp_path / "course"), need_solutions=True)
    honest = warm_up._worker

    def worker(
        settings: ProcessSettings, assignment: Assignment, isolation: Isolation, kind: str
    ) -> Worker:
        if kind == "cuda" and is_wrong:
            return WrongDevice(isolation=isolation, libraries=())
        return honest(settings, assignment, isolation, kind)

    monkeypatch.setattr(warm_up, "_worker", worker)
    students = sorted(classes.write_class(tmp_path / "class", 2).iterdir())
    settings = ProcessSettings(str(small.folder), 0, small.limits, "none", "simulated")
    said: list[str] = []
    with Store(tmp_path / "grades.db") as store:
        store.bind(small, 0)
        try:
            batch = Batch(settings, small, store, pool=here, on_phase=said.append)
            batch.run([submission_of(p.read_bytes(), p.stem) for p in students], jobs=1)
        finally:
            process.close()
        book = store.gradebook()
    right, adds = book.reports
    by_name = {question.name: question for question in right.questions}
    wrong_by_name = {question.name: question for question in adds.questions}
    assert by_name["q1"].status is by_name["q2"].status is Status.PASSED
    assert wrong_by_name["q1"].status is Status.FAILED
    if is_wrong:
        assert by_name["g1"].status is wrong_by_name["g1"].status is Status.UNGRADED
        assert [cause.partition(":")[0] for cause in book.causes] == ["g1, 'g1 on the device'"]
        assert any(text.startswith("ungraded for everybody: g1") for text in said)
    else:
        assert (by_name["g1"].status, wrong_by_name["g1"].status) == (Status.PASSED, Status.FAILED)
        assert book.causes == ()
    assert [item.place.split(", ")[1] for item in book.controls] == ["CPU", "simulated"]


def test_a_class_under_a_broken_reference_is_ungraded_with_the_cause_first(tmp_path: Path) -> None:
    course = write_small_course(tmp_path / "course")
    path = course / "solutions" / "small" / "reference.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("    return x * x", "    import scipi\n    return x * x"),
                    encoding="utf-8")  # fmt: skip
    students, out = classes.write_class(tmp_path / "class", 3), tmp_path / "out"
    done = classes.grade_here(course, students, out)
    assert done.returncode == 1, done.stderr
    cause = "The module scipi, which the reference needs, cannot be used here: install it."
    assert done.stdout.index("The reference does not pass here") < done.stdout.index("000-right")
    assert done.stdout.count("The module scipi") == 1
    document = json.loads((out / "results.json").read_text(encoding="utf-8"))
    [place] = document["control"]
    assert place["causes"] == [cause]
    statuses = {(case["question"], case["status"]) for case in place["cases"]}
    assert statuses == {("q1", "passed"), ("q2", "error")}
    for row in document["submissions"]:
        cases = [case for question in row["questions"] for case in question["cases"]]
        assert all("Your code" not in case["message"] for case in cases)
        assert row["status"] == "ungraded"
    report = (out / "report.html").read_text(encoding="utf-8")
    assert report.index(cause) < report.index('id="scores"')
    # Mended, the same command grades what was left, and the cause is gone.
    path.write_text(text, encoding="utf-8")
    done = classes.grade_here(course, students, out)
    assert done.returncode == 0, done.stderr
    assert "does not pass" not in done.stdout
    assert cause not in (out / "report.html").read_text(encoding="utf-8")


def test_doctor_judges_a_courses_references_without_grading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "examine", lambda _say: True)  # the machine, by itself
    course = write_small_course(tmp_path / "course")
    command = ["doctor", "--course", course]
    done = run(*command)
    assert done.returncode == 0, done.stderr
    assert "small: the reference passes 4 of 4 cases" in done.stdout
    path = course / "solutions" / "small" / "tests" / "q1.py"
    path.write_text(path.read_text(encoding="utf-8").replace("assert", "oops\n        assert"),
                    encoding="utf-8")  # fmt: skip
    done = run(*command)
    assert done.returncode == 1
    assert "small: the reference passes 3 of 4 cases" in done.stdout
    assert "cause: q1, 'q1 of many': the reference does not pass here" in done.stdout


def test_a_control_is_kept_by_question_and_place(small_course: Path, tmp_path: Path) -> None:
    small = load("small", small_course, need_solutions=True)
    with Store(tmp_path / "grades.db") as store:
        store.bind(small, 0)
        store.add_control(not_judged(small, ["q1", "q2"], HERE, "a full disk"))
        elsewhere = replace(HERE, place="there")
        store.add_control(not_judged(small, ["q1"], elsewhere, "no disk"))
        fine = Control("here", ENVIRONMENT, (ControlCase("q1", "q1 of two", Status.PASSED),))
        store.add_control(fine)
        first, second = store.gradebook().controls
    assert (first.place, second.place) == ("here", "there")
    assert [(case.question, case.status) for case in first.cases] == [
        ("q1", Status.PASSED), ("q2", Status.UNGRADED), ("q2", Status.UNGRADED),
    ]  # fmt: skip
    assert second.causes == ("no disk",)


@pytest.mark.parametrize(("losses", "status"), [(1, Status.PASSED), (2, Status.UNGRADED)])
def test_a_process_that_is_lost_over_the_reference_costs_a_second_try(
    losses: int, status: Status, small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = load("small", small_course, need_solutions=True)
    honest, calls = process.control, []

    def lost_at_first(*given: Any) -> Control:
        calls.append(given)
        if len(calls) <= losses:
            raise WorkerError("The process ended by itself.")
        return honest(*given)

    monkeypatch.setattr(process, "control", lost_at_first)
    settings = ProcessSettings(str(small.folder), 0, small.limits, "none", "cpu")
    with Store(tmp_path / "grades.db") as store:
        store.bind(small, 0)
        try:
            Batch(settings, small, store, pool=here).run(
                [submission_of(notebook_of(*RIGHT))], jobs=1
            )
        finally:
            process.close()
        [report] = store.gradebook().reports
    assert {question.status for question in report.questions[:2]} == {status}
    assert len(calls) == 2


# Grader processes that cannot start.


def start_or_fail(mark: str, reason: str) -> str:
    """Start in the first process that comes by; fail in every other one."""
    try:
        Path(mark).touch(exist_ok=False)
    except FileExistsError:
        if Path(mark).read_text(encoding="utf-8") != str(os.getpid()):
            raise ProcessStartError(IsolationError(reason)) from None
    Path(mark).write_text(str(os.getpid()), encoding="utf-8")
    return "started"


def never_start(reason: str) -> str:
    raise ProcessStartError(IsolationError(reason))


def finish(_at_once: bool) -> None:
    return


def test_a_grader_process_that_cannot_start_costs_a_grader_process_and_not_the_batch(
    tmp_path: Path,
) -> None:
    pool = LocalProcesses(2, finish)
    try:
        starts = [pool.submit(start_or_fail, str(tmp_path / "m"), "no disk") for _ in range(6)]
        assert [future.result(PATIENCE) for future in starts] == ["started"] * 6
    finally:
        pool.kill()


def test_where_no_grader_process_can_start_every_task_says_why() -> None:
    pool = LocalProcesses(2, finish)
    try:
        starts = [pool.submit(never_start, "the probe read failed") for _ in range(4)]
        for future in starts:
            with pytest.raises(IsolationError, match="the probe read failed"):
                future.result(PATIENCE)
        with pytest.raises(IsolationError, match="the probe read failed"):
            pool.submit(never_start, "").result(PATIENCE)
    finally:
        pool.kill()
