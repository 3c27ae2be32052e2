"""The isolation levels: what each is made of, in the order of preference, and what it cannot stop.

Probes decide which level a machine has; this module says how a worker of a level is started.
"""

import contextlib
import functools
import os
import platform
import shutil
import sys
from dataclasses import dataclass

STRONG, CONTAINER_UID, SAME_UID, NONE = "strong", "container-uid", "same-uid", "none"
LEVELS = (STRONG, CONTAINER_UID, SAME_UID)

SAME_UID_LANDLOCK = 3  # before it, truncating a file needs no right
SCOPED_LANDLOCK = 6  # from it on, the kernel keeps signals and abstract sockets inside
# What a user's other programs may start meanwhile; the watchdog counts a child's own tasks.
TASKS_SLACK = 64


@dataclass(frozen=True, slots=True)
class KnownGap:
    """Something that a level is known not to stop.

    `attack` names the fixture that shows it, "" where showing it takes a machine of its own.
    """

    levels: tuple[str, ...]
    what: str
    why: str
    attack: str = ""


# Read by the tests, which demand that each gap that has an attack lets it through and no other
# attack gets through, and shown in the README.
KNOWN_GAPS = (
    KnownGap(
        (CONTAINER_UID, SAME_UID),
        "whether a file exists, its size and its times, for somebody who knows its exact path",
        "Landlock does not watch over stat; for another uid the modes of folders do",
        "16_stat_by_exact_path",
    ),
    KnownGap(
        (CONTAINER_UID, SAME_UID),
        "which process numbers are in use",
        "stat of /proc/<number> answers without a process namespace",
        "17_list_other_processes",
    ),
    KnownGap(
        (CONTAINER_UID, SAME_UID),
        "disk beyond the scratch limit for the twentieth of a second until the watchdog looks, and "
        "up to four times the limit in files that are open but unlinked",
        "there is no file system of the right size; one file is bounded at once by RLIMIT_FSIZE",
    ),
    KnownGap(
        (CONTAINER_UID, SAME_UID),
        "the path of an editable installation that lies in the interpreter's own folder",
        "Landlock opens that folder as a whole; in a virtual environment the file is left out",
    ),
    KnownGap(
        (SAME_UID,),
        "tasks beyond their limit, until the watchdog looks",
        "RLIMIT_NPROC counts everything that the user runs, so that it leaves room for it",
    ),
    KnownGap(
        (STRONG, CONTAINER_UID, SAME_UID),
        "memory beyond its limit for the twentieth of a second until the watchdog looks, and, up "
        "to the scratch limit each, files in the scratch folder and /dev/shm of `strong`",
        "one process is bounded at once by RLIMIT_AS, except where a GPU is used",
    ),
    KnownGap(
        (STRONG, CONTAINER_UID, SAME_UID),
        "with a GPU, that a notebook is no longer the first to be ended where memory runs out",
        "the driver names its threads in a folder of /proc that holds this as well",
    ),
    KnownGap(
        (CONTAINER_UID, SAME_UID),
        "with a GPU, the abstract socket name that another submission's driver is about to take",
        "the driver waits under such a name, and only a network of one's own would keep them apart",
    ),
    KnownGap(
        (STRONG, CONTAINER_UID, SAME_UID),
        "a fault of the kernel, or with a GPU of its driver, whose requests are let through",
        "a namespace shares the kernel; a virtual machine would not",
    ),
)


def landlock_abi() -> int:
    """Return the kernel's Landlock version, 0 where there is none."""
    if sys.platform != "linux":
        return 0
    import landlockpy

    return int(landlockpy.abi_version())


@functools.cache
def bubblewrap_program() -> str | None:
    """Return the path of bubblewrap, if it is installed."""
    return shutil.which("bwrap")


def namespaces_count_tasks() -> bool:
    """Tell whether RLIMIT_NPROC counts by user namespace, as it does from Linux 5.14 on."""
    version = platform.release().split(".")
    digits = [int("".join(c for c in part if c.isdigit()) or 0) for part in version[:2]]
    return tuple(digits) >= (5, 14)


def is_root() -> bool:
    """Tell whether this process may become another user."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def tasks_of_this_user() -> int:
    """Return how many threads this user has on the machine, as far as /proc shows them."""
    total, uid = 0, os.getuid()
    for name in os.listdir("/proc"):  # noqa: PTH208 - thousands of names, no need for paths
        if name.isdigit():
            with contextlib.suppress(OSError):
                place = os.stat(f"/proc/{name}/task")  # noqa: PTH116 - likewise
                total += place.st_nlink - 2 if place.st_uid == uid else 0
    return total
