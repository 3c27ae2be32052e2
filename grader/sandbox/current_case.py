"""The case that is judged at the moment: what it changes, what it shares, and what it was refused.

Between two cases there is none, and only what the next one must know is kept.
"""

from typing import TYPE_CHECKING, Any, NoReturn

from .failures import MAX_FAULT, CannotCrossError
from .live import LiveCase
from .raised import ErrorClasses
from .replaced import Replaced
from .wire.gradients import Gradients
from .wire.shared import Shared

if TYPE_CHECKING:
    from .handover import Changes
    from .seeds import Seeds
    from .session import Session

KEPT_OBJECTS = 10_000  # of earlier cases, before the child forgets them


class CurrentCase:
    """What a session knows of the case that it is asked for.

    changes: None between two cases. live: where the case may do more with the student's objects
    than call them. seeds: the random numbers that it shares with the child. shared: the
    lists, arrays and so on that the case and the child both have; None where each call has its own
    copies. replaced: what the case has put in the place of something, where it asks for more.
    """

    def __init__(self) -> None:
        self.changes: Changes | None = None
        self.live: LiveCase | None = None
        self.seeds: Seeds | None = None
        self.shared: Shared | None = None
        self.gradients = Gradients()
        self.replaced: Replaced | None = None
        self.out_of_step = ""  # why nothing more can be asked in this case
        self._errors = ErrorClasses()
        self._highest = self._forgotten = 0  # numbers of objects of the child's
        self._functions = 0  # of tests that the child was given

    def begin(self, changes: "Changes", seeds: "Seeds | None") -> None:
        """Begin a case that gets values and functions."""
        self.changes, self.seeds, self.out_of_step = changes, seeds, ""

    def open(self, session: "Session", changes: "Changes") -> int:
        """Let the case do more with the student's objects than call them.

        Return the number below which the child may forget objects: those before the last case's.
        """
        self.replaced = Replaced()
        self.shared, self.gradients = Shared(with_arrays=True), Gradients()
        self.live = LiveCase(session, changes, self._errors, self._functions)
        if self._highest - self._forgotten > KEPT_OBJECTS:
            self._forgotten = self._highest
        return self._forgotten

    def end(self) -> None:
        """End the case; its references are of no use from now on."""
        self.changes = self.seeds = self.replaced = None
        if self.live is not None:
            self._highest = max(self._highest, self.live.highest + 1)
            self._functions = self.live.next_function
            self.live.is_over, self.live = True, None

    def is_theirs(self, container: Any) -> bool:
        """Say whether a list or array that the case has came from the student's process."""
        number = None if self.shared is None else self.shared.number_of(container)
        return number is not None and number < 0

    def refuse(self, sentence: str) -> NoReturn:
        """Note that the case has asked for what cannot be asked of the child; CannotCrossError."""
        if self.changes is not None and sentence not in self.changes.refusals:
            self.changes.refusals.append(sentence[:MAX_FAULT])
        raise CannotCrossError(sentence)

    def note(self, sentence: str) -> None:
        """Note of a case that asks for more than calls that something could not cross."""
        if self.live is None or self.changes is None:
            return
        if sentence[:MAX_FAULT] not in self.changes.refusals:
            self.changes.refusals.append(sentence[:MAX_FAULT])

    def note_replaced(self, name: str) -> None:
        """Note what a case has replaced in this process, and the student's does not have."""
        if self.changes is not None:
            self.changes.replaced.add(name)
