"""The moments that nbgrader writes, in names and in files."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from grader.submissions.sources import Entry, RejectedError

STAMP = "timestamp.txt"
STAMP_BYTES = 200


def moment_in(entry: Entry | None) -> str | None:
    """Return what a `timestamp.txt` says; a moment nobody can read is no reason to refuse."""
    try:
        return parsed(entry.read(STAMP_BYTES).decode("ascii")) if entry else None
    except (RejectedError, UnicodeDecodeError):
        return None


def parsed(text: str) -> str | None:
    """Return ISO 8601 for `2015-02-02 15:58:23.948203 America/Los_Angeles`, or None."""
    text = text.strip()
    try:
        date, _, zone = text.rpartition(" ")
        if re.search(r"\d$", zone):  # the time itself, or an offset that fromisoformat reads
            return datetime.fromisoformat(text.replace(" +", "+").replace(" -", "-")).isoformat()
        return datetime.fromisoformat(date).replace(tzinfo=ZoneInfo(zone)).isoformat()
    except (ValueError, OSError, KeyError):
        return None
