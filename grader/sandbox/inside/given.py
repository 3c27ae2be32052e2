"""The arrays of one call in a child: what they held before it, and what the call changed.

Executed from source beside student code.
"""

from collections.abc import Iterator

from ..wire.decoding import Decoder


class Given:
    """The arrays among the arguments of one call, and what they held before it."""

    def __init__(self, decoder: Decoder, buffers: list[memoryview]) -> None:
        self._decoder = decoder
        self.arrays = list(decoder.arrays)
        # A bytearray compares as fast as C can.
        self._memory = {number: bytearray(buffers[number]) for number in sorted(decoder.written)}

    def changed_memory(self) -> Iterator[tuple[int, memoryview]]:
        """Yield the number of each buffer whose arrays were written to, and what it holds now."""
        for number, before in self._memory.items():
            after = self._decoder.memory(number)
            if before != after:
                yield number, after
