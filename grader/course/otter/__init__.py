"""Assignments that were made for otter-grader, as `otter assign` or `otter generate` packs them.

`load` reads an unpacked folder of ours: `tests/`, `files/` and the configuration. `config` decides
what becomes of each key, `keys` says it in words, `cases` what a test file declares, `packages`
what is missing here; `classes` holds otter's own.
"""

from .loading import load, stated

__all__ = ["load", "stated"]
