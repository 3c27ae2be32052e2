"""The demonstration, run once: from the wheel, in an empty folder, where a wheel can be built."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.commands.test_cli import assert_ends_with_the_report
from tests.release.conftest import run
from tests.support import requirements, sharing

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Demonstration:
    """What the command printed, and where it wrote."""

    said: str
    out: Path

    @property
    def results(self) -> dict[str, Any]:
        text = (self.out / "results.json").read_text(encoding="utf-8")
        loaded: dict[str, Any] = json.loads(text)
        return loaded


@pytest.fixture(scope="module")
def demonstration(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Demonstration:
    requirements.require("isolation")
    folder = tmp_path_factory.mktemp("demonstration")
    words = ["grader", "demo", "-o", "out", "--jobs", sharing.jobs()]
    if requirements.lacking("hatchling"):
        command = [sys.executable, "-m", *map(str, words)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        return Demonstration(done.stdout, folder / "out")
    environment: Path = request.getfixturevalue("environment")
    return Demonstration(run(environment, folder, *words), folder / "out")


def test_it_grades_a_class_of_at_least_twenty(demonstration: Demonstration) -> None:
    by_student = {item["student"]: item for item in demonstration.results["submissions"]}
    assert len(by_student) >= 20
    full = by_student["right-reference"]
    assert full["score"] + full["pending"] == full["max_score"]
    for name, item in by_student.items():
        if name.startswith(("right-", "hostile-")):
            assert item["score"] == full["score"], name
        else:
            assert item["score"] < full["score"], name
    assert "who lost what" in demonstration.said.lower()


def test_it_ends_with_the_report(demonstration: Demonstration) -> None:
    assert_ends_with_the_report(demonstration.said, demonstration.out, "out")


@pytest.mark.needs("hatchling")
def test_it_was_the_wheels(demonstration: Demonstration) -> None:
    assert demonstration.results["environment"]["grader"] == "0.1.0"
