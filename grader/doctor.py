"""Say what this machine can do, on one screen: isolation, GPU, versions, what to install."""

from collections.abc import Callable

from grader import lane
from grader.sandbox.session import Worker


def examine(say: Callable[[str], None]) -> bool:
    """Say it, and return whether this machine may grade."""
    found = lane.environment()
    say(f"grader {found.grader}, Python {found.python}, {found.platform}")
    for name in ("numpy", "torch", "triton"):
        say(f"  {name}: {getattr(found, name) or 'not installed'}")
    with Worker() as worker:
        worker.wait_until_ready()
        say(f"isolation: {worker.isolation.level}")
        for probe, result in worker.isolation.probes.items():
            say(f"  {probe}: {result}")
        return worker.isolation.level != "none"
