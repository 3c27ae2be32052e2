"""The text of a cell as it is sent, and cells that write a file into a child's folder."""

import base64
from collections.abc import Iterator

PIECE = 256 * 1024  # bytes of a file that one cell writes; twice that fits into a frame


def as_sent(source: str) -> str:
    """Return a cell's source without halves of characters, which cannot be sent."""
    return source.encode("utf-8", "replace").decode("utf-8")


def cells(name: str, content: bytes) -> Iterator[str]:
    """Yield the sources that write a file, one after the other; they define nothing."""
    for start in range(0, max(1, len(content)), PIECE):
        piece = base64.b64encode(content[start : start + PIECE]).decode()
        mode = "ab" if start else "wb"
        yield (
            "(lambda file: (file.parent.mkdir(parents=True, exist_ok=True), "
            f"file.open({mode!r}).write(__import__('base64').b64decode({piece!r}))))"
            f"(__import__('pathlib').Path({name!r}));"
        )
