"""What a batch judges, in which order, in which grader processes; and the commands around it."""

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader import machine
from grader.batch import plan, process, warm_up
from grader.batch.messages import Facts, ProcessSettings
from grader.batch.plan import Kind, Task, by_kind, by_risk
from grader.batch.pool import Pool, local_pool
from grader.batch.run import Batch
from grader.commands.progress import Progress
from grader.course.assignments import load
from grader.errors import AssignmentError, UsageError
from grader.gradebook.store import Current, Store
from grader.model import Assignment, Environment, Isolation, Limits, Status, Submission
from grader.reports import Report
from tests.conftest import submission_of, write_small_course
from tests.gradebook.test_store import (
    QUESTIONS,
    handed_in,
    question,
    report,
)
from tests.grading.test_control import here
from tests.support import classes
from tests.support.commands import run

ASSIGNMENT = Assignment(
    "small", "Small", Path("a"), Path("a/a.ipynb"), Path("s"), QUESTIONS, sha256="v1"
)
ALL = ("q1", "q2", "g1", "r1")


def holds(status: Status = Status.PASSED, **other: Any) -> Current:
    given = {"submission_sha256": "n1", "question_sha256": "t1", "seed": 0, **other}
    return Current(status, **given)


def held(**statuses: Any) -> dict[tuple[str, str], Current]:
    """Return what a store holds on ada: every question passed, but for those given."""
    tests = {item.name: item.sha256 for item in QUESTIONS}
    return {
        ("ada", name): replace(statuses.get(name, holds()), question_sha256=sha256)
        for name, sha256 in tests.items()
    }


def due(
    current: dict[tuple[str, str], Current], only: str | None = None, *, has_cuda: bool = False,
    seed: int = 0, limits: Limits | None = None,
) -> dict[str, tuple[str, ...]]:  # fmt: skip
    tasks = plan.due(
        [handed_in("ada"), handed_in("bob")], ASSIGNMENT, current, seed=seed,
        limits=limits or Limits(), has_cuda=has_cuda, only=only,
    )  # fmt: skip
    return {task.submission.student: task.questions for task in tasks}


PENDING = holds(Status.PENDING)


