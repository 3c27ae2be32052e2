"""How names and scores are written, whatever a student put into them."""

import hashlib
import re
import unicodedata

from grader.model import Isolation, Status

LONGEST_STEM = (
    60  # bytes of a file name; well under any file system's limit with a hash and a suffix
)
SAFE = re.compile(r"[a-z0-9][a-z0-9_-]*(?:\.[a-z0-9_-]+)*")
RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")  # by Windows
ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
REDIRECTS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
GLYPHS = {
    Status.PASSED: "✓",
    Status.PENDING: "…",
    Status.FAILED: "✗",
    Status.ERROR: "!",
    Status.TIMEOUT: "◷",
    Status.KILLED: "†",
    Status.UNGRADED: "?",
}


def shown(text: str) -> str:
    """Return text on one line with every control, bidirectional mark and surrogate visible."""
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character in REDIRECTS or unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}:
        return character.encode("unicode_escape").decode("ascii")
    return character


def lines(text: str) -> str:
    """Return text for a page: lines kept, terminal colours dropped, other controls visible."""
    kept = ANSI.sub("", text).replace("\r\n", "\n").expandtabs(4)
    return "\n".join(shown(line) for line in kept.split("\n"))


def number(value: float) -> str:
    """Return points as a person writes them: `3`, `2.5`, never `2.9999999999999996`."""
    return f"{round(value, 6) + 0.0:.6f}".rstrip("0").rstrip(".")


def isolation_label(isolation: Isolation) -> str:
    """Return the level that was proved, or `UNSANDBOXED` where nothing isolated the code."""
    level = "UNSANDBOXED" if isolation.is_unsandboxed else isolation.level
    return f"{level}, network open" if isolation.network else level


def feedback_name(student: str) -> str:
    """Return a student's file name stem: safe on every file system and no other student's.

    A name that is already safe stays as it is. Any other keeps its letters, of whatever script, and
    gets a `~` and a hash, and no safe name contains a `~`: so two students never share a file,
    whatever their names and the file system's view of case and accents.
    """
    plain = SAFE.fullmatch(student) and not RESERVED.fullmatch(student)
    if plain and len(student) <= LONGEST_STEM:
        return student
    letters = "".join(map(_letter, student[: 4 * LONGEST_STEM]))
    stem = re.sub(r"-{2,}", "-", letters).strip("-")
    short = stem.encode()[:LONGEST_STEM].decode(errors="ignore").strip("-")
    digest = hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{short or 'student'}~{digest}"


def _letter(character: str) -> str:
    """Return a character as a file's name may hold it: without accents, or `-` for no letter."""
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    if plain and re.fullmatch(r"[A-Za-z0-9_]+", plain):
        return plain
    return character if character.isalnum() else "-"
