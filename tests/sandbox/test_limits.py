"""What ends a child, in words, and what a notebook survives."""

import contextlib

import numpy as np
import pytest

from grader.sandbox import ChildEnded, Worker
from grader.sandbox.endings import EndedBy
from grader.sandbox.session import ToRun
from grader.sandbox.wire.protocol import CellDone, dump
from tests.support.small_sessions import session

MANY_PROCESSES = """
import os, time
for _ in range(60):
    try:
        if not os.fork():
            time.sleep(9)
    except OSError:
        pass
time.sleep(9)
"""
MUCH_MEMORY = """
import os, time
for _ in range(3):
    if not os.fork():
        x = bytearray(b'x') * (150 << 20)
        time.sleep(9)
time.sleep(9)
"""
TOO_LONG = r"longer than 0\.1 s of processor time, or 0\.4 s by the clock$"
FAMILY = """
import os
for _ in range(2):
    if not os.fork():
        while True: pass
os.wait()
"""


@pytest.mark.parametrize(
    ("limits", "cell", "reason"),
    [
        ({"cpu_seconds": 1}, "while True: pass", "more than 1 s of processor time"),
        ({"memory_bytes": 300 << 20}, MUCH_MEMORY, r"used more than 0.29\d* GiB of memory"),
        # The same words whichever limit is over first: on a busy machine it may be the clock's.
        ({"cell_seconds": 0.1}, "while True: pass", TOO_LONG),
        ({"cell_seconds": 0.1}, "import time; time.sleep(9)", TOO_LONG),
        ({"cell_seconds": 0.1}, FAMILY, TOO_LONG),
        # Refused by the kernel until the cell is out of time, or seen by the watchdog.
        ({"tasks": 8, "cell_seconds": 0.3}, MANY_PROCESSES, "more than 8 processes|longer than"),
    ],
    ids=["processor", "memory", "a cell's", "wall", "a cell's family", "tasks"],
)
def test_a_limit_ends_the_child_in_words(
    small_worker: Worker, limits: dict[str, float], cell: str, reason: str
) -> None:
    raises = pytest.raises(ChildEnded, match=reason)
    with session(small_worker, **limits) as child, raises as caught:
        child.run_cell(cell, 1)
    # No limit of ours is taken for a crash, or for a SIGKILL from somebody else.
    assert caught.value.by not in {EndedBy.CRASH, EndedBy.SOMEBODY}


@pytest.mark.parametrize(
    ("cell", "limits", "reason"),
    [
        ("import os; os._exit(3)", {}, "exit status 3"),
        ("import time; time.sleep(9)", {"cell_seconds": 0.1}, "^cell 2 took longer than 0.1 s"),
    ],
    ids=["an end", "a wait"],
)
def test_of_cells_sent_together_the_one_that_ends_the_child_is_known(
    small_worker: Worker, cell: str, limits: dict[str, float], reason: str
) -> None:
    with session(small_worker, **limits) as child:
        results = child.run_cells([ToRun("print(1)", 1), ToRun(cell, 2), ToRun("print(3)", 3)])
        assert next(results).output == "1\n"
        with pytest.raises(ChildEnded, match=reason):
            next(results)


@pytest.mark.parametrize(
    ("cell", "reason", "by"),
    [
        ("import os; os.closerange(3, 256)", "closed its connection to the judge", EndedBy.ITSELF),
        ("import ctypes; ctypes.string_at(0)", "ended by SIGSEGV", EndedBy.CRASH),
    ],
)
def test_who_closes_the_connection_is_told_from_who_crashes(
    small_worker: Worker, cell: str, reason: str, by: EndedBy
) -> None:
    with session(small_worker) as child:
        with pytest.raises(ChildEnded, match=reason) as caught:
            child.run_cell(cell, 1)
        assert caught.value.by is by


def test_a_cell_with_half_a_character_is_run(small_worker: Worker) -> None:
    with session(small_worker) as child:
        assert child.run_cell("print('\ud800')", 1).output == "?\n"


FORGED = b"".join(dump(CellDone(number, None, "forged", 0, 0.0)) for number in (1, 2, 3))
FORGED_ENDS = f"""
import os
for name in os.listdir("/proc/self/fd"):
    try:
        if os.readlink("/proc/self/fd/" + name).startswith("socket:"):
            os.write(int(name), {FORGED!r})
    except OSError:
        pass
"""


