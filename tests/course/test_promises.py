"""What hidden cases tell students: each points to a place of the notebook that is there."""

import json
import re
from pathlib import Path

import pytest

from grader.course.assignments import load
from grader.model import Assignment
from grader.verify import promises
from grader.verify.gates import Findings

STEP = re.compile(r"\bsteps? (\d)(?: and (\d))?")
QUOTED = re.compile(r"“([A-Z][^”]*)”")  # a heading; names of parameters begin small
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


@pytest.fixture(params=["softmax", "attention"])
def assignment(request: pytest.FixtureRequest, repository: Path) -> Assignment:
    return load(request.param, repository, need_solutions=True)


def headings(assignment: Assignment) -> list[str]:
    cells = json.loads(assignment.notebook.read_bytes())["cells"]
    text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    return [found.replace("`", "") for found in HEADING.findall(text)]


def test_every_hidden_case_has_a_promise_and_every_hint_is_a_literal(
    assignment: Assignment,
) -> None:
    found = Findings()
    promises.are_stated(assignment, found)
    assert found.problems == []


def test_what_a_promise_says_to_read_is_there(assignment: Assignment) -> None:
    known = headings(assignment)
    names = {question.name for question in assignment.questions}
    told = 0
    for question in assignment.questions:
        for case in question.cases:
            if not case.hidden:
                continue
            place = f"{question.name}, {case.name}"
            steps = [step for found in STEP.findall(case.promise) for step in found if step]
            for step in steps:
                assert any(item.startswith(f"Step {step}.") for item in known), place
            quoted = QUOTED.findall(case.promise)
            for item in quoted:
                assert any(found.startswith(item) for found in known), (place, item)
            asked = [name for name in names if re.search(rf"\b{name}\b", case.promise)]
            assert steps or quoted or asked, f"{place} says nowhere what to read"
            told += 1
    assert told >= 30
