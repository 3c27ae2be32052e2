"""Assignments that were made for otter-grader, as `otter assign` or `otter generate` packs them.

`load` reads an unpacked folder of ours: `tests/`, `files/` and the configuration. `config` says
what becomes of each key, `cases` what a test file declares, `classes` holds otter's own.
"""

from .loading import load

__all__ = ["load"]
