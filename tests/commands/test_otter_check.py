"""A student's own check of an otter notebook: its public tests, from its metadata or a zip."""

import json
from pathlib import Path

import pytest

from grader.commands.checking import CheckResult, check_notebook
from tests.conftest import notebook_of
from tests.support.autograders import TESTS, packed, write_autograder

SPEC = {
    "name": "q1",
    "points": 2,
    "suites": [{"type": "doctest", "cases": [
        {"code": ">>> x > 0\nTrue", "hidden": False, "failure_message": "x is positive."},
        {"code": ">>> total\n6", "hidden": False},
    ]}],
}  # fmt: skip


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def check(path: Path, x: int, assignment: str | None = None) -> CheckResult:
    cells = ("import otter\ngrader = otter.Notebook()", f"x = {x}\nsquare = lambda a: a * a",
             "total = sum(map(int, open('numbers.txt')))", "grader.check('q1')")  # fmt: skip
    document = json.loads(notebook_of(*cells))
    document["metadata"]["otter"] = {"OK_FORMAT": True, "tests": {"q1": SPEC}}
    path.write_text(json.dumps(document), encoding="utf-8")
    return check_notebook(path, None, assignment, None)


def test_a_notebook_is_checked_by_the_tests_that_it_holds(tmp_path: Path) -> None:
    (tmp_path / "numbers.txt").write_text("1\n2\n3\n", encoding="utf-8")
    assert check(tmp_path / "lab.ipynb", 3).all_passed
    found = check(tmp_path / "lab.ipynb", -3)
    assert not found.all_passed
    assert any("x is positive." in line for line in found.lines)
    assert not any("0 more" in line or "0 points" in line for line in found.lines)


def test_a_zip_says_how_many_points_are_left_to_hidden_tests(tmp_path: Path) -> None:
    folder = write_autograder(tmp_path / "hw", tests=TESTS, files={"numbers.txt": "1\n2\n3\n"})
    found = check(tmp_path / "lab.ipynb", 3, str(packed(folder, tmp_path / "autograder.zip")))
    assert found.all_passed
    assert found.lines[0] == "✓ q1: 1 of 1 public tests passed; hidden tests decide 1 more point"
