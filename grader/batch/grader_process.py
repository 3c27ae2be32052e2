"""One grader process of this machine: its start, the line to it, and its end.

Little is imported here: a command starts such a process before it does anything else.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

from grader.errors import GraderError, ProcessLostError, WorkerError

END_SECONDS = 5.0
SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM})

# Called in a process before it ends, with True where it must end without waiting for anything.
Finish = Callable[[bool], None]
Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class GraderProcess:
    """One process, and the command's end of the line to it.

    finish: tidies up in the process before it ends; by default what tidies up after judging, and
    then the process imports ahead what judging takes.
    """

    def __init__(self, finish: Finish | None = None) -> None:
        # A fresh interpreter: a fork of this one would copy its threads' locks.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, finish), name="grader-process")
        with _signals_blocked(), _without_the_command():
            self._process.start()
        theirs.close()
        self.is_lost = False
        self._unread = 0  # answers that nobody waits for

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid or 0

    def begin(self, call: Call) -> None:
        """Have the process make a call whose result nobody will ask for, and return at once."""
        with contextlib.suppress(OSError):  # that it is lost shows in the next call
            self._connection.send(call)
            self._unread += 1

    def call(self, call: Call) -> Any:
        """Return what the process makes of a call, or raise what it raised."""
        try:
            self._connection.send(call)
            while self._unread:
                self._connection.recv()
                self._unread -= 1
            done, value, is_last = self._connection.recv()
        except (EOFError, OSError):
            self.is_lost = True
            self._process.join(END_SECONDS)
            code = self._process.exitcode
            self.end()
            raise ProcessLostError(
                f"The process that judged this ended by itself (exit status {code}); "
                "run the same command again."
            ) from None
        if is_last:
            self.is_lost = True
            self.end()
        if not done:
            raise value
        return value

    def terminate(self) -> None:
        """Ask the process to end now; it may be gone already."""
        with contextlib.suppress(ValueError):
            self._process.terminate()

    def kill(self) -> None:
        """End the process whether it wants to or not."""
        with contextlib.suppress(ValueError):
            self._process.join(END_SECONDS / 2)
            self._process.kill()

    def end(self) -> None:
        """Let the process end by itself, and see to it that it does and leaves no files."""
        from grader.batch import scratch

        with contextlib.suppress(OSError):
            self._connection.send(None)
        with contextlib.suppress(ValueError):
            pid = self.pid
            self._process.join(END_SECONDS)
            self._process.kill()
            self._process.join()
            self._process.close()
            scratch.remove_of(pid)  # it may have been killed while it tidied up
        self._connection.close()


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Have a process that starts meanwhile begin deaf to these, until it sees to them itself."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _without_the_command() -> Iterator[None]:
    """Have a process that starts meanwhile not import the script that this one runs."""
    main = sys.modules["__main__"]
    names = main.__dict__
    held: dict[str, Any] = {n: names.pop(n) for n in ("__file__", "__spec__") if n in names}
    names["__spec__"] = None
    try:
        yield
    finally:
        names.update(held)


def _work(connection: Connection, finish: Finish | None) -> None:
    """Be a grader process: answer calls until there are no more; end with who makes them."""
    # Ctrl-C is for the batch, which then ends this process and its worker in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setsid"):
        os.setsid()
    _wait_for_turns()
    tempfile.gettempdir()  # it tries a file, which would be left if this process ended meanwhile
    from grader.batch import memory, process, warm_up

    memory.end_before_the_command()
    _end_with_parent(finish or process.finish)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    if finish is None:
        warm_up.import_ahead(connection.poll)
    while True:
        try:
            order = connection.recv()
        except (EOFError, OSError):
            break
        if order is None:
            break
        done, value = _answer(*order)
        is_last = process.is_spent()
        connection.send((done, value, is_last))
        if is_last:
            break
    (finish or process.finish)(False)
    os._exit(0)  # torch takes a while to be taken apart, to no end


def _wait_for_turns() -> None:
    """Have nothing here, or started here, interrupt what runs when it is woken up.

    Of two processes that answer each other each has then done what it is at before it gives way.
    """
    if hasattr(os, "SCHED_BATCH") and os.sched_getscheduler(0) == os.SCHED_OTHER:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _answer(function: Callable[..., Any], args: Any, kwargs: Any) -> tuple[bool, Any]:
    try:
        return True, function(*args, **kwargs)
    except GraderError as problem:
        return False, problem
    except Exception as problem:  # noqa: BLE001 - one task's fault must not end the process
        return False, WorkerError(f"{type(problem).__name__}: {problem}")


def _end_with_parent(finish: Finish) -> None:
    def leave(*_: object) -> None:
        finish(True)
        os._exit(1)

    signal.signal(signal.SIGTERM, leave)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def wait() -> None:
            parent.join()
            leave()

        threading.Thread(target=wait, daemon=True, name="parent-watch").start()