def test_a_cell_that_answers_for_those_sent_with_it_ends_its_child(small_worker: Worker) -> None:
    with session(small_worker) as child:
        results = child.run_cells([ToRun(FORGED_ENDS, 1), ToRun("x = 1", 2), ToRun("y = 2", 3)])
        assert [result.output for result in results] == ["forged"] * 3
        with pytest.raises(ChildEnded, match="broke the protocol"):
            child.value("x")


def test_what_only_waits_may_take_longer_than_what_computes(small_worker: Worker) -> None:
    with session(small_worker, cell_seconds=0.7) as child:
        assert child.run_cell("import time\ntime.sleep(0.9)", 1).failure is None
        assert child.processor_seconds() < 0.7


def test_the_processor_time_of_a_family_that_has_ended_is_known(small_worker: Worker) -> None:
    spend = "import os, time\nif not os.fork():\n    while time.process_time() < 0.2: pass\n    "
    with session(small_worker) as child:
        assert child.run_cell(spend + "os._exit(0)\nos.wait()", 1).failure is None
        assert child.processor_seconds() > 0.15
    assert child.processor_seconds() > 0.15


@pytest.mark.parametrize(
    ("limits", "cell", "says"),
    [
        ({"file_bytes": 1 << 20}, "open('f', 'wb').write(bytes(2 << 20))", "File too large"),
        ({"open_files": 32}, "kept = [open('/dev/null') for _ in range(64)]", "Too many open"),
        ({"memory_bytes": 200 << 20}, "x = bytearray(1 << 30)", ""),
    ],
    ids=["one file", "open files", "one process's memory"],
)  # fmt: skip
def test_a_limit_is_an_error_that_the_notebook_survives(
    small_worker: Worker, limits: dict[str, float], cell: str, says: str
) -> None:
    with session(small_worker, **limits) as child:
        failure = child.run_cell(cell, 1).failure
        assert failure is not None
        assert failure.type_name in {"OSError", "MemoryError"}
        assert says in failure.message
        assert child.run_cell("survived = 1", 2).failure is None


@pytest.mark.parametrize("output", ["x" * 3_000_000, "é" * 3_000_000, "\x00" * 3_000_000])
def test_output_is_cut_to_its_limit_and_counted(small_worker: Worker, output: str) -> None:
    with session(small_worker) as child:
        ran = child.run_cell(f"print({output[0]!r} * {len(output)}, end='')", 1)
        assert len(ran.output) <= 1_000_000
        assert len(ran.output) + ran.discarded == len(output)


def test_a_read_only_argument_says_so_to_whoever_writes_to_it(small_worker: Worker) -> None:
    with session(small_worker) as child:
        child.run_cell("def spoil(x):\n    x[0] = 7\n    return x", 1)
        argument = np.arange(3.0)
        argument.setflags(write=False)
        with pytest.raises(ValueError, match="read-only"):
            child.value("spoil")(argument)
        assert argument[0] == 0


@pytest.mark.parametrize(
    ("odd", "body"),
    [
        ("Odd(Exception):\n    def __str__(self): raise SystemExit", "raise Odd"),
        ("Odd:\n    def __iter__(self): raise KeyboardInterrupt", "return [*Odd()]"),
        ("Odd(BaseException):\n    __traceback__ = property(lambda s: 1/0)", "raise Odd"),
        ("M(type):\n    __name__ = property(lambda s: 1/0)\nclass Odd(Exception, metaclass=M): ...",
         "raise Odd"),
        ("Odd:\n    __class__ = property(lambda s: float)", "return Odd()"),
    ],
    ids=["str", "iter", "traceback", "name", "class"],
)  # fmt: skip
def test_odd_exceptions_and_objects_leave_the_child_able_to_answer(
    small_worker: Worker, odd: str, body: str
) -> None:
    with session(small_worker) as child:
        child.run_cell(f"class {odd}\ndef f():\n    {body}\ndef g():\n    return 1", 1)
        with contextlib.suppress(Exception):  # whatever it was, it is told
            child.value("f")()
        assert child.value("g")() == 1
