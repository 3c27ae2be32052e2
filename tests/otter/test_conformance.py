"""Small otter assignments, graded as they are: each question scores what otter gives it.

`cases/` holds an assignment a folder, as `autograder.zip` has it, with what was handed in and
`expected.json`: what each submission must score, as `otter run` said of it, and why where it is to
be otherwise here.
"""

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grader.model import Status
from grader.reports import Report
from grader.submissions.autograders import load
from grader.submissions.collection import collect
from tests.otter.conftest import Room

pytestmark = pytest.mark.long

CASES = Path(__file__).with_name("cases")
ROUNDED = 1e-4  # otter rounds its scores


def expected(folder: Path) -> Any:
    return json.loads((folder / "expected.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Handed:
    """One submission of one case."""

    folder: Path
    name: str

    @property
    def expected(self) -> Any:
        return expected(self.folder)["submissions"][self.name]

    def __str__(self) -> str:
        return f"{self.folder.name}/{self.name}"


FOLDERS = sorted(path.parent for path in CASES.glob("*/expected.json"))
HANDED = [Handed(folder, name) for folder in FOLDERS for name in expected(folder)["submissions"]]


def is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def grade(room: Room, handed: Handed) -> Report:
    assignment = load(str(handed.folder / "autograder"))
    path = handed.folder / handed.name
    found = collect([path], limits=assignment.limits, assignment=assignment)
    (submission,) = found.submissions
    return room.judge(assignment, submission)


def test_every_kind_has_a_case_of_its_own_and_a_neighbour() -> None:
    kinds = [folder.name[:2] for folder in FOLDERS]
    assert {kind for kind in kinds if kind <= "12"} == {f"{n:02}" for n in range(1, 13)}
    assert all(kinds.count(f"{n:02}") > 1 for n in range(1, 13))


@pytest.mark.parametrize("handed", HANDED, ids=str)
def test_an_otter_assignment_scores_what_otter_gives(room: Room, handed: Handed) -> None:
    for package in expected(handed.folder)["needs"]:
        if not is_installed(package):
            pytest.skip(f"needs {package}: pip install {package}")
    report = grade(room, handed)
    want = handed.expected
    if "refused" in want:
        assert report.error is not None
        assert want["refused"] in report.error
    may_be_ungraded = set(want.get("may_be_ungraded", ()))
    got = {item.name: (item.score, item.max_score) for item in report.questions}
    said = "\n".join(
        f"{item.name}, {case.name} {case.status}: {case.staff_message or case.message}"
        for item in report.questions
        for case in item.cases
        if case.status is not Status.PASSED
    )
    assert got == {
        name: pytest.approx(tuple(pair), abs=ROUNDED) for name, pair in want["scores"].items()
    }, said
    ungraded = {item.name for item in report.questions if item.status is Status.UNGRADED}
    assert ungraded <= may_be_ungraded, said
    if "submission_score" in want:
        rules = load(str(handed.folder / "autograder")).otter
        assert rules is not None
        assert rules.total(report.score, report.max_score) == want["submission_score"]
