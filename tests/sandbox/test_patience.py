"""By what a child's time has run out: its own doing, or the machine's."""

import contextlib
import math
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import pytest

from grader.model import Status
from grader.sandbox import Worker
from grader.sandbox.endings import EndedBy
from grader.sandbox.patience import Patience
from grader.sandbox.wire.orders import Resource
from grader.sandbox.worker import ChildEnd
from tests.support.small_sessions import session


@dataclass
class Clock:
    """What a child is said to use and to wait for, in the order in which it is looked at."""

    used: list[float]
    delays: list[float]
    disk: bool = False

    def look(self) -> float:
        return self.used.pop(0) if len(self.used) > 1 else self.used[0]

    def delay(self) -> float:
        return self.delays.pop(0) if len(self.delays) > 1 else self.delays[0]

    def waits_for_disk(self) -> bool:
        return self.disk


@pytest.mark.parametrize(
    ("clock", "by"),
    [
        (Clock([0.0], [0.0]), EndedBy.WAITING),
        (Clock([9.0], [0.0]), EndedBy.PROCESSOR),
        (Clock([0.0, 0.0, 0.4], [0.0]), EndedBy.DELAY),  # it computed much of what it may
        (Clock([0.0], [0.0, 50.0]), EndedBy.DELAY),  # it was ready to run, and did not
        (Clock([0.0], [7.0, 7.0]), EndedBy.WAITING),  # before this request
        (Clock([0.0], [0.0], disk=True), EndedBy.DELAY),
        (Clock([0.0], [math.inf]), EndedBy.DELAY),  # the system does not tell
    ],
    ids=["sleeps", "computes", "was slow", "starved", "was starved before", "disk", "not told"],
)
def test_what_ended_a_request(clock: Clock, by: EndedBy, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    patience = Patience(clock, 1.0, 4.0, before=0.0)  # type: ignore[arg-type]
    while left := patience():
        now[0] += left
    assert patience.ended_by is by
    assert now[0] <= 4.0


SIGKILL, SIGSEGV = int(signal.SIGKILL), int(signal.SIGSEGV)


@pytest.mark.parametrize(
    ("end", "by", "status"),
    [
        (ChildEnd(SIGKILL, Resource.MEMORY), EndedBy.ITSELF, Status.KILLED),
        (ChildEnd(SIGKILL, Resource.PROCESSOR), EndedBy.PROCESSOR, Status.TIMEOUT),
        (ChildEnd(SIGKILL, None), EndedBy.SOMEBODY, Status.KILLED),
        (ChildEnd(SIGSEGV, None), EndedBy.CRASH, Status.KILLED),
        (ChildEnd(int(signal.SIGABRT) | 0x80, None), EndedBy.CRASH, Status.KILLED),  # with a dump
        (ChildEnd(int(signal.SIGXCPU), None), EndedBy.PROCESSOR, Status.TIMEOUT),
        (ChildEnd(int(signal.SIGTERM), None), EndedBy.ITSELF, Status.KILLED),
        (ChildEnd(1 << 8, None), EndedBy.ITSELF, Status.KILLED),
    ],
    ids=str,
)
def test_what_ended_a_process(end: ChildEnd, by: EndedBy, status: Status) -> None:
    assert (end.by, end.status) == (by, status)


SPINS = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"


def test_a_child_that_another_process_keeps_from_its_processor_is_seen_to_wait(
    small_worker: Worker,
) -> None:
    with session(small_worker) as child:
        clock = child._conversation._clock
        cores = child.run_cell("import os, time\nprint(*os.sched_getaffinity(0))", 1).output.split()
        before = clock.delay()
        with contextlib.ExitStack() as stack:
            for core in cores:
                spins = stack.enter_context(subprocess.Popen([sys.executable, "-c", SPINS, core]))
                stack.callback(spins.kill)
            child.run_cell("while time.process_time() < 0.3: pass", 2)
            assert clock.delay() - before > 0.05
        assert not clock.waits_for_disk()
