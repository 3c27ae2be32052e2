"""What a student's code prints, kept up to its limits.

Executed from source beside student code.
"""

import contextlib
import io
from collections.abc import Iterator

MAX_ERRORS = 10_000


class LimitedOutput(io.TextIOBase):
    """Keeps what a cell or a call printed up to a limit, and counts what it had to discard."""

    def __init__(self, cell_limit: int, total_limit: int) -> None:
        super().__init__()
        self._cell_limit, self._left = cell_limit, total_limit
        self.start()

    def start(self) -> None:
        """Forget what was printed before."""
        self._parts: list[str] = []
        self._room = min(self._cell_limit, self._left)
        self.discarded = 0

    @contextlib.contextmanager
    def of_one_request(self) -> Iterator[None]:
        """Keep what is printed meanwhile apart; the judge may ask while it is answered."""
        before = self._parts, self._room, self.discarded
        self.start()
        try:
            yield
        finally:
            self._parts, self._room, self.discarded = before

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        kept = text[: self._room]
        if kept:
            self._parts.append(kept)
            self._room -= len(kept)
            self._left -= len(kept)
        self.discarded += len(text) - len(kept)
        return len(text)

    def text(self) -> str:
        return "".join(self._parts)


class ErrorOutput(io.TextIOBase):
    """Standard error: beside a cell's output, and no part of what a call printed."""

    def __init__(self, output: LimitedOutput) -> None:
        super().__init__()
        self._output = output
        self.is_kept = False
        self._text = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.is_kept:
            return self._output.write(text)
        self._text += text[: MAX_ERRORS - len(self._text)]
        return len(text)

    def taken(self) -> str:
        """Return what was printed since the last time."""
        text, self._text = self._text, ""
        return text
