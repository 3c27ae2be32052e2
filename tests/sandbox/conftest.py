"""What the sandbox's tests share: a small worker, and NumPy prints here as it does by itself."""

from collections.abc import Iterator

import numpy as np
import pytest

from grader.model import Isolation
from grader.sandbox import Worker
from tests.support.keeping_arrays import Student, asked_by_a_case


@pytest.fixture(autouse=True)
def prints_by_itself() -> Iterator[None]:
    """Undo what an import of the package datascience, in any test before, has set for printing."""
    with np.printoptions(legacy=False):
        yield


@pytest.fixture(scope="module")
def small_worker(isolation: Isolation) -> Iterator[Worker]:
    with Worker(isolation=isolation, warm=False) as worker:
        yield worker


@pytest.fixture
def student() -> Iterator[Student]:
    """Yield a notebook with arrays and frames among its names, while a case asks for them."""
    with asked_by_a_case() as found:
        yield found
