"""Whether a process still runs, also where nobody counts those that have ended."""

import contextlib

import psutil


def lives(pid: int) -> bool:
    """Say whether a process runs: what nobody has waited for stays a zombie, and does not."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False
