"""The containers that a child and the judge both have: the child's side of what is told of them.

Executed from source beside student code.
"""

from typing import Any

from ..wire.decoding import Decoder
from ..wire.encoding import Encoder
from ..wire.nodes import Array, Contents, Made
from ..wire.protocol import Answer, Asked, Raised, Update
from ..wire.shared import Shared, TooMuchError, check_amount
from ..wire.values import ValueRefusedError, refill


class Sharing:
    """Which containers the judge has as well, and what it has not been told of them yet.

    most_items: how many items lists within lists may hold in all.
    """

    def __init__(self, most_items: int) -> None:
        self.table = Shared()
        self._most_items = most_items
        self._dropped: list[int] = []  # of them, what the judge has not been told yet
        self._new: dict[int, Any] = {}  # what it will have once the message at hand is sent

    def start(self, *, of_a_case: bool) -> None:
        """Begin with none: a case begins, or a call whose containers are copies to all others."""
        self.table, self._dropped = Shared(with_arrays=of_a_case), []

    def know(self, new: dict[int, Any]) -> None:
        """Know containers by their numbers from now on."""
        for number, container in new.items():
            self.table.add(number, container)

    def let_go(self) -> None:
        """Forget what no student code holds any more."""
        unheld = self.table.unheld()
        self.table.drop(unheld)
        self._dropped += unheld

    def changed_contents(self, encoder: Encoder) -> list[tuple[int, Contents]]:
        """Return what the containers hold that student code has changed."""
        return [(number, encoder.contents(item)) for number, item in self.table.changed()]

    def end(
        self,
        message: Answer | Raised | Asked,
        encoder: Encoder,
        contents: list[tuple[int, Contents]],
        values: list[Any],
    ) -> None:
        """End a message with what has become of containers; ValueRefusedError if that is endless.

        values: those of the message.
        """
        if encoder.has_repeated or contents:
            known = [self.table[number] for number, _ in contents]
            try:
                check_amount([*known, *values], self._most_items)
            except TooMuchError as problem:
                raise ValueRefusedError(f"it holds lists that hold each other, {problem}") from None
        encoder.seal()
        message.buffers = [buffer.nbytes for buffer in encoder.buffers]
        message.contents = contents
        message.dropped = self._dropped
        self._new = encoder.new

    def sent(self) -> None:
        """Know what the judge has from the message that was just sent."""
        self._dropped = []
        self.know(self._new)
        self._new = {}

    def not_sent(self) -> None:
        """Forget what a message would have told that is not on its way."""
        self._new = {}

    def update(self, message: Update, decoder: Decoder) -> bool:
        """Give containers what the test has put into them; say whether they can share memory."""
        shares_memory = False
        for number, node in message.contents:
            held = decoder.contents(node)
            if number in self.table:
                refill(self.table[number], held)
                shares_memory |= isinstance(node, Array | Made)
        self.know(decoder.new)
        self.table.settle([number for number, _ in message.contents])
        return shares_memory

    def differing(self, theirs: list[int]) -> list[int]:
        """Return what student code still has and differs from what the judge has.

        theirs: the numbers of what the test has changed, and this side was not told of.
        """
        self.let_go()
        here = {*self.table, *self.table.given_up}.intersection(theirs)
        return sorted(here.union(self.table.changed_unseen()))