@pytest.mark.parametrize(
    ("current", "options", "expected"),
    [
        ({}, {}, {"ada": ALL, "bob": ALL}),
        (held(), {}, {"bob": ALL}),
        (held(q2=holds(Status.UNGRADED)), {}, {"ada": ("q2",), "bob": ALL}),
        (held(g1=PENDING, r1=PENDING), {}, {"bob": ALL}),
        (held(g1=PENDING, r1=PENDING), {"has_cuda": True}, {"ada": ("g1",), "bob": ALL}),
        (held(q1=holds(submission_sha256="n0")), {}, {"ada": ("q1",), "bob": ALL}),
        (held(), {"seed": 1}, {"ada": ALL, "bob": ALL}),
        (held(), {"limits": Limits(cell_seconds=600)}, {"ada": ALL, "bob": ALL}),
        (held(g1=PENDING), {"only": "pending"}, {}),
        (held(g1=PENDING), {"only": "pending", "has_cuda": True}, {"ada": ("g1",)}),
        (held(q2=holds(Status.UNGRADED)), {"only": "changed"}, {"bob": ALL}),
        (held(q1=holds(submission_sha256="n0")), {"only": "changed"},
         {"ada": ("q1",), "bob": ALL}),
        (held(), {"only": "ada"}, {"ada": ALL}),
        (held(), {"only": "q2"}, {"ada": ("q2",), "bob": ("q2",)}),
    ],
)  # fmt: skip
def test_what_is_due(
    current: dict[tuple[str, str], Current], options: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert due(current, **options) == expected


def test_only_something_unknown_is_refused() -> None:
    with pytest.raises(UsageError, match="--only q7 names no question and no student"):
        due({}, "q7")


def test_those_that_took_longest_come_first_and_new_ones_keep_their_order() -> None:
    tasks = [Task(handed_in(name), ALL) for name in ("ada", "bob", "cy", "di")]
    known = {("bob", "q1"): holds(seconds=2.0), ("di", "g1"): holds(seconds=60.0)}
    ordered = [task.submission.student for task in by_risk(tasks, known)]
    assert ordered == ["di", "bob", "ada", "cy"]


def test_gpu_questions_are_parted_from_the_others_only_where_there_is_a_gpu() -> None:
    tasks = [Task(handed_in("ada"), ALL), Task(handed_in("bob"), ("g1",))]
    assert by_kind(tasks, ASSIGNMENT, has_cuda=False) == {Kind("cpu"): tasks}
    groups = by_kind(tasks, ASSIGNMENT, has_cuda=True)
    assert list(groups) == [Kind("cpu"), Kind("cuda")]
    assert [task.questions for task in groups[Kind("cpu")]] == [("q1", "q2", "r1")]
    assert [task.questions for task in groups[Kind("cuda")]] == [("g1",), ("g1",)]


def test_questions_that_run_alone_come_last_and_only_where_they_can_run() -> None:
    alone = replace(ASSIGNMENT, questions=tuple(
        replace(q, alone=q.name in {"g1", "q2"}) for q in QUESTIONS
    ))  # fmt: skip
    tasks = [Task(handed_in("ada"), ALL)]
    with_gpu = by_kind(tasks, alone, has_cuda=True)
    assert [(kind, found[0].questions) for kind, found in with_gpu.items()] == [
        (Kind("cpu"), ("q1", "r1")),
        (Kind("cpu", alone=True), ("q2",)),
        (Kind("cuda", alone=True), ("g1",)),
    ]
    without = by_kind(tasks, alone, has_cuda=False)
    assert [(kind, found[0].questions) for kind, found in without.items()] == [
        (Kind("cpu"), ("q1", "g1", "r1")),
        (Kind("cpu", alone=True), ("q2",)),
    ]


# Whole batches, with grader processes and workers.


class Classroom:
    """A course, a class and a store, graded by the library's own calls."""

    def __init__(self, folder: Path, course: Callable[[Path], Path], size: int) -> None:
        self.course = course(folder / "course")
        self.students = classes.write_class(folder / "class", size)
        self.store_path = folder / "out" / "grades.db"

    def grade(
        self, device: str = "cpu", *, pool: Pool = local_pool, **options: Any
    ) -> dict[str, Report]:
        small = load("small", self.course, need_solutions=True)
        settings = ProcessSettings(str(small.folder), 0, small.limits, "none", device)
        submissions: list[Submission] = [
            submission_of(path.read_bytes(), path.stem) for path in sorted(self.students.iterdir())
        ]
        with Store(self.store_path, exclusive=True) as store:
            store.bind(small, 0)
            try:
                Batch(settings, small, store, pool=pool).run(submissions, **{"jobs": 1, **options})
            finally:
                process.close()  # where it was in this one
            return {item.student: item for item in store.gradebook().reports}

    def results_of(self, name: str) -> list[tuple[Any, ...]]:
        with Store(self.store_path) as store:
            return store._rows(
                "SELECT attempt, student, status, score, report FROM result WHERE question = ?",
                (name,),
            )


def test_pending_points_are_graded_later_by_the_same_call_on_a_machine_with_a_device(
    tmp_path: Path,
) -> None:
    room = Classroom(tmp_path, classes.write_gpu_course, 5)
    before = room.grade(pool=here)
    assert {item.pending for item in before.values()} == {3.0}  # two for the GPU, one to be read
    first = [room.results_of(name) for name in ("q1", "q2", "r1")]
    after = room.grade("simulated", jobs=2)
    assert [room.results_of(name) for name in ("q1", "q2", "r1")] == first
    assert {item.pending for item in after.values()} == {1.0}
    for name, item in after.items():
        old = {q.name: q for q in before[name].questions}
        new = {q.name: q for q in item.questions}
        assert new.pop("g1").status is (Status.FAILED if "adds" in name else Status.PASSED)
        assert old.pop("g1").status is Status.PENDING
        assert new == old
    back = room.grade(only="001-adds", pool=here)  # without a device again: what it decided stays
    assert scores(back) == scores(after)
    at_once = Classroom(tmp_path / "at once", classes.write_gpu_course, 5)
    assert scores(at_once.grade("simulated", pool=here)) == scores(after)


def scores(reports: dict[str, Report]) -> dict[str, list[tuple[str, float]]]:
    return {name: [(q.status, q.score) for q in item.questions] for name, item in reports.items()}


def test_a_run_with_nothing_to_do_starts_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Classroom(tmp_path, write_small_course, 2)
    first = room.grade()

    def refuse(*_: Any) -> Any:
        raise AssertionError("a grader process was started")

    monkeypatch.setattr("grader.batch.pool.GraderProcess", refuse)
    assert room.grade() == first


def test_an_assignment_that_changes_under_the_batch_stops_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Classroom(tmp_path, write_small_course, 1)
    monkeypatch.setattr(process, "start", started_after_an_edit)
    with pytest.raises(AssignmentError, match="not what the batch began with"):
        room.grade()


def started_after_an_edit(settings: ProcessSettings) -> Facts:
    """Start a grader process when somebody has just saved another version of a test."""
    test = Path(settings.assignment) / "tests" / "q1.py"
    test.write_text(test.read_text(encoding="utf-8") + "\n# edited\n", encoding="utf-8")
    return process._start(settings).facts


def test_a_grader_process_imports_no_more_of_otter_than_its_test_files_and_leaves_otter_whole() -> (
    None
):
    program = """
import sys
import grader.grading.judge
from otter.test_files import test_case
packages = {name.partition(".")[0] for name in sys.modules}
assert not {"pandas", "nbconvert", "jupyter_client", "IPython", "nbformat"} & packages
assert "otter" not in sys.modules
import warnings
warnings.simplefilter("ignore")
utils = sys.modules["otter.utils"]
assert callable(utils.nbformat.read)
assert callable(utils.frontmatter.loads)
assert utils.get_ipython() is None
import otter
from otter.test_files import test_case as again
assert callable(otter.Notebook)
assert again is test_case
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


# The commands.


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    """A class of five, graded once by the command."""
    folder = tmp_path_factory.mktemp("graded")
    room = Classroom(folder, write_small_course, 5)
    grade_by_command(room, folder / "out")
    return room


def grade_by_command(room: Classroom, out: Path, *more: str) -> None:
    done = classes.grade_here(room.course, room.students, out, *more)
    assert done.returncode == 0, done.stderr


def test_a_corrected_hidden_test_changes_one_question_and_the_change_is_listed(
    graded: Classroom,
) -> None:
    out = graded.store_path.parent
    untouched = {name: graded.results_of(name) for name in ("q1", "r1")}
    scores = {row["student"]: row["score"] for row in classes.results(out)["submissions"]}
    hidden = graded.course / "solutions" / "small" / "tests" / "q2.py"
    text = hidden.read_text(encoding="utf-8")
    hidden.write_text(text.replace("def test_many(square, rng, reference):",
                                   "def test_many(rng):\n    return\n\n\ndef old(square, rng):"),
                      encoding="utf-8")  # fmt: skip
    grade_by_command(graded, out, "--only", "q2")
    assert {name: graded.results_of(name) for name in ("q1", "r1")} == untouched
    assert len(graded.results_of("q2")) == 10
    after = {row["student"]: row["score"] for row in classes.results(out)["submissions"]}
    changed = {name for name in after if after[name] != scores[name]}
    assert changed == {"002-raises", "003-exits"}
    listed = run("report", str(out), "--diff").stdout.splitlines()
    raises, exits = sorted(line for line in listed if "->" in line)
    assert "002-raises q2: 0 (error) -> 2 (error), its tests were changed" in raises
    assert "003-exits q2: 0 (killed) -> 2 (killed), its tests were changed" in exits


def test_an_override_by_command_is_rendered_with_its_reason(graded: Classroom) -> None:
    out = graded.store_path.parent
    done = run("override", "001-adds", "q1", "2.5", "-o", str(out), "--why", "nearly")
    assert done.returncode == 0, done.stderr
    (row,) = [r for r in classes.results(out)["submissions"] if r["student"] == "001-adds"]
    assert row["questions"][0]["score"] == 2.5
    assert row["questions"][0]["note"].endswith(": nearly")
    (said,) = [line for line in done.stdout.splitlines() if "->" in line]
    assert re.search(r" 001-adds q1: \S+ \(\w+\) -> 2\.5 \(overridden\), by .+: nearly$", said)
    assert said in run("report", str(out), "--diff").stdout.splitlines()
    done = run("override", "001-adds", "q1", "9", "-o", str(out), "--why", "much")
    assert (done.returncode, done.stdout) == (2, "")
    assert "q1 is worth 0 to 3 points; give a score within them." in done.stderr
    done = run("override", "001-adds", "q1", "-o", str(out), "--withdraw", "--why", "no")
    assert done.returncode == 0, done.stderr
    assert re.match(
        r"001-adds q1: [\d.]+ \(\w+\) again, as it was judged$", done.stdout.splitlines()[0]
    )
    (row,) = [r for r in classes.results(out)["submissions"] if r["student"] == "001-adds"]
    assert row["questions"][0]["score"] < 2.5


def test_manual_scores_are_read_by_command(graded: Classroom) -> None:
    out = graded.store_path.parent
    sheet = out / "manual.csv"
    lines = sheet.read_text(encoding="utf-8").splitlines()
    assert lines[1].startswith("000-right,r1,I am 0.,,1,,a-")
    lines[1] = lines[1].replace("I am 0.,,1,,", "I am 0.,0.5,1,short,")
    sheet.write_text("\n".join(lines), encoding="utf-8")
    done = run("manual", str(out))
    assert done.returncode == 0, done.stderr
    assert "1 score or comment read" in done.stdout
    row = classes.results(out)["submissions"][0]
    assert (row["questions"][2]["score"], row["pending"]) == (0.5, 0.0)
    wrong = out / "other.csv"
    wrong.write_text("\n".join(lines).replace(",0.5,", ",7,"), encoding="utf-8")
    done = run("manual", str(out), str(wrong))
    assert done.returncode == 2
    assert "line 2: the score 7 is not within 0 and 1" in done.stderr


# Progress.

FACTS = Facts(Isolation("strong"), Environment("1", "3", "Linux"), has_cuda=False)


def test_progress_without_a_terminal_is_plain_lines_with_rate_and_time_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter(range(100))
    monkeypatch.setattr("grader.commands.progress.time.monotonic", lambda: float(next(clock)))
    stream = io.StringIO()
    with Progress(stream) as progress:
        progress.begin([None] * 70, FACTS)
        for number in range(70):
            progress.advance(report(f"s{number}", question("q1")))
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("isolation strong, no GPU, ready in ")
    assert lines[1] == "3 of 70 graded, 1.0/s, 1 min 7 s left"
    assert lines[-1] == "70 of 70 graded, 1.0/s"


def test_progress_on_a_terminal_is_a_bar_that_shows_no_markup_of_a_student() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    with Progress(stream) as progress:
        progress.begin([None], FACTS)
        progress.advance(report("[red]ada[/red]\x1b[2J", question("q1")))
    assert "1/1" in stream.getvalue()
    assert "[red]ada[/red]\\x1b[2J" in stream.getvalue()


def test_a_debugged_run_says_where_the_start_s_time_went(monkeypatch: pytest.MonkeyPatch) -> None:
    took = replace(FACTS, seconds={"isolation": 0.5, "imports": 1.25})
    stream = io.StringIO()
    Progress(stream).begin([None], took)
    assert "imports" not in stream.getvalue()
    monkeypatch.setenv("GRADER_DEBUG", "1")
    Progress(stream).begin([None], took)
    assert stream.getvalue().splitlines()[-1].endswith(": isolation 0.50 s, imports 1.25 s")


def test_progress_says_when_there_is_nothing_to_do() -> None:
    stream = io.StringIO()
    Progress(stream).begin([], None)
    assert stream.getvalue().startswith("nothing to grade")


def test_results_are_json_that_names_every_student(graded: Classroom) -> None:
    text = (graded.store_path.parent / "results.json").read_text(encoding="utf-8")
    names = [row["student"] for row in json.loads(text)["submissions"]]
    assert names == [path.stem for path in sorted(graded.students.iterdir())]


@pytest.mark.parametrize(
    ("device", "judges", "here", "proved_for"),
    [
        ("auto", "all", True, {"cpu", "cuda"}),
        ("cuda", "cuda", True, {"cpu", "cuda"}),
        ("auto", "cpu", True, {"cpu"}),
        ("cpu", "all", True, {"cpu"}),
        ("simulated", "all", True, {"cpu"}),
        ("auto", "all", False, {"cpu"}),
    ],
)
def test_a_grader_process_with_a_gpu_proves_isolation_with_what_its_driver_needs_open(
    device: str,
    judges: str,
    here: bool,
    proved_for: set[str],
    small: Assignment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[set[str]] = []

    def choose(_level: str, devices: frozenset[str], *_: object, **_more: object) -> Isolation:
        asked.append(set(devices))
        return Isolation("none")

    monkeypatch.setattr(machine, "may_have_gpu", lambda: here)
    monkeypatch.setattr("grader.sandbox.proof.probes.choose_isolation", choose)
    settings = ProcessSettings("small", 0, Limits(), "auto", device, judges=judges)
    warm_up._isolation(settings, small)
    assert asked == [proved_for]
