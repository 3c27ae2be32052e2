"""What a child gives up before it may run student code, and how its processes are kept in view.

Executed from source in the worker.
"""

import os
from typing import Any

WATCH_MS = 50


def prepare_worker(_spec: dict[str, Any]) -> None:
    """Make the worker the adopter of whatever a child leaves behind."""


def fork(_spec: dict[str, Any]) -> int:
    """Fork a child into whatever namespaces the level offers."""
    return os.fork()


def enter(_spec: dict[str, Any]) -> None:
    """Lock this process down for good."""
    os.setsid()


def over_limit(_pid: int, _spec: dict[str, Any]) -> str | None:
    """Return which limit the child's processes broke together, or None."""
    return None


def kill_leftovers(_spec: dict[str, Any]) -> None:
    """Kill and reap every process that the child left behind."""
