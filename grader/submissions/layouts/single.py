"""One student's folder, zip or files: all of it is theirs. Taken only where somebody names it."""

from collections.abc import Iterator

from grader.submissions.claims import Claim, Layout, Refusal, View


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read everything as handed in by one student, who is called as the folder or the zip is."""
    for _, entry in view.places:
        yield Claim(view.source.stem, entry)


LAYOUT = Layout("one student's files", read, weight=0.0)
