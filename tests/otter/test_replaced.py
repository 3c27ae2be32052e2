"""A test that replaces a function in its own process is no student's loss, and no point either."""

from pathlib import Path

import pytest

from grader.model import Status
from grader.submissions.autograders import load
from tests.conftest import notebook_of, submission_of
from tests.otter.conftest import Room

TEST = """from unittest.mock import patch
from otter.test_files import test_case
OK_FORMAT = False
name = "q1"
points = 2

@test_case()
def test_asks(ask):
    with patch("builtins.input", side_effect=["3"]):
        assert ask() == 6

@test_case()
def test_quiet(double):
    with patch("builtins.print"):
        assert double(2) == 4
"""


@pytest.mark.parametrize(
    ("body", "statuses"),
    [
        ("return 2 * x", [Status.UNGRADED, Status.PASSED]),
        ("return 5", [Status.UNGRADED, Status.UNGRADED]),
    ],
)
def test_what_a_test_replaces_is_told_to_staff(
    room: Room, tmp_path: Path, body: str, statuses: list[Status]
) -> None:
    (tmp_path / "hw" / "tests").mkdir(parents=True)
    (tmp_path / "hw" / "otter_config.json").write_text("{}")
    (tmp_path / "hw" / "tests" / "q1.py").write_text(TEST)
    answer = f"def double(x):\n    {body}\n\ndef ask():\n    return double(int(input('n? ')))"
    report = room.judge(load(str(tmp_path / "hw")), submission_of(notebook_of(answer)))
    cases = report.questions[0].cases
    assert [case.status for case in cases] == statuses
    assert "replaces builtins.input in its own process" in cases[0].staff_message
