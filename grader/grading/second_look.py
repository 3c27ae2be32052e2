"""Whether what ended a child may have been the machine's doing, and so is judged once more alone.

Processor time is a program's own but for a part: two that share a core, its caches or the memory's
bandwidth slow each other down, a hypervisor's other guests do, and who waits for a GPU by asking it
spends processor time on what others do there. So who has used all of it beside others is looked at
once more with nothing beside them. Who has used all of it alone would use it again.
"""

from enum import Enum

from grader.sandbox.endings import EndedBy


class Look(Enum):
    """How a submission is judged: whether others are meanwhile, and whether it will be again."""

    BESIDE = "beside others; what may be the machine's doing is judged once more alone"
    ALONE = "alone; what may be the machine's doing is judged once more"
    LAST = "whatever it comes to counts"

    @property
    def is_first(self) -> bool:
        """Whether what is in doubt will be judged once more."""
        return self is not Look.LAST


def is_in_doubt(by: EndedBy, look: Look, *, shares_more: bool) -> bool:
    """Say whether a child that ended so might not have, with the machine for itself.

    shares_more: whether it may wait for what is not its own, as a GPU or the network.
    """
    match by:
        case EndedBy.DELAY | EndedBy.SOMEBODY:
            return True
        case EndedBy.PROCESSOR:
            return look is Look.BESIDE
        case EndedBy.WAITING:
            return shares_more
    return False
