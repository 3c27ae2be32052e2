"""Run a command as a whole process, and watch the memory of it and of what it starts."""

import contextlib
import math
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

SAMPLE_SECONDS = 0.1
MIB = 2**20
PAGE = resource.getpagesize()


class CommandFailedError(Exception):
    """A measured command did not do its work, so its time means nothing."""


@dataclass(slots=True)
class Memory:
    """Resident bytes of a process, as samples show them."""

    seen: list[tuple[float, int]] = field(default_factory=list)  # seconds of the epoch, bytes

    @property
    def peak(self) -> int:
        """The most that any sample shows."""
        return self.peak_until(math.inf)

    def peak_until(self, moment: float) -> int:
        """The most that any sample before a moment shows."""
        return max((size for when, size in self.seen if when < moment), default=0)


@dataclass(slots=True)
class Finished:
    """What one run of a command took: seconds by the clock, and memory by process id."""

    began: float  # of the epoch
    seconds: float
    pid: int
    processor: float = 0.0  # seconds of it, with those of all processes that were waited for
    memory: dict[int, Memory] = field(default_factory=dict)
    # The kernel's own mark of what each process that the command started itself had at most.
    highest: dict[int, int] = field(default_factory=dict)

    @property
    def judge_mib(self) -> float:
        """The largest that a process which the command started itself, such as a judge, became."""
        return max(self.highest.values(), default=0) / MIB

    def parent_mib(self, until: float = math.inf) -> float:
        """The peak of the command's own process, up to a moment of the epoch."""
        return self.memory[self.pid].peak_until(until) / MIB if self.pid in self.memory else 0.0

    @property
    def worker_mib(self) -> float:
        """The peak of the largest process that lived for at least half of the command."""
        longest = max((len(item.seen) for item in self.memory.values()), default=0)
        lasting = [
            item.peak
            for pid, item in self.memory.items()
            if pid != self.pid and 2 * len(item.seen) >= longest
        ]
        return max(lasting, default=0) / MIB


def grader_command() -> list[str]:
    """Return the installed command, or else the module."""
    script = Path(sys.executable).with_name("grader")
    return [str(script)] if script.is_file() else [sys.executable, "-m", "grader"]


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """Return a command's environment, in which Python keeps what it compiles.

    An installation has its bytecode; a checkout has it from the first run on.
    """
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | (extra or {})


def run(
    command: Sequence[str | Path],
    *,
    folder: Path | None = None,
    watch_memory: bool = False,
    good: Sequence[int] = (0,),
    extra: dict[str, str] | None = None,
) -> Finished:
    """Run a command to its end; CommandFailedError with its last words where it fails."""
    with tempfile.TemporaryFile() as words:
        began, started = time.time(), time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            env=environment(extra),
        )
        finished = Finished(began, 0.0, process.pid)
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(finished, ended))
        if watch_memory:
            watcher.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            finished.processor = used.ru_utime + used.ru_stime
        finally:
            ended.set()
            process.kill()
        finished.seconds = time.perf_counter() - started
        if watch_memory:
            watcher.join()
        if process.returncode not in good:
            words.seek(0)
            last = words.read().decode("utf-8", "replace")[-1500:]
            raise CommandFailedError(f"{command[0]} ended with {process.returncode}:\n{last}")
    return finished


def run_together(commands: Sequence[Sequence[str | Path]], jobs: int, **options: object) -> float:
    """Run commands, `jobs` at a time, and return the wall seconds of all of them."""
    from concurrent.futures import ThreadPoolExecutor

    started = time.perf_counter()
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda command: run(command, **options), commands))  # type: ignore[arg-type]
    return time.perf_counter() - started


def _watch(finished: Finished, ended: threading.Event) -> None:
    while not ended.wait(SAMPLE_SECONDS):
        for pid in _children(finished.pid):
            finished.highest[pid] = max(finished.highest.get(pid, 0), _highest(pid))
        for pid in _family(finished.pid):
            resident = _resident(pid)
            if resident:
                finished.memory.setdefault(pid, Memory()).seen.append((time.time(), resident))


def _family(root: int) -> list[int]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                # The name, in parentheses, may hold spaces.
                rest = (entry / "stat").read_text().rpartition(")")[2].split()
                children.setdefault(int(rest[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _highest(pid: int) -> int:
    with contextlib.suppress(OSError, IndexError, ValueError):
        return 1024 * int(Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1].split()[0])
    return 0


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    return 0
