"""What a test has replaced in its own process, and a student's code in another does not see.

A test of a function that asks for input puts its own `input` in the place of Python's. In the
student's process `input` is what it was, so that such a case says nothing of the answer.
"""

import builtins
import os
import random
import sys
import time
from typing import Any

PLACES: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
    ("builtins", builtins, ("input", "open", "print")),
    ("os", os, ("environ", "getcwd", "listdir")),
    (
        "random",
        random,
        ("choice", "randint", "random", "randrange", "sample", "shuffle", "uniform"),
    ),
    ("sys", sys, ("argv", "stdin")),
    ("time", time, ("sleep", "time")),
)
State = dict[str, Any]


def state() -> State:
    """Return what there is now, by its dotted name."""
    return {
        f"{name}.{one}": getattr(place, one, None) for name, place, ones in PLACES for one in ones
    }


def since(before: State) -> list[str]:
    """Return the names of what is not what it was."""
    now = state()
    return [name for name, value in before.items() if now[name] is not value]
