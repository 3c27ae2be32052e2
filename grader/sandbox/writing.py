"""Cells that write a file into a child's folder and define nothing."""

import base64
from collections.abc import Iterator

PIECE = 256 * 1024  # bytes of a file that one cell writes; twice that fits into a frame


def cells(name: str, content: bytes) -> Iterator[str]:
    """Yield the sources that write a file, one after the other."""
    for start in range(0, max(1, len(content)), PIECE):
        piece = base64.b64encode(content[start : start + PIECE]).decode()
        mode = "ab" if start else "wb"
        yield (
            "(lambda file: (file.parent.mkdir(parents=True, exist_ok=True), "
            f"file.open({mode!r}).write(__import__('base64').b64decode({piece!r}))))"
            f"(__import__('pathlib').Path({name!r}));"
        )
