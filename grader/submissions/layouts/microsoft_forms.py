"""Microsoft Forms' uploads: `softmax_Ada Lovelace.ipynb`, the responder behind the file's name."""

from collections.abc import Iterator

from grader.submissions.claims import Claim, Layout, Refusal, View
from grader.submissions.shared_names import BEHIND, read_shared


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read the names behind the name that the files share."""
    return read_shared(view, "_", BEHIND, "Microsoft Forms")


LAYOUT = Layout("a Microsoft Forms download", read, weight=0.8)
