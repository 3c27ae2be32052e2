"""What verifying does when a process that judges a solution ends by itself."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from grader.batch.messages import ProcessSettings
from grader.batch.pool import LocalProcesses
from grader.errors import ProcessLostError, WorkerError
from grader.model import Limits
from grader.verify.runner import Candidate, Runner

SETTINGS = ProcessSettings("nowhere", 0, Limits(), "none", "cpu")


def finish(_at_once: bool) -> None:
    """Nothing was started."""


class OneDeadly(LocalProcesses):
    """A real process, which one solution takes along; of the others it returns the name."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        del fn, kwargs
        name = args[1].name
        if name == "wrong/deadly":
            return super().submit(os._exit, 7)
        return super().submit(str, name)


@pytest.fixture
def pool() -> Iterator[OneDeadly]:
    with OneDeadly(1, finish) as processes:
        yield processes


def candidates(*names: str) -> list[Candidate]:
    return [Candidate(name, b"", ("q1",)) for name in names]


def test_a_lost_process_is_reported_by_the_solutions_name(pool: OneDeadly) -> None:
    runner = Runner(SETTINGS, pool)
    with pytest.raises(WorkerError, match="that judged wrong/deadly ended by itself") as caught:
        runner.judge(candidates("correct/first", "wrong/deadly", "wrong/last"))
    assert isinstance(caught.value.__cause__, ProcessLostError)
    assert "exit status 7" in str(caught.value.__cause__)


def test_reports_come_in_the_order_of_the_solutions(pool: OneDeadly) -> None:
    told: list[tuple[int, int]] = []
    runner = Runner(SETTINGS, pool, on_judged=lambda done, total: told.append((done, total)))
    assert runner.judge(candidates("b", "a", "c")) == ["b", "a", "c"]
    assert told == [(1, 3), (2, 3), (3, 3)]
