"""Computations made while other tests run: their results, their failures, and their end."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.ahead import Ahead, WorkFailedError
from tests.support.processes import lives

WORKS = """
import os, pathlib, time
import pytest
WORK_AHEAD = {
    "product": ("product", 6, 7), "fail": ("fail",), "lack": ("lack",), "endless": ("endless",)
}
def product(one, other):
    return one * other
def fail():
    raise ValueError("no such product")
def lack():
    pytest.skip("needs a second sun")
def endless():
    pathlib.Path(__file__).with_name("pid").write_text(str(os.getpid()))
    time.sleep(3_600)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("works")
    (folder / "works.py").write_text(WORKS, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def working(folder: Path) -> Iterator[Ahead]:
    names = ("product", "fail", "lack", "endless", "never")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        ahead = Ahead([("works", name) for name in names], alone=True)
        ahead.begin()
    yield ahead
    ahead.end()


def test_a_result_is_waited_for_and_kept(working: Ahead) -> None:
    assert working.result("works", "product") == 42
    assert working.result("works", "product") == 42


def test_what_a_computation_raises_is_raised_where_it_is_asked_for(working: Ahead) -> None:
    with pytest.raises(WorkFailedError, match="ValueError: no such product"):
        working.result("works", "fail")
    with pytest.raises(pytest.skip.Exception, match="needs a second sun"):
        working.result("works", "lack")


def test_what_nobody_was_to_compute_is_said(working: Ahead) -> None:
    with pytest.raises(LookupError, match="works has no 'sum' in WORK_AHEAD"):
        working.result("works", "sum")


def test_it_ends_with_the_tests_and_says_so_to_whoever_waits(working: Ahead, folder: Path) -> None:
    mark = folder / "pid"
    while not mark.exists() or not mark.read_text():
        time.sleep(0.01)
    process = psutil.Process(int(mark.read_text()))
    process.kill()
    with pytest.raises(WorkFailedError, match="The process ended with -9"):
        working.result("works", "never")
    working.end()
    assert not lives(process.pid)


def test_nothing_is_started_where_there_is_nothing_to_do() -> None:
    ahead = Ahead([], alone=False)
    ahead.begin()
    assert ahead._process is None
    ahead.end()
