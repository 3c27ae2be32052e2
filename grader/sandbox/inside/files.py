"""The files in a child's folder: the course's own, laid out before it runs, and what it then has.

Executed from source in the worker, which has the course's in a folder that no child may read.
"""

import os
import shutil
from typing import Any

MOST_FILES = 1_000  # that are listed
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


def listed(folder: str) -> list[tuple[str, int, int]]:
    """Return the files in a folder and those below: name, bytes, time of the last change in ns."""
    found: list[tuple[str, int, int]] = []
    for top, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = os.path.join(top, name)  # noqa: PTH118 - as above
            if not name.startswith(".") and not os.path.islink(path):  # noqa: PTH114
                seen = os.stat(path)  # noqa: PTH116
                found.append((os.path.relpath(path, folder), seen.st_size, seen.st_mtime_ns))
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
