"""Collect what students handed in, from any LMS's export, a folder, a zip or a notebook."""

from grader.submissions.collection import Collection, Skipped, collect
from grader.submissions.layouts import LAYOUTS

__all__ = ["LAYOUTS", "Collection", "Skipped", "collect"]
