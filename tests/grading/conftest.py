"""What tests of judging share: a notebook of the small course, judged from its cells."""

from pathlib import Path

import pytest

from grader.grading.judge import Engine, Request, judge
from grader.reports import QuestionReport
from grader.sandbox import Worker
from tests.conftest import notebook_of, submission_of
from tests.support.otter_assignments import OtterJudge
from tests.support.small_notebooks import Judged, briefly


@pytest.fixture
def judged(small_engine: Engine) -> Judged:
    def run(*cells: str) -> dict[str, QuestionReport]:
        limits = briefly(small_engine) if any("while True" in cell for cell in cells) else None
        request = Request(submission_of(notebook_of(*cells)), limits)
        report = judge(request, small_engine)
        return {question.name: question for question in report.questions}

    return run


@pytest.fixture
def otter(tmp_path: Path, worker: Worker) -> OtterJudge:
    return OtterJudge(tmp_path, worker)
