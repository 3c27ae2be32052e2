"""Tests as courses write them: right answers get full marks, wrong ones do not, nobody waits."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from grader.grading.assemble import assemble
from grader.grading.judge import Request, judge
from grader.model import Status
from grader.reports import QuestionReport
from grader.sandbox import Worker
from grader.submissions.autograders import load
from tests.conftest import notebook_of, submission_of
from tests.otter import conftest
from tests.otter.kinds_of_tests import FILES, KINDS, Kind
from tests.otter.test_conformance import is_installed

pytestmark = pytest.mark.long

Answers = Callable[[str, str], QuestionReport]
HEAVY = (*conftest.HEAVY, "networkx", "sklearn.linear_model", "sqlalchemy", "torch")
HERE = [kind for kind in KINDS if not kind.needs or is_installed(kind.needs)]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """Judge all answers of a sort in one notebook, once."""
    folder = tmp_path_factory.mktemp("kinds")
    (folder / "tests").mkdir()
    (folder / "files").mkdir()
    (folder / "otter_config.json").write_text(json.dumps({"seed": 3}))
    for name, text in FILES.items():
        (folder / "files" / name).write_text(text)
    for kind in HERE:
        (folder / "tests" / f"{kind.name}.py").write_text(kind.file)
    assignment = load(str(folder))
    imports = tuple(name for name in HEAVY if is_installed(name.partition(".")[0]))
    with Worker(imports=imports, libraries=(), files=assignment.given) as worker:
        engine = assemble(assignment, {"cpu": worker})

        @cache
        def judged(which: str) -> dict[str, QuestionReport]:
            cells = ["import otter\ngrader = otter.Notebook()"]
            answered = [kind for kind in HERE if getattr(kind, which)]
            cells += [cell for kind in answered for cell in (kind.answer(which), check(kind))]
            with without_a_running_loop():
                report = judge(Request(submission_of(notebook_of(*cells))), engine)
            return {item.name: item for item in report.questions}

        yield lambda which, name: judged(which)[name]


@contextlib.contextmanager
def without_a_running_loop() -> Iterator[None]:
    """Hide the loop that a browser of other tests keeps running in this thread."""
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)


def check(kind: Kind) -> str:
    return f'grader.check("{kind.name}")'


def said(report: QuestionReport) -> str:
    return "\n".join(
        f"{case.status}: {case.staff_message or case.message}" for case in report.cases
    )


@pytest.mark.parametrize("kind", HERE, ids=lambda kind: kind.name)
def test_a_right_answer_gets_full_marks(answers: Answers, kind: Kind) -> None:
    for which in ("right", "other") if kind.other else ("right",):
        report = answers(which, kind.name)
        assert report.score == report.max_score, said(report)


@pytest.mark.parametrize("kind", HERE, ids=lambda kind: kind.name)
def test_a_wrong_answer_loses_points_and_reads_why(answers: Answers, kind: Kind) -> None:
    report = answers("wrong", kind.name)
    lost = [case for case in report.cases if case.status is not Status.PASSED]
    assert lost
    assert all(case.status is not Status.UNGRADED and case.message for case in lost), said(report)


def test_nothing_depends_on_a_package_that_is_not_here() -> None:
    assert len(HERE) > len(KINDS) // 2
