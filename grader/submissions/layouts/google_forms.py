"""Google Forms' uploads: the responder's name behind the file's, `softmax - Ada Lovelace.ipynb`."""

from collections.abc import Iterator

from grader.submissions.claims import Claim, Layout, Refusal, View
from grader.submissions.shared_names import BEHIND, read_shared

FOLDER = "(File responses)"


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read the names behind the files' names, where the files share theirs or lie in its folder."""
    told = FOLDER.casefold() in " ".join([view.source.stem, *view.wrapper]).casefold()
    return read_shared(view, " - ", BEHIND, "Google Forms", told=told)


LAYOUT = Layout("a Google Forms download", read, weight=0.8)
