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
    """Something that a level is known not to stop; `attack` names the fixture that shows it."""

    attack: str
    levels: tuple[str, ...]
    what: str
    why: str


# Read by the tests, which demand that each of these, and nothing else, gets through, and shown in
# the README.
KNOWN_GAPS = (
    KnownGap(
        "16_stat_by_exact_path",
        (CONTAINER_UID, SAME_UID),
        "whether a file exists, its size and its times, for somebody who knows its exact path",
        "Landlock does not watch over stat; file modes do where the uid is another",
    ),
    KnownGap(
        "17_list_other_processes",
        (CONTAINER_UID, SAME_UID),
        "which process numbers are in use",
        "stat of /proc/<number> and kill with signal 0 answer without a process namespace",
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
