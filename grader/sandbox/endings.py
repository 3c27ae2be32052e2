"""What ends a child, as far as it decides whether it would end again elsewhere or later."""

import signal
from enum import Enum


class EndedBy(Enum):
    """What a child has ended by."""

    ITSELF = "an exit, a broken protocol, or a limit that no time decides"
    PROCESSOR = "all the processor time that it had"
    WAITING = "all its time by the clock, in which nothing but itself kept it from its work"
    DELAY = "all its time by the clock, in which it also waited for a processor or a disk"
    CRASH = "a signal that is sent where memory or an instruction is not as it should be"
    SOMEBODY = "SIGKILL from nobody here, as the kernel sends where a machine is out of memory"


CLOSED = "the notebook's process closed its connection to the judge"

# abort() is what an allocator calls that finds its own lists written over.
CRASHES = frozenset(
    {
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGILL,
        signal.SIGFPE,
        signal.SIGABRT,
        signal.SIGTRAP,
    }
)


def by_signal(number: int) -> EndedBy:
    """Return what a signal ended a child by."""
    if number == signal.SIGXCPU:
        return EndedBy.PROCESSOR
    if number == signal.SIGKILL:
        return EndedBy.SOMEBODY
    return EndedBy.CRASH if number in CRASHES else EndedBy.ITSELF
