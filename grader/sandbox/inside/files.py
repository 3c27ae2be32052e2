"""The course's own files, which each child finds beside its notebook as copies of its own.

Executed from source in the worker, which has them in a folder that no child may read.
"""

import os
import shutil

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
