"""What this machine and this user offer to an isolation level."""

import contextlib
import functools
import os
import platform
import shutil
import sys


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
