"""Otter's own export zips, whose names are a moment and nobody: a student a zip."""

from collections.abc import Iterator

from grader.submissions.claims import Claim, Layout, Refusal, View, stray
from grader.submissions.names import EXPORTED, is_export, iso


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read `softmax_2026_11_01T10_00_00_123456.zip`; only the file's name tells it from others."""
    for parts, entry in view.places:
        found = EXPORTED.match(entry.stem)
        if len(parts) == 1 and entry.suffix == ".zip" and is_export(entry.stem) and found:
            digits = found["moment"].replace("T", "_").split("_")
            yield Claim(entry.stem, entry, received=iso(tuple(int(part) for part in digits[:6])))
        else:
            yield stray(entry, "otter")


LAYOUT = Layout("a folder of otter's exports", read, weight=0.8)
