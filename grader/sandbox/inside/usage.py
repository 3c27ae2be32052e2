"""What a child's processes use together.

The worker is the adopter of every orphan below it: whatever a child starts stays among the
worker's descendants, and the worker starts nothing else.
"""

import contextlib
import os
from collections.abc import Iterator

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
BLOCK = 512
MAX_FILES = 16_384
# Bytes written may be rewritten; this many times the scratch folder's size no notebook writes.
REWRITES = 4


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - twenty times a second
            with contextlib.suppress(OSError):
                text = _read(f"/proc/{pid}/task/{task}/children")
                found.extend(int(number) for number in text.split())
    return found


def _read(path: str) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 1 << 16).decode("ascii", "replace")
    finally:
        os.close(descriptor)


def _all_parents() -> dict[int, list[int]]:
    """Map each process to its children, for a kernel without /proc/*/task/*/children."""
    below: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - likewise
        if name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                parent = int(_read(f"/proc/{name}/stat").rpartition(")")[2].split()[1])
                below.setdefault(parent, []).append(int(name))
    return below


def below(of: int) -> Iterator[int]:
    """Yield every process below one as it is found, so that a bomb can be defused on the way."""
    listed = os.path.exists(f"/proc/self/task/{os.getpid()}/children")  # noqa: PTH110
    parents = {} if listed else _all_parents()
    queue = [of]
    seen = {of}
    while queue:
        pid = queue.pop()
        for child in _children(pid) if listed else parents.get(pid, []):
            if child not in seen:
                seen.add(child)
                queue.append(child)
                yield child


def _held(pid: int) -> int:
    """Return the bytes that a process has resident, with the pages that its tables take."""
    fields = _read(f"/proc/{pid}/status")
    return _kib(fields, "VmRSS:") + _kib(fields, "VmPTE:")


def _kib(text: str, name: str) -> int:
    """Return the bytes of a line such as "VmRSS:  1234 kB"; 0 where there is none."""
    place = text.find(name)
    return 0 if place < 0 else int(text[place + len(name) :].split(None, 1)[0]) * 1024


def _resident(pids: list[int]) -> int:
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError, IndexError, ValueError):
            total += _held(pid)
    return total


def _proportional(pids: list[int]) -> int:
    """Count shared pages once; a process that hides its map counts with all it has."""
    total = 0
    for pid in pids:
        try:
            own = _kib(_read(f"/proc/{pid}/smaps_rollup"), "\nPss:")
            total += own + _kib(_read(f"/proc/{pid}/status"), "VmPTE:")
        except (OSError, IndexError, ValueError):
            total += _resident([pid])
    return total


def memory(pids: list[int], limit: int) -> int:
    """Return the bytes that processes use together; exact only where it is near the limit."""
    used = _resident(pids)
    # Resident sizes count a page once for each process that has it, and are a hundred times
    # cheaper to read: only what exceeds the limit by that measure is worth the exact one.
    return used if used <= limit else _proportional(pids)


def sockets_of_the_network() -> int:
    """Return how many unix sockets this network has, also those that no process has open."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        lines = _read("/proc/self/net/protocols").splitlines()
        # Streams have a line of their own from Linux 5.15 on.
        return sum(int(line.split()[2]) for line in lines if line.startswith("UNIX"))
    return 0


def open_sockets(pids: list[int], enough: int) -> int:
    """Return how many sockets processes have open, each once; 0 where they have few files open."""
    if sum(map(_open_files, pids)) <= enough:
        return 0
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            folder = f"/proc/{pid}/fd"
            for name in os.listdir(folder):  # noqa: PTH208 - as above
                with contextlib.suppress(OSError):
                    link = os.readlink(f"{folder}/{name}")  # noqa: PTH115
                    if link.startswith("socket:"):
                        found.add(link)
    return len(found)


def _open_files(pid: int) -> int:
    folder = f"/proc/{pid}/fd"
    with contextlib.suppress(OSError):
        # Linux 6.2 and later tell by the folder's size.
        return os.stat(folder).st_size or len(os.listdir(folder))  # noqa: PTH116, PTH208
    return 0


def tasks(pids: list[int]) -> int:
    """Return how many threads some processes have together."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += os.stat(f"/proc/{pid}/task").st_nlink - 2  # noqa: PTH116
    return total


def task_numbers(pids: list[int]) -> Iterator[int]:
    """Yield the number of each thread of some processes."""
    for pid in pids:
        with contextlib.suppress(OSError):
            yield from map(int, os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208 - as above


def processor_seconds(pids: list[int], *, reaped: bool = True) -> float:
    """Return the time that processes, and those they waited for, spent on a processor."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError, IndexError, ValueError):
            fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
            ticks += sum(int(field) for field in fields[11 : 15 if reaped else 13])
    return ticks / TICKS


def written(pids: list[int]) -> int:
    """Return the bytes that processes, and those they waited for, sent towards a disk."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError, IndexError, ValueError):
            for line in _read(f"/proc/{pid}/io").splitlines():
                if line.startswith("write_bytes:"):
                    total += int(line.split()[1])
    return total


def stored(folder: str) -> tuple[int, int]:
    """Return the bytes and the number of files below a folder, counting no further than needed.

    What cannot be looked into, because it lies too deep or is closed, counts as too many files.
    """
    size = count = 0
    waiting = [folder]
    while waiting and count <= MAX_FILES:
        try:
            entries = list(os.scandir(waiting.pop()))
        except (FileNotFoundError, NotADirectoryError):  # it has just been removed
            continue
        except OSError:
            return size, MAX_FILES + 1
        count += len(entries)
        for entry in entries:
            try:
                size += entry.stat(follow_symlinks=False).st_blocks * BLOCK
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
            except FileNotFoundError:
                continue
            except OSError:
                return size, MAX_FILES + 1
    return size, count


def unlinked(pids: list[int], folder: str) -> int:
    """Return the bytes of files below a folder that processes have open and no name leads to."""
    found: dict[tuple[int, int], int] = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            place = f"/proc/{pid}/fd"
            for name in os.listdir(place):  # noqa: PTH208 - as above
                with contextlib.suppress(OSError):
                    link = os.readlink(f"{place}/{name}")  # noqa: PTH115
                    if link.startswith(folder) and link.endswith(" (deleted)"):
                        seen = os.stat(f"{place}/{name}")  # noqa: PTH116
                        found[seen.st_dev, seen.st_ino] = seen.st_blocks * BLOCK
    return sum(found.values())
