"""A folder of classes: a folder a section or group, and in each a student a folder or a file."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from grader.submissions.claims import Claim, Layout, Refusal, View, is_candidate, stray
from grader.submissions.evidence import best_of
from grader.submissions.layouts import plain
from grader.submissions.other_kinds import bare_name, may_be_work


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read each folder at the top as a class of its own; namesakes are told by their section."""
    folders = view.folders
    for folder in folders:
        below = view.below(folder)
        for item in best_of(below, without="sections").inside:
            if isinstance(item, Claim) and not item.identity:
                yield replace(item, apart=item.apart or folder)
            else:
                yield item
    for parts, entry in view.places:
        if len(parts) == 1 or parts[0] not in folders:
            alone = len(parts) == 1
            if alone and is_candidate(entry):
                yield Claim(entry.stem, entry)
            elif alone and may_be_work(entry, view.assignment, is_marked=False):
                yield Claim(bare_name(entry), entry)
            else:
                yield stray(entry, "a section")


def start(seen: Sequence[View]) -> View:
    return plain.start(seen)


LAYOUT = Layout("sections", read, weight=0.5, start=start)
