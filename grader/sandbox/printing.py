"""How arrays print while a case is judged: as they would beside the notebook that it is of.

The package `datascience` sets NumPy's printing for its whole process. A case about a notebook that
imports it is to see arrays print so, whatever the judge has imported by then, and no other one.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np

_IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t]+datascience\b", re.MULTILINE)
OF_DATASCIENCE: Literal["1.13"] = "1.13"  # NumPy's name for how it printed up to that version


def imports_datascience(source: str) -> bool:
    """Tell whether a cell imports the package."""
    return "datascience" in source and _IMPORT.search(source) is not None


@contextmanager
def printing(*, as_datascience: bool) -> Iterator[None]:
    """Let arrays print as beside such a notebook, and afterwards as before.

    Hardly any case needs a change of these options, which takes as long as a short test.
    """
    wanted: Literal["1.13", False] = OF_DATASCIENCE if as_datascience else False
    before = np.get_printoptions()
    if before["legacy"] != wanted:
        np.set_printoptions(legacy=wanted)
    try:
        yield
    finally:
        if np.get_printoptions() != before:
            np.set_printoptions(**before)
