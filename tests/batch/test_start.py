"""How a grader process starts: what is done at once, what is waited for, and what is left out."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from grader.batch import process, warm_up
from grader.batch.messages import ProcessSettings
from grader.batch.pool import LocalProcesses
from grader.course.assignments import load
from grader.model import LIBRARIES, Assignment, Isolation, Limits, Status
from grader.sandbox import Worker
from grader.sandbox.levels import recipes
from tests.conftest import notebook_of, submission_of, write_small_course
from tests.support.classes import PATIENCE, RIGHT, SETUP

READS_TORCH = """
import torch
def double(x):
    return int(torch.tensor(x) * 2)
"""
STARTED_WITH = "import sys; had = sorted({'torch', 'matplotlib', 'numpy'} & set(sys.modules))"


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    yield
    process.close()


@pytest.fixture
def small(tmp_path: Path) -> Assignment:
    return load("small", write_small_course(tmp_path), need_solutions=True)


def settings(small: Assignment, isolation: str = "none") -> ProcessSettings:
    patient = replace(small.limits, cell_seconds=60, call_seconds=60, submission_seconds=100)
    return ProcessSettings(str(small.folder), 0, patient, isolation, "cpu")


def grade(small: Assignment, *cells: str) -> Any:
    content = notebook_of(SETUP, *cells, "grader.check('q1')")
    task = process.grade_one(settings(small), submission_of(content), ("q1",))
    return task.report.questions[0]


def test_an_assignment_is_known_by_the_libraries_that_its_files_mention(
    small: Assignment, softmax: Assignment
) -> None:
    assert small.libraries == ()
    assert softmax.libraries == LIBRARIES
    assert small.solutions is not None
    for text, libraries in (
        ("import matplotlib.pyplot as plt", ("matplotlib.pyplot",)),
        ("    from torch import nn", ("torch",)),
        ("pytorch_style = 1", ()),
    ):
        for path in (small.solutions / "reference.py", small.folder / "tests" / "q1.py"):
            before = path.read_text(encoding="utf-8")
            path.write_text(f"{before}\ndef unused():\n    {text.strip()}\n", encoding="utf-8")
            found = load("small", small.folder.parent.parent, need_solutions=True).libraries
            path.write_text(before, encoding="utf-8")
            assert found == libraries, (text, path)


def test_nobody_waits_for_a_library_that_the_assignment_does_not_use(small: Assignment) -> None:
    double = f"{STARTED_WITH}\ndef double(x):\n    raise ValueError(had)"
    question = grade(small, double)
    assert "ValueError: ['numpy']" in question.cases[0].staff_message + question.cases[0].message


def test_a_student_may_use_one_all_the_same(small: Assignment) -> None:
    assert grade(small, READS_TORCH).status is Status.PASSED


def workers() -> list[psutil.Process]:
    return psutil.Process(os.getpid()).children()


def test_the_worker_that_starts_before_the_proof_is_the_one_that_serves(
    small: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    start, prove = warm_up._worker, warm_up._isolation
    monkeypatch.setattr(warm_up, "_worker", lambda *a: order.append("worker") or start(*a))
    monkeypatch.setattr(warm_up, "_isolation", lambda *a: order.append("proof") or prove(*a))
    before = workers()
    facts = process.start(settings(small))
    assert order == ["worker", "proof"]
    assert len(workers()) == len(before) + 1
    worker = process.engine(settings(small)).workers["cpu"]
    assert worker.isolation == facts.isolation
    assert can_read(worker, __file__)  # there is nothing to keep it from


@pytest.mark.needs("isolation")
def test_a_worker_of_another_level_than_was_proved_serves_nobody(
    small: Assignment, isolation: Isolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The likely level was wrong, as on a machine whose policy forbids it."""
    monkeypatch.setattr(recipes, "likely_isolation", lambda *_, **__: Isolation("none"))
    before = workers()
    facts = process.start(settings(small, "auto"))
    assert (facts.isolation.level, facts.isolation.way) == (isolation.level, isolation.way)
    worker = process.engine(settings(small, "auto")).workers["cpu"]
    assert worker.isolation.level == isolation.level
    assert len(workers()) == len(before) + 1
    assert not can_read(worker, __file__)


def can_read(worker: Worker, path: str) -> bool:
    read = f"try:\n    found = len(open({path!r}).read())\nexcept OSError:\n    found = 0"
    with worker.session(Limits(), deadline=time.monotonic() + 600) as child:
        assert child.run_cell(read, 1).failure is None
        return bool(child.value("found"))


@pytest.mark.needs("isolation")
def test_what_is_likely_is_what_is_proved_here(isolation: Isolation) -> None:
    assert isolation.is_made_like(recipes.likely_isolation())
    assert recipes.likely_isolation("none") == Isolation("none")
    assert not isolation.is_made_like(Isolation("none"))


def test_a_worker_that_cannot_start_early_is_started_after_the_proof(
    small: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, tries = warm_up._worker, []

    def fail_once(*arguments: Any) -> Any:
        tries.append(arguments)
        if len(tries) == 1:
            raise OSError("no more processes")
        return start(*arguments)

    monkeypatch.setattr(warm_up, "_worker", fail_once)
    assert grade(small, RIGHT["double"]).status is Status.PASSED
    assert len(tries) == 2


@pytest.mark.parametrize(
    ("gpu", "fault", "kinds"),
    [("A GPU", "", {"cuda"}), ("A GPU", "no context", {"cpu"}), (None, "", {"cpu"})],
)
def test_who_judges_on_a_gpu_alone_has_no_worker_without_one(
    small: Assignment, monkeypatch: pytest.MonkeyPatch, gpu: str | None, fault: str, kinds: set[str]
) -> None:
    monkeypatch.setattr(warm_up.machine, "may_have_gpu", lambda: True)
    monkeypatch.setattr(warm_up.machine, "usable_gpu", lambda: gpu)
    monkeypatch.setattr(warm_up, "_cuda_fault", lambda *_: fault)
    before = workers()
    of_gpu = replace(settings(small), judges="cuda", device="auto")
    facts = process.start(of_gpu)
    assert (facts.has_cuda, facts.gpu_fault) == (gpu is not None, fault)
    engine = process.engine(of_gpu)
    assert set(engine.workers) == kinds
    assert engine.worker.devices == ({"cpu", "cuda"} if "cuda" in kinds else {"cpu"})
    assert engine.worker.isolation == facts.isolation
    assert len(workers()) == len(before) + 1


def main_was_imported() -> bool:
    return sys.modules["__main__"].__name__ == "__mp_main__"


@pytest.mark.parametrize("is_left_out", [True, False])
def test_a_grader_process_does_not_import_the_script_that_started_it(
    is_left_out: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Which is the command line with all commands; else it would."""
    if not is_left_out:
        monkeypatch.setattr(
            "grader.batch.grader_process._without_the_command", contextlib.nullcontext
        )
    main = sys.modules["__main__"]
    script = tmp_path / "command.py"  # however pytest itself was started
    script.touch()
    monkeypatch.setattr(main, "__file__", str(script), raising=False)
    monkeypatch.setattr(main, "__spec__", None)
    before = main.__dict__.get("__file__"), main.__spec__
    pool = LocalProcesses(1, finish)
    try:
        assert pool.submit(main_was_imported).result(PATIENCE) is not is_left_out
    finally:
        pool.kill()
    assert (main.__dict__.get("__file__"), main.__spec__) == before


def finish(_at_once: bool) -> None:
    return
