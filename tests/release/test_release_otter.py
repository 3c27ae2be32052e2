"""Plain otter on what we hand out gives the public scores that ours gives."""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.course import notebooks
from grader.course.assignments import load
from grader.grading.assemble import assemble
from grader.grading.judge import Request, judge
from grader.release import student
from grader.sandbox import Worker
from grader.verify.agreement import reference_text, stub_names
from tests.conftest import REPOSITORY, edit_cells, submission_of
from tests.release.conftest import only_what_is_checked

pytestmark = pytest.mark.long

WRONG = ("lesson_threshold", "q2_numpy_scalars", "q3_float16_in_name_only", "q6_spelled_out")


def handed_in() -> bytes:
    """Return the released notebook, filled with the reference and a few wrong answers.

    That the lesson's cells between the answers run is in tests/course/test_notebooks.py.
    """
    assignment = load("softmax", REPOSITORY, need_solutions=True)
    assert assignment.solutions is not None
    content = edit_cells(student.notebook(assignment), only_what_is_checked(assignment))
    sources = [assignment.solutions / "wrong" / f"{name}.py" for name in WRONG]
    texts = [reference_text(assignment), *(path.read_text(encoding="utf-8") for path in sources)]
    for text in texts:
        content = notebooks.fill(content, text, stub_names(assignment))
    return content


@pytest.fixture(scope="module")
def ours(worker: Worker) -> dict[str, float]:
    assignment = load("softmax", REPOSITORY, public_only=True)
    engine = assemble(assignment, {"cpu": worker})
    report = judge(Request(submission_of(handed_in())), engine)
    return {item.name: item.score for item in report.questions if item.cases}


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    assignment = load("softmax", REPOSITORY, public_only=True)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "softmax.ipynb").write_bytes(handed_in())
        (place / "tests").mkdir()
        for question, text in student.public_tests(assignment).items():
            (place / "tests" / f"{question}.py").write_text(text, encoding="utf-8")
        yield place


def otter(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "otter", *arguments]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    return done.stdout + done.stderr


def by_otter_run() -> tuple[str, dict[str, float]]:
    """Return what the command said, and its scores by question."""
    with folder() as place:
        otter(place, "generate", "-t", "tests", "-o", "otter.zip", "--no-environment")
        said = otter(place, "run", "softmax.ipynb", "-a", "otter.zip", "--no-logo")
        results = place / "results.json"
        if not results.is_file():
            return said, {}
        found = json.loads(results.read_text(encoding="utf-8"))["tests"]
        return said, {test["name"]: test["score"] for test in found if "score" in test}


def by_otter_check() -> str:
    with folder() as place:
        return otter(place, "check", "softmax.ipynb", "-t", "tests")


def test_otter_run_gives_our_public_scores(ours: dict[str, float]) -> None:
    said, found = by_otter_run()
    assert found, said
    assert found == pytest.approx(ours)
    assert 0 < sum(found.values()) < 5.5  # some public points are lost, or this shows nothing


def test_otter_check_fails_where_ours_does(ours: dict[str, float]) -> None:
    assignment = load("softmax", REPOSITORY, public_only=True)
    full = {name for name in ours if ours[name] == assignment.question(name).public_points}
    said = by_otter_check()
    green = {name for name in ours if f"{name} results: All test cases passed!" in said}
    assert green == full
    assert set() < full < set(ours)  # some are lost and some are not, or this shows nothing
