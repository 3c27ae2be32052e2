"""A case on which a grader process works for ever ends that process, whatever it works in."""

import signal
import subprocess
import sys

import pytest

from grader.grading import own_time
from grader.model import Limits

# A minute's work in one call of C, which no exception stops.
WORKS = """
from grader.grading import own_time
from grader.model import Limits

own_time.LEAST = 0.05
own_time.CELLS = 0
with {bounded}:
    with own_time.of_case():
        10 ** {digits}
print("done")
"""


def ended(bounded: str, digits: int) -> int:
    code = WORKS.format(bounded=bounded, digits=digits)
    return subprocess.run([sys.executable, "-c", code], check=False).returncode


def test_what_takes_too_long_in_one_case_ends_the_process() -> None:
    assert ended("own_time.bounded(Limits())", 20_000_000) == -signal.SIGPROF


def test_the_control_unbounded_it_goes_on() -> None:
    assert ended("__import__('contextlib').nullcontext()", 1_000_000) == 0


def test_each_case_has_its_own_time_and_nothing_else_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(own_time, "LEAST", 5_000.0)
    with own_time.bounded(Limits()):
        for _ in range(2):
            with own_time.of_case():
                assert 4_999 < signal.getitimer(signal.ITIMER_PROF)[0] <= 5_000.1
        assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
    with own_time.of_case():
        assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_a_longer_cell_means_a_longer_case() -> None:
    with own_time.bounded(Limits(cell_seconds=4_000.0)), own_time.of_case():
        assert signal.getitimer(signal.ITIMER_PROF)[0] > 7_999
