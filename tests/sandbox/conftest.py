"""What the sandbox's tests share: NumPy prints here as it does by itself."""

from collections.abc import Iterator

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def prints_by_itself() -> Iterator[None]:
    """Undo what an import of the package datascience, in any test before, has set for printing."""
    with np.printoptions(legacy=False):
        yield
