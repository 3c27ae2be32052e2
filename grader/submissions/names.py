"""What a name says: a copy's number, the moment of an export, a person or rather a file."""

import re
import unicodedata
from functools import lru_cache

LONGEST = 1_000  # characters of one part of a path; no file system has longer names than 255 bytes
LONGEST_PATH = 4_000
NAMES_KEPT = 20_000  # a class's names are looked at by each layout in turn
# Blanks are bounded, so that no name of thousands of them is searched again from each of them.
COPY = re.compile(
    r"(?:\s{0,3}\(\d{1,4}\)|\s{0,3}[-_ ]\s{0,3}(?:copy|copie|copia|kopie)\s{0,3}\d{0,4})+$",
    re.IGNORECASE,
)
LOOSE_COPY = re.compile(
    r"(?:\s{0,3}\(\d{1,4}\)|[-_ ]{1,3}(?:copy|copie|copia|kopie|final|v?\d{1,9})"
    r"(?:\s{0,3}\d{1,4})?)+$",
    re.IGNORECASE,
)
COPY_OF = re.compile(
    r"^(?:(?:copy of|kopie von|copie de|copia de|cópia de|kopie van|kopi av|kopia)\s{1,3})+",
    re.IGNORECASE,
)
# Otter names its export after the notebook and the moment.
EXPORTED = re.compile(
    r"(?P<base>.+?)_(?P<moment>\d{4}_\d{2}_\d{2}T\d{2}_\d{2}_\d{2}_\d{6})(?=$|\D)", re.DOTALL
)
# What the months begin with in the languages in which platforms write dates, without accents.
MONTHS = {
    start: number
    for number, starts in enumerate(
        ("jan ene gen oca", "feb fev sub", "mar mrt maa", "apr avr abr nis", "may mai maj mag mei",
         "jun juin giu haz", "jul juil lug tem", "aug aou ago agu", "sep set eyl",
         "oct okt out ott eki", "nov kas", "dec dez dic des ara"), 1
    )
    for start in starts.split()
}  # fmt: skip
DATE = re.compile(
    r"(?:(?P<month>[^\W\d_]{3,10})\.? (?P<day>\d{1,2})|"
    r"(?P<day2>\d{1,2})\.?(?: de)? (?P<month2>[^\W\d_]{3,10})\.?(?: de)?),? "
    r"(?P<year>\d{4}),?\s?(?P<time>\d{1,2}[.:]?\d{2})?\s?(?P<half>AM|PM)?",
    re.IGNORECASE,
)
NUMBERED_TRY = re.compile(
    r"(?:version|attempt|submission|try|versuch|abgabe|v)[ _.-]?(\d{1,9})", re.IGNORECASE
)
COLLECTIVE = re.compile(
    r"(?:all|archive|autograder|backups?|bak|copy|drafts?|final|older|old|previous|tries|assignments?|attempts?|class|classes|course|data|documents?|downloads?|"
    r"exercises?|exchange|exports?|files?|folder|gradebook|graded|group|hand-?ins?|homeworks?|hw|"
    r"figures?|grades|images?|inbound|instructions|lab|labs?|list|log|new|notes|pictures?|read|readme|notebooks?|outbound|project|projects?|ps|pset|responses?|results|"
    r"scratch|section|sections?|solutions?|src|students?|submissions?|submitted|task|tasks?|temp|"
    r"roster|rubric|screenshots?|syllabus|tests?|tmp|untitled|uploads?|version|versions?|week|work|zips?|abgaben?|übung(?:en)?|"
    r"gruppe|klasse|kurs|drive|file responses)"
)
WORD = re.compile(r"[^\W\d_]+")


def composed(text: str) -> str:
    """Return a name as text that can be stored: composed, undecodable bytes escaped."""
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return unicodedata.normalize("NFC", text) if len(text) <= LONGEST_PATH else text


def without_copy_mark(stem: str) -> str:
    """Return `softmax` for `softmax (2)`, `softmax-Copy1` and `Copy of softmax`."""
    return COPY.sub("", COPY_OF.sub("", stem)) or stem


@lru_cache(NAMES_KEPT)
def without_number(stem: str) -> str:
    """Return `softmax` also for `softmax-1` and `softmax_final`, where one student's files lie."""
    return LOOSE_COPY.sub("", COPY_OF.sub("", stem)) or stem


def copy_number(stem: str) -> int:
    """Return 2 for `softmax (2)`, 1 for `Copy of softmax` and 0 for `softmax`."""
    bare = COPY_OF.sub("", stem)
    marks = re.findall(r"\d+", bare[len(without_number(bare)) :])
    return int(marks[-1][-9:]) if marks else int(bare != stem)


def without_moment(stem: str) -> str:
    """Return `softmax` for otter's `softmax_2026_11_01T10_00_00_123456`, with what follows it."""
    found = EXPORTED.match(stem)
    return found["base"] + stem[found.end() :] if found else stem


def is_export(stem: str) -> bool:
    """Say whether a file is named as otter names its exports, after nobody."""
    return EXPORTED.fullmatch(without_copy_mark(stem)) is not None


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """Return a key that sorts `Version 10` after `Version 2`."""
    parts = re.split(r"(\d{1,18})", text)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)


def try_number(folder: str) -> int | None:
    """Return 10 for a folder called `Version 10`, None for any other."""
    found = NUMBERED_TRY.fullmatch(folder)
    return int(found[1]) if found else None


def moment_of(text: str) -> tuple[int, ...]:
    """Return year, month, day, hour and minute of `Nov 5, 2026 1015 AM`, or nothing."""
    found = DATE.search(text[:LONGEST])
    if not found:
        return ()
    month = _month(found["month"] or found["month2"])
    if month is None:
        return ()
    digits = re.sub(r"\D", "", found["time"] or "").zfill(4)
    hour, minute = int(digits[:2]), int(digits[2:])
    if found["half"]:
        hour = hour % 12 + (12 if found["half"].upper() == "PM" else 0)
    day = int(found["day"] or found["day2"])
    return int(found["year"]), month, day, hour, minute


def _month(word: str) -> int | None:
    """Return the number of a month by its name in any of the languages, None for another word."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return MONTHS.get(plain[:4]) or MONTHS.get(plain[:3])


def iso(moment: tuple[int, ...]) -> str | None:
    """Return ISO 8601 of year, month, day, hour, minute and perhaps second; None of nothing."""
    if len(moment) < len(("year", "month", "day", "hour", "minute")):
        return None
    year, month, day, hour, minute, *rest = moment
    second = rest[0] if rest else 0
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"


@lru_cache(NAMES_KEPT)
def names_nobody(name: str, assignment: str | None) -> bool:
    """Say whether a name looks like a file's or a platform's folder's, not like a person's."""
    stem = re.sub(r"\.(?:ipynb|zip|json|txt)$", "", name.strip(), flags=re.IGNORECASE)
    if stem != name.strip() or EXPORTED.match(stem):
        return True
    base = without_number(stem).casefold()
    if assignment is not None and base == assignment.casefold():
        return True
    words = [word for word in WORD.findall(base) if len(word) > 1]  # section A
    own = set(WORD.findall((assignment or "").casefold()))
    return bool(words) and all(COLLECTIVE.fullmatch(word) or word in own for word in words)
