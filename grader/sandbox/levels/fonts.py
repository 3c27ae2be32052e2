"""Which fonts matplotlib has found on this machine before.

To look for them takes a worker a tenth of its start, and matplotlib keeps what it found in a folder
that no worker can see: https://matplotlib.org/stable/api/font_manager_api.html.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .view import SYSTEM

LISTS = "fontlist-v*.json"  # one for each version that has run here
MOST_BYTES = 1 << 20


def cache_folder() -> Path | None:
    """Return where matplotlib keeps its list for who runs this, or None without a home."""
    if own := os.environ.get("MPLCONFIGDIR"):
        return Path(own)
    with contextlib.suppress(RuntimeError):
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "matplotlib")
    return None


def lists() -> dict[str, str]:
    """Return the lists by their files' names, with nothing of them but what a worker sees too.

    Fonts in somebody's home are not among them, and their paths would name it.
    """
    folder = cache_folder()
    return {} if folder is None else dict(_shown_lists(folder))


def _shown_lists(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.glob(LISTS)):
        # What cannot be read, or is none, is made anew by the worker.
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            if path.stat().st_size <= MOST_BYTES:
                found = json.loads(path.read_text(encoding="utf-8"))
                for kind in ("ttflist", "afmlist"):
                    found[kind] = [font for font in found[kind] if _is_shown(font)]
                yield path.name, json.dumps(found)


def _is_shown(font: dict[str, Any]) -> bool:
    """Tell whether a font is matplotlib's own, whose path is relative, or the system's."""
    path = Path(font["fname"])
    if ".." in path.parts:
        return False
    return not path.is_absolute() or any(path.is_relative_to(folder) for folder in SYSTEM)
