"""Runs student code where it can do no harm, and hands its values to the judge.

`proof.probes.choose_isolation` proves what this machine can offer. A `Worker` of that isolation is
a warm process; its `session` forks a child that holds one notebook, and a `Session` calls what is
defined there. Nobody but this package starts a process for student code.

    session, worker, proxies, failures   the judge's side
    wire      runs on both sides: every message, and the values in them
    inside    runs beside student code, with `wire` and nothing else of ours
    levels    what a level is made of
    proof     whether a level holds on this machine
"""

from .failures import ChildEnded, MissingNameError, StudentError, TransferError
from .proxies import Observation, StudentFunction, StudentObject
from .session import CellResult, Session
from .worker import Worker

__all__ = [
    "CellResult", "ChildEnded", "MissingNameError", "Observation", "Session", "StudentError",
    "StudentFunction", "StudentObject", "TransferError", "Worker",
]  # fmt: skip
