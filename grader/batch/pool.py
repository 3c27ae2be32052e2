"""Grader processes on this machine as an executor: one that is lost costs the task it had.

`concurrent.futures.ProcessPoolExecutor` gives up all of its processes and tasks when one of them is
killed, and starts the second only when the first is busy; a class with one deadly notebook and a
worker that takes seconds to warm up need the opposite.
"""

import atexit
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Any, Protocol

from grader.batch import ahead, process, scratch
from grader.batch.grader_process import END_SECONDS, Finish, GraderProcess
from grader.errors import (
    GraderError,
    ProcessStartError,
    WorkerError,
)
from grader.sandbox.levels import cgroup


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

    def __init__(self, jobs: int, finish: Finish, first: GraderProcess | None = None) -> None:
        """Start the processes, but for a first one that has started."""
        self.slots = jobs
        self._finish = finish
        self._serving = jobs
        self._retiring = threading.Lock()
        self._dead: GraderError | None = None  # why the last process could not start
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._closed = False
        started = [] if first is None else [first]
        self._processes = [*started, *(GraderProcess(finish) for _ in range(jobs - len(started)))]
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
                self._processes[number] = GraderProcess(self._finish)
            try:
                task.future.set_result(self._processes[number].call(task.call))
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
    pool = LocalProcesses(jobs, process.finish, ahead.take())
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
