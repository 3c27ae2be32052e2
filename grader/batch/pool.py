"""Grader processes on this machine as an executor: one that is lost costs the task it had.

`concurrent.futures.ProcessPoolExecutor` gives up all of its processes and tasks when one of them is
killed, and starts the second only when the first is busy; a class with one deadly notebook and a
worker that takes seconds to warm up need the opposite.
"""

import atexit
import contextlib
import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from multiprocessing.connection import Connection
from typing import Any, Protocol

from grader.batch import memory, process, scratch
from grader.errors import (
    GraderError,
    ProcessLostError,
    ProcessStartError,
    WorkerError,
)
from grader.sandbox.levels import cgroup

END_SECONDS = 5.0

# Called in a process before it ends, with True where it must end without waiting for anything.
Finish = Callable[[bool], None]


class Processes(Executor):
    """An executor that knows how many tasks it runs at once, and what it runs them on."""

    slots: int = 1
    offers_cuda: bool | None = None  # None: the grader processes themselves find out
    share_cores: bool = True  # with the grader processes of another such executor


class Pool(Protocol):
    """What opens grader processes: `jobs` of them for any question, or those with a GPU."""

    def __call__(
        self, jobs: int, device: str, /
    ) -> contextlib.AbstractContextManager[Processes]: ...


class LocalProcesses(Processes):
    """Processes of this machine, all started at once; `finish` tidies up in each before it ends.

    One that cannot start (ProcessStartError) is retired and its task given to another; when the
    last one is, every task fails with the reason.
    """

    def __init__(self, jobs: int, finish: Finish) -> None:
        self.slots = jobs
        self._finish = finish
        self._serving = jobs
        self._retiring = threading.Lock()
        self._dead: GraderError | None = None  # why the last process could not start
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._closed = False
        self._processes = [_GraderProcess(finish) for _ in range(jobs)]
        self._threads = [
            threading.Thread(
                target=self._serve, args=(number,), daemon=True, name=f"grader-process-{number}"
            )
            for number in range(jobs)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have one of the processes call a function; ProcessLostError if it ends meanwhile."""
        if self._closed:
            raise WorkerError("The grader processes are closed; start the batch again.")
        task = _Task(fn, args, kwargs)
        with self._retiring:
            if self._dead is not None:
                task.future.set_exception(self._dead)
            else:
                self._tasks.put(task)
        return task.future

    def _serve(self, number: int) -> None:
        """Hand one task after the other to one process, and replace the process when it is lost."""
        while (task := self._tasks.get()) is not None:
            if not task.begin():
                continue
            if self._processes[number].is_lost and not self._closed:
                self._processes[number] = _GraderProcess(self._finish)
            try:
                task.future.set_result(self._processes[number].call(task))
            except ProcessStartError as problem:
                self._retire(task, problem)
                break
            except Exception as problem:  # noqa: BLE001 - it belongs to whoever waits for the task
                task.future.set_exception(problem)
        self._processes[number].end()

    def _retire(self, task: "_Task", problem: ProcessStartError) -> None:
        """Serve no more, and leave the task to another process, if there is one."""
        with self._retiring:
            self._serving -= 1
            if self._serving:
                self._tasks.put(task)
                return
            self._dead = problem.cause
        task.future.set_exception(problem.cause)
        with contextlib.suppress(queue.Empty):
            while (waiting := self._tasks.get_nowait()) is not None:
                if waiting.begin():
                    waiting.future.set_exception(problem.cause)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the processes end when their work is done."""
        if cancel_futures:
            self._cancel()
        if not self._closed:
            self._closed = True
            for _ in self._threads:
                self._tasks.put(None)
        if wait:
            self.join()

    def join(self) -> None:
        """Return when every process has ended; their work must be done or cancelled."""
        for thread in self._threads:
            thread.join()
        scratch.sweep()

    def kill(self) -> None:
        """End the processes at once, whatever they are doing."""
        self._cancel()
        self._closed = True
        for item in self._processes:
            item.terminate()
        for item in self._processes:
            item.kill()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join(END_SECONDS)
        scratch.sweep()

    def _cancel(self) -> None:
        with contextlib.suppress(queue.Empty):
            while (task := self._tasks.get_nowait()) is not None:
                task.future.cancel()


@contextlib.contextmanager
def local_pool(jobs: int, device: str = "cpu") -> Iterator[LocalProcesses]:  # noqa: ARG001
    """Yield grader processes on this machine, and leave none of their processes behind."""
    cgroup.delegated()  # before the processes start, which are then born where they may be capped
    pool = LocalProcesses(jobs, process.finish)
    try:
        yield pool
    except BaseException:
        pool.kill()
        raise
    # The grader processes take their workers apart while the outputs are rendered.
    pool.shutdown(wait=False)
    atexit.register(pool.join)


class _Task:
    """A call to be made, and where its result goes."""

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any) -> None:
        self.call = (function, args, kwargs)
        self.future: Future[Any] = Future()
        self._has_begun = False

    def begin(self) -> bool:
        """Say whether the task is still wanted; one that was given back has begun already."""
        self._has_begun = self._has_begun or self.future.set_running_or_notify_cancel()
        return self._has_begun


class _GraderProcess:
    """One process, and the judge's end of the line to it."""

    def __init__(self, finish: Finish) -> None:
        # A fresh interpreter: a fork of this one would copy its threads' locks.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, finish), name="grader-process")
        with _interrupts_blocked(), _without_the_command():
            self._process.start()
        theirs.close()
        self.is_lost = False

    def call(self, task: _Task) -> Any:
        """Return what the process makes of a task, or raise what it raised."""
        try:
            self._connection.send(task.call)
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
        """Let the process end by itself, and see to it that it does."""
        with contextlib.suppress(OSError):
            self._connection.send(None)
        with contextlib.suppress(ValueError):
            self._process.join(END_SECONDS)
            self._process.kill()
            self._process.join()
            self._process.close()
        self._connection.close()


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Have a process that starts meanwhile begin deaf to Ctrl-C, until it sees to that itself."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
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


def _work(connection: Connection, finish: Finish) -> None:
    """Be a grader process: answer calls until there are no more; end with who makes them."""
    memory.end_before_the_command()
    # Ctrl-C is for the batch, which then ends this process and its worker in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setsid"):
        os.setsid()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    _end_with_parent(finish)
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
    finish(False)
    os._exit(0)  # torch takes a while to be taken apart, to no end


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
