"""Everything that the page keeps, by one connection; one is opened for each request."""

from typing import Any

from grader.gradebook.notebooks_kept import NotebookStore
from grader.gradebook.requests import RequestStore
from grader.gradebook.rubrics import RubricStore


class ReviewStore(RubricStore, NotebookStore, RequestStore):
    """The store, as the page uses it for one request."""

    _fingerprint: tuple[Any, ...] | None = None

    def fingerprint(self) -> tuple[Any, ...]:
        """Return the same for the whole request, which asks for it more than once."""
        if self._fingerprint is None:
            self._fingerprint = super().fingerprint()
        return self._fingerprint
