"""The files in a child's folder: the course's own, laid out before it runs, and what it then has.

Executed from source in the worker, which has the course's in a folder that no child may read.
"""

import os
import shutil
import time
import zlib
from typing import Any

MOST_FILES = 1_000  # that are listed
MOST_SUMMED = 16 << 20  # bytes of a file whose content is looked at to see that it has changed
# A file system's clock may stand still that long: what is written meanwhile has the same time.
CLOCK_NS = 100_000_000
Measured = tuple[int, int]  # bytes, files and folders


def measure(folder: str) -> Measured:
    """Return what a copy of a folder takes in a file system of pages."""
    size = count = 0
    page = os.sysconf("SC_PAGE_SIZE")
    for _, folders, names, number in os.fwalk(folder) if folder else ():
        count += len(folders) + len(names)
        for name in names:
            size += -(-os.stat(name, dir_fd=number).st_size // page) * page
    return size, count


def lay_out(source: str, target: str, uid: int | None = None) -> None:
    """Copy what lies in one folder into another, for a child that will be `uid`."""
    with os.scandir(source) as entries:
        for entry in entries:
            place = f"{target}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                os.mkdir(place)  # noqa: PTH102 - a child waits for it
                lay_out(entry.path, place, uid)
            else:
                shutil.copyfile(entry.path, place)
            if uid is not None:
                os.chown(place, uid, uid)


def checksum(path: str, seen: os.stat_result) -> int:
    """Return a sum of what a file holds where its time does not yet tell a later change, or 0."""
    if time.time_ns() - seen.st_mtime_ns > CLOCK_NS or seen.st_size > MOST_SUMMED:
        return 0
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as below
            return zlib.crc32(file.read(MOST_SUMMED))
    except OSError:
        return 0


def listed(folder: str) -> list[tuple[str, int, int, int]]:
    """Return the files in a folder and those below.

    Each with its name, its bytes, when it changed last in ns, and its checksum.
    """
    found: list[tuple[str, int, int, int]] = []
    for top, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for file in sorted(names):
            path = os.path.join(top, file)  # noqa: PTH118 - as above
            if not file.startswith(".") and not os.path.islink(path):  # noqa: PTH114
                seen = os.stat(path)  # noqa: PTH116
                name = os.path.relpath(path, folder)
                found.append((name, seen.st_size, seen.st_mtime_ns, checksum(path, seen)))
        if len(found) >= MOST_FILES:
            break
    return found[:MOST_FILES]


def content(folder: str, name: str) -> Any:
    """Return a file's bytes as an array."""
    import numpy as np

    return np.fromfile(f"{folder}/{name}", dtype=np.uint8)


def write(folder: str, name: str, content: Any) -> None:
    """Give a file the bytes of an array, or remove it for None; make a folder of "name/"."""
    path = f"{folder}/{name}"
    if name.endswith("/"):
        os.makedirs(path, exist_ok=True)  # noqa: PTH103 - as above
        return
    if content is None:
        if os.path.isfile(path):  # noqa: PTH113 - as above
            os.remove(path)  # noqa: PTH107 - as above
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - as above
    content.tofile(path)
