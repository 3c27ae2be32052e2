"""Functions of a test's, called from a student's process of its own."""

import contextlib
import io
import sys
import time
from collections.abc import Iterator

import pytest

from grader.model import Isolation, Limits
from grader.sandbox import Session, Worker

# In a process of its own.


@pytest.fixture(scope="module")
def worker(isolation: Isolation) -> Iterator[Worker]:
    with Worker(isolation=isolation, warm=False) as found:
        yield found


def child_with(worker: Worker, source: str, **limits: float) -> Session:
    chosen = Limits.from_mapping({"cell_seconds": 10, "call_seconds": 10, **limits})
    child = worker.session(chosen, deadline=time.monotonic() + 600)
    assert child.run_cell(source, 1).failure is None
    return child


SHOUT = """
def shout(function):
    print("before")
    function()
    print("after")
"""


def test_what_is_printed_stands_around_what_a_function_of_the_tests_prints(worker: Worker) -> None:
    with child_with(worker, SHOUT) as child, child.case(asks=True):
        shout = child.value("shout")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            shout(lambda: sys.stdout.write("between\n"))
        assert printed.getvalue() == "before\nbetween\nafter\n"


def test_the_time_of_a_function_of_the_tests_is_not_the_students(worker: Worker) -> None:
    source = "def run(function):\n    return function()"
    with child_with(worker, source, call_seconds=0.3) as child, child.case(asks=True):
        run = child.value("run")
        assert run(lambda: time.sleep(1.4) or 7) == 7  # longer than what only waits may take


KEEP = """
kept = []
def keep(function):
    kept.append(function)
def call():
    return kept[0]()
"""


def test_a_function_of_a_test_that_is_over_is_called_no_more(worker: Worker) -> None:
    calls: list[int] = []
    with child_with(worker, KEEP) as child:
        with child.case(asks=True):
            child.value("keep")(lambda: calls.append(1))
            child.value("call")()
        failure = child.run_cell("call()", 2).failure
        assert failure is not None
        assert "is over" in failure.message
        with child.case(asks=True), pytest.raises(RuntimeError, match="is over"):
            child.value("call")()
        with child.case(asks=True):
            child.value("keep")(lambda: calls.append(2))  # a number that was given before
            with pytest.raises(RuntimeError, match="is over"):
                child.value("call")()
    assert calls == [1]


THREADS = """
import threading
def elsewhere(function):
    failed = []
    def run():
        try:
            function()
        except RuntimeError as error:
            failed.append(str(error))
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return failed
"""


def test_a_function_of_the_tests_is_called_by_one_thread(worker: Worker) -> None:
    with child_with(worker, THREADS) as child, child.case(asks=True):
        assert "only where its caller runs" in child.value("elsewhere")(lambda: 1)[0]
