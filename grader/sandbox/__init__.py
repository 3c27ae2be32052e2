"""Runs student code where it can do no harm, and hands its values to the judge.

`choose_isolation` proves what this machine can offer. A `Worker` of that isolation is a warm
process; its `session` forks a child that holds one notebook, and a `Session` calls what is defined
there. Nobody but this package starts a process for student code.

    session, worker, proxies, failures   the judge's side
    conversation, arguments, answers, current_case, child_files   what a session is made of
    references, live, raised, kinds, libraries   what a case may ask of a student's objects
    bench, decoys   what a call is made of, run where no student's cell ever ran
    wire      runs on both sides: every message, and the values in them
    inside    runs beside student code, with `wire` and nothing else of ours
    levels    what a level is made of
    proof     whether a level holds on this machine

Each name is imported when it is first asked for: the command line knows the package before it
needs any of it, and `inside` is used where nothing but torch is installed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .answers import CellResult
    from .failures import (
        CannotCrossError,
        ChildEnded,
        MissingNameError,
        StudentError,
        TransferError,
    )
    from .proof.probes import choose_isolation
    from .proxies import StudentFunction, StudentObject
    from .session import Session
    from .wire.protocol import Failure
    from .worker import Worker

__all__ = [
    "CannotCrossError", "CellResult", "ChildEnded", "Failure", "MissingNameError", "Session",
    "StudentError", "StudentFunction", "StudentObject", "TransferError", "Worker",
    "choose_isolation",
]  # fmt: skip

_PLACES = {
    "answers": ("CellResult",),
    "failures": (
        "CannotCrossError",
        "ChildEnded",
        "MissingNameError",
        "StudentError",
        "TransferError",
    ),
    "proof.probes": ("choose_isolation",),
    "proxies": ("StudentFunction", "StudentObject"),
    "session": ("Session",),
    "wire.protocol": ("Failure",),
    "worker": ("Worker",),
}


def __getattr__(name: str) -> Any:
    for place, names in _PLACES.items():
        if name in names:
            return getattr(import_module(f".{place}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
