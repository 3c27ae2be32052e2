"""Ends a child that holds more of a GPU's memory than a submission may, where the driver tells.

The kernel counts none of that memory as the process's own, so no limit of its own holds it.
"""

import contextlib
import os
import signal
import threading

from grader import machine

from .inside.usage import below

EVERY_SECONDS = 0.25


class GpuMemoryWatch:
    """Looks at what the processes below a worker hold of the GPU, until it is stopped."""

    def __init__(self, worker_pid: int, limit: int) -> None:
        self._worker_pid = worker_pid
        self._limit = limit
        self._stop = threading.Event()
        self.exceeded = False
        self._thread = threading.Thread(target=self._watch, daemon=True, name="gpu-memory")
        self._thread.start()

    def _watch(self) -> None:
        with machine.management_library():
            self._look_until_stopped()

    def _look_until_stopped(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            held = machine.gpu_memory_by_process()
            pids = [pid for pid in below(self._worker_pid) if pid in held]
            if sum(held[pid] for pid in pids) > self._limit:
                self.exceeded = True
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

    def stop(self) -> bool:
        """Stop looking, and say whether the limit was exceeded."""
        self._stop.set()
        self._thread.join()
        return self.exceeded
