"""The files beside a notebook: each child has its own copies, and finds nothing else there."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from grader.course.assignments import load
from grader.grading.assemble import assemble, start_worker
from grader.grading.judge import Engine, Request, judge
from grader.model import Assignment, Isolation, Status
from grader.reports import QuestionReport
from tests.conftest import notebook_of, submission_of, write_small_course

SETUP = "import otter\ngrader = otter.Notebook('small.ipynb')"
# Right where every file is as it was handed out: 2 x is worked out with each of them.
DOUBLE = """from helpers import times
import csv

factor = int(next(csv.DictReader(open("data.csv")))["factor"])
word = open("data/words.txt").read()

def double(x):
    return times(x, factor) if word == "two" else 0"""
SPOIL = """
for name, mode in (("data.csv", "w"), ("helpers.py", "a")):
    open(name, mode).write("spoilt = True")
open("data/words.txt", "w").write("nothing")"""
CHECK1, CHECK2 = 'grader.check("q1")', 'grader.check("q2")'

Judged = Callable[..., dict[str, QuestionReport]]


def course_with_files(root: Path) -> Path:
    """Write the small course with a table, a module and a folder beside its notebook."""
    folder = write_small_course(root) / "assignments" / "small"
    (folder / "data.csv").write_text("factor\n2\n", encoding="utf-8")
    (folder / "helpers.py").write_text("def times(x, y):\n    return x * y\n", encoding="utf-8")
    (folder / "data").mkdir()
    (folder / "data" / "words.txt").write_text("two", encoding="utf-8")
    (folder / ".secret").write_text("not handed out", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return course_with_files(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def assignment(folder: Path) -> Assignment:
    return load(str(folder), need_solutions=True)


@pytest.fixture(scope="module")
def engine(assignment: Assignment, isolation: Isolation) -> Iterator[Engine]:
    with start_worker(replace(assignment, libraries=()), isolation) as worker:
        yield assemble(assignment, {"cpu": worker})


@pytest.fixture
def judged(engine: Engine) -> Judged:
    def run(*cells: str, files: tuple[tuple[str, bytes], ...] = ()) -> dict[str, QuestionReport]:
        submission = replace(submission_of(notebook_of(*cells)), files=files)
        report = judge(Request(submission), engine)
        return {question.name: question for question in report.questions}

    return run


def test_a_notebook_reads_what_lies_beside_it_and_imports_it(judged: Judged) -> None:
    assert judged(SETUP, DOUBLE, CHECK1)["q1"].status is Status.PASSED


def test_without_the_files_the_same_notebook_loses(assignment: Assignment) -> None:
    bare = replace(assignment, given=(), libraries=())
    with start_worker(bare) as worker:
        report = judge(
            Request(submission_of(notebook_of(SETUP, DOUBLE, CHECK1)), only=("q1",)),
            assemble(bare, {"cpu": worker}),
        )
    assert report.questions[0].status is not Status.PASSED


def test_each_child_has_copies_of_its_own(judged: Judged) -> None:
    spoilt = judged(SETUP, DOUBLE + SPOIL, CHECK1, "import os\nos._exit(0)", CHECK2)
    assert spoilt["q1"].status is Status.PASSED
    # After its child has ended, the cells run in a fresh one, which reads the files once more.
    again = judged(SETUP, "import os\nos._exit(0)", DOUBLE + SPOIL, CHECK1)
    assert again["q1"].status is Status.PASSED
    assert judged(SETUP, DOUBLE, CHECK1)["q1"].status is Status.PASSED


def test_a_child_finds_the_files_and_nothing_else(judged: Judged, folder: Path) -> None:
    look = f"""
import os
found = sorted(os.path.join(top, name) for top, _, names in os.walk(".") for name in names)
closed = True
for place in ("/files", {str(folder)!r}, {str(folder / "tests")!r}):
    try:
        os.listdir(place)
        closed = False
    except OSError:
        pass
wanted = ["./data.csv", "./data/words.txt", "./helpers.py"]
def double(x):
    return 2 * x if found == wanted and closed else 0"""
    assert judged(SETUP, look, CHECK1)["q1"].status is Status.PASSED


def test_the_courses_files_are_no_use_of_a_students(engine: Engine) -> None:
    limits = replace(engine.assignment.limits, scratch_bytes=4096)
    fill = "from pathlib import Path\nPath('x').write_text('x')\ndef double(x):\n    return 2 * x"
    submission = submission_of(notebook_of(SETUP, fill, CHECK1))
    report = judge(Request(submission, limits=limits, only=("q1",)), engine)
    assert report.questions[0].status is Status.PASSED
    more = fill.replace("('x')\ndef", "('x' * 5000)\ndef")
    lost = judge(Request(submission_of(notebook_of(SETUP, more, CHECK1)), limits=limits), engine)
    assert lost.questions[0].status is not Status.PASSED


def test_the_courses_files_stay_as_they_are_over_a_students_own(judged: Judged) -> None:
    mine = (("helpers.py", b"def times(x, y):\n    return 0\n"), ("own.py", b"two = 2\n"),
            ("sub/deep.txt", b"two"))  # fmt: skip
    reads = "from own import two\nassert open('sub/deep.txt').read() == 'two'\n" + DOUBLE
    assert judged(SETUP, reads, CHECK1, files=mine)["q1"].status is Status.PASSED


def test_a_students_own_counts_where_the_assignment_names_it(
    engine: Engine, assignment: Assignment
) -> None:
    named = replace(assignment, files=("helpers.py",))
    mine = (("helpers.py", b"def times(x, y):\n    return 0\n"),)
    submission = replace(submission_of(notebook_of(SETUP, DOUBLE, CHECK1)), files=mine)
    again = assemble(named, engine.workers)
    assert judge(Request(submission), again).questions[0].status is not Status.PASSED


def test_a_module_called_like_a_librarys_is_its_childs_alone(judged: Judged) -> None:
    """The judge and the worker go on with their own, which the next child shows."""
    mine = (("colorsys.py", b"two = 2\n"), ("numpy.py", b"raise SystemExit\n"))
    cells = "import sys, numpy\nimport colorsys\ndef double(x):\n    return colorsys.two * x"
    assert judged(SETUP, cells, CHECK1, files=mine)["q1"].status is Status.PASSED
    after = (
        "import colorsys\ntwo = 2 + hasattr(colorsys, 'two')\ndef double(x):\n    return two * x"
    )
    assert judged(SETUP, after, CHECK1)["q1"].status is Status.PASSED


def test_the_files_decide_the_assignments_hash_and_its_questions(tmp_path: Path) -> None:
    folder = course_with_files(tmp_path)
    before = load(str(folder))
    (folder / "data" / "words.txt").write_text("three", encoding="utf-8")
    after = load(str(folder))
    assert before.sha256 != after.sha256
    assert all(
        one.sha256 != other.sha256
        for one, other in zip(before.questions, after.questions, strict=True)
    )
    shutil.move(folder / "data" / "words.txt", folder / "words.txt")
    assert load(str(folder)).sha256 != after.sha256
