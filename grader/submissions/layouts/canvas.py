"""Canvas's download: every file in one folder, its name made of the student's and two numbers."""

import re
from collections.abc import Iterator

from grader.submissions.claims import Claim, Layout, Refusal, View, stray

# Whoever is graded anonymously has a word in place of name and number.
ANONYMOUS = r"(?P<late>LATE_)?(?P<user>(?P<name>anon_[0-9A-Za-z]+))"
FILES = (
    re.compile(ANONYMOUS + r"_(?P<file>\d+)_(?P<rest>.+)", re.DOTALL),
    re.compile(
        # The name has no part of a number alone, or a file's own numbers would be taken for these.
        r"(?P<name>[^_]+(?:_(?!\d+_|LATE_\d)[^_]+)*)_(?P<late>LATE_)?(?P<user>\d+)_(?P<file>\d+)"
        r"_(?P<rest>.+)",
        re.DOTALL,
    ),
)
# What was typed into Canvas, or linked, in place of a file.
TEXTS = tuple(
    re.compile(who + r"_(?P<rest>(?:text|link)\.html?)")
    for who in (ANONYMOUS, r"(?P<name>.+?)_(?P<late>LATE_)?(?P<user>\d+)")
)
MOMENT = re.compile(r"\d{4}_\d{2}_\d{2}T\d{2}_")  # of otter's export


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read `smithbob_LATE_1234_5678_softmax-1.ipynb`: name, lateness, user and file number."""
    for parts, entry in view.places:
        name = entry.name if len(parts) == 1 else ""
        found = _first(FILES, name)
        if found and not MOMENT.match(entry.name, found.start("user")):
            late = found["late"] is not None
            order = int(found["file"][-18:])
            yield Claim(
                found["name"], entry, found["user"], order=order, late=late, file=found["rest"]
            )
        elif found := _first(TEXTS, name):
            late = found["late"] is not None
            yield Claim(found["name"], entry, found["user"], late=late, file=found["rest"])
        else:
            yield stray(entry, "Canvas")


def _first(patterns: tuple[re.Pattern[str], ...], name: str) -> re.Match[str] | None:
    return next((found for one in patterns if (found := one.fullmatch(name))), None)


LAYOUT = Layout("a Canvas download", read)
