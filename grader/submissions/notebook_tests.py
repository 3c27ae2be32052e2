"""The tests that a notebook holds in its metadata, and what was handed out beside it."""

import json
import os
import re
from itertools import islice
from pathlib import Path
from typing import Any

from grader.course import beside
from grader.course.otter import config
from grader.renderers.text import feedback_name
from grader.submissions.sources import Entry, open_file, open_path

HANDED_OUT = 300  # files of an assignment's folder
NOT_HANDED_OUT = frozenset(
    {"tests", config.NAME, config.SCRIPT, *config.REQUIREMENTS, "__pycache__"}
)


def metadata(content: bytes, key: str = "otter") -> dict[str, Any]:
    """Return what somebody keeps in a notebook's metadata; nothing where it is no notebook."""
    try:
        found = json.loads(content.decode("utf-8-sig"))["metadata"][key]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def is_in_r(content: bytes) -> bool:
    return str(metadata(content, "kernelspec").get("language")).lower() == "r"


def tests_in(content: bytes) -> dict[str, bytes]:
    """Return the test files that a notebook's metadata holds, as files of the same meaning."""
    held = metadata(content).get("tests")
    if not isinstance(held, dict):
        return {}
    return {
        f"tests/{feedback_name(name)}.py": (
            spec if isinstance(spec, str) else f"OK_FORMAT = True\n\ntest = {spec!r}\n"
        ).encode()
        for name, spec in held.items()
    }


def beside_notebook(content: bytes, path: Path) -> dict[str, Entry]:
    """Return the files that lie beside a notebook, as they were handed out.

    Where other notebooks lie there as well, or very much, it is no folder of this assignment: then
    only those that the notebook names. Folders with notebooks or zips may hold what students
    handed in.
    """
    text = content.decode("utf-8", "replace").replace("\\n", "\n").replace('"', "\n")
    places = [place for place in sorted(path.parent.iterdir())
              if place != path and not place.name.startswith(".")
              and place.name not in NOT_HANDED_OUT]  # fmt: skip
    is_alone = not any(place.suffix in {".ipynb", ".zip"} for place in places) and _is_small(
        path.parent
    )
    found: dict[str, Entry] = {}
    for place in places:
        if place.is_dir():
            if is_alone or re.search(rf"(?<![\w.-]){re.escape(place.name)}/", text):
                entries = open_path(place).entries
                if not any(entry.suffix in {".ipynb", ".zip"} for entry in entries):
                    found |= {f"files/{place.name}/{entry.path}": entry for entry in entries}
        elif place.suffix not in {".ipynb", ".zip", ".pdf"} and (
            is_alone or beside.mentions(text, place.name)
        ):
            found[f"files/{place.name}"] = open_file(place).entries[0]
    return found


def _is_small(folder: Path) -> bool:
    """Say whether a folder holds no more than one that is handed out; it is not walked further."""
    seen = islice((name for _, _, names in os.walk(folder) for name in names), HANDED_OUT + 1)
    return sum(1 for _ in seen) <= HANDED_OUT
