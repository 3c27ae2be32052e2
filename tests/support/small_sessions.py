"""Sessions of a worker, with limits by name."""

import time

from grader.model import Limits
from grader.sandbox import Session, Worker


def session(worker: Worker, **limits: float) -> Session:
    chosen = Limits.from_mapping({"cell_seconds": 10, "call_seconds": 10, **limits})
    return worker.session(chosen, deadline=time.monotonic() + 600)
