"""Everything that the page keeps, by one connection; one is opened for each request."""

from grader.gradebook.notebooks_kept import NotebookStore
from grader.gradebook.requests import RequestStore
from grader.gradebook.rubrics import RubricStore


class ReviewStore(RubricStore, NotebookStore, RequestStore):
    """The store, as the page uses it."""
