"""Google Classroom's copies: `Ada Lovelace - softmax.ipynb`, the name before the file's."""

from collections.abc import Iterator

from grader.submissions.claims import Claim, Layout, Refusal, View
from grader.submissions.shared_names import BEFORE, read_shared


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read the names before the name that the files share."""
    return read_shared(view, " - ", BEFORE, "Google Classroom")


LAYOUT = Layout("a Google Classroom download", read, weight=0.8)
