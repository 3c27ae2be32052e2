"""A student's functions as they stand in the notebook, coloured, and where two of them agree."""

import html
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from markupsafe import Markup
from pygments import lex
from pygments.lexers import PythonLexer
from pygments.token import Token

from grader.course import notebooks
from grader.renderers.text import lines

LONGEST = 40_000  # characters; more is cut, and said so
CLASSES = (
    (Token.Comment, "c"),
    (Token.Literal.String, "s"),
    (Token.Literal.Number, "m"),
    (Token.Keyword, "k"),
)
KGRAM = 25  # tokens that have to agree before anything counts as alike
WINDOW = 1  # every run of tokens is kept: functions are short
ALIKE = 0.6  # of the shorter function
COMMON = 0.25  # of the different functions; what more have in common starts no pair
FEW = 5
MOST_PAIRS = 200


@dataclass(frozen=True, slots=True)
class Alike:
    """Functions with much in common: whose, how much of each, and the lines on which they agree.

    Two that agree in part, or all that are the same but for names and comments.
    """

    students: tuple[str, ...]
    shares: tuple[float, ...]
    lines: tuple[frozenset[int], ...]

    @property
    def is_whole(self) -> bool:
        return not any(self.lines)


def functions(notebook: bytes | None, names: Iterable[str]) -> str:
    """Return the definitions that fill a question's stubs; nothing where there are none."""
    if notebook is None:
        return ""
    found = notebooks.stub_sources(notebook, names)
    text = "\n\n\n".join(found[name] for name in names if name in found)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n# … and more"


def coloured(source: str, marked: frozenset[int] = frozenset()) -> Markup:
    """Return source text as HTML with its lines from 1; those that are marked stand out."""
    parts: list[list[str]] = [[]]
    for kind, text in lex(lines(source), PythonLexer(stripnl=False, ensurenl=False)):
        name = next((name for base, name in CLASSES if kind in base), "")
        for at, piece in enumerate(text.split("\n")):
            if at:
                parts.append([])
            shown = html.escape(piece)
            parts[-1].append(f'<span class="{name}">{shown}</span>' if name and piece else shown)
    rows = (
        f'<span class="hit">{"".join(row)}</span>' if number in marked else "".join(row)
        for number, row in enumerate(parts, 1)
    )
    # Every piece of it is escaped above.
    return Markup("\n".join(rows))  # noqa: S704


def alike(sources: Mapping[str, str], handout: str) -> list[Alike]:
    """Return who has most in common beyond the hand-out's own text, those that are the same first.

    By fingerprints of tokens (Schleimer, Wilkerson and Aiken 2003), so that a changed name or
    comment changes nothing. It is a reason to read them, and never a verdict.
    """
    from copydetect import CodeFingerprint, compare_files

    def print_of(source: str) -> Any:
        return CodeFingerprint(
            "source.py", KGRAM, WINDOW, language="python", fp=io.StringIO(source)
        )

    given = print_of(handout).hashes if handout.strip() else set()
    same: dict[str, list[str]] = {}
    prints = {}
    for student, source in sources.items():
        one = print_of(source)
        _leave_out(one, given)
        if one.hashes:
            same.setdefault(one.filtered_code, []).append(student)
            if same[one.filtered_code] == [student]:
                prints[student] = one
    whole = [
        Alike(tuple(who), (1.0,) * len(who), (frozenset(),) * len(who))
        for who in same.values()
        if len(who) > 1
    ]
    whole.sort(key=lambda one: (-len(one.students), one.students))
    found = []
    for first, second in _candidates({name: one.hashes for name, one in prints.items()}):
        _, shares, slices = compare_files(prints[first], prints[second])
        if max(shares) >= ALIKE:
            agree = tuple(
                _lines_of(prints[name].raw_code, part)
                for name, part in zip((first, second), slices, strict=True)
            )
            shown = float(min(shares[0], 1.0)), float(min(shares[1], 1.0))
            found.append(Alike((first, second), shown, agree))
    found.sort(key=lambda one: (-sum(one.shares), one.students))
    return whole + found[:MOST_PAIRS]


def _leave_out(one: Any, given: set[int]) -> None:
    from copydetect.utils import get_token_coverage

    for number in given & one.hashes:
        del one.hash_idx[number]
    one.hashes = one.hashes - given
    one.token_coverage = get_token_coverage(one.hash_idx, one.k, len(one.filtered_code))


def _candidates(hashes: Mapping[str, set[int]]) -> list[tuple[str, str]]:
    """Return the pairs that share enough to be worth comparing, by what is rare in the class."""
    holders: dict[int, list[str]] = {}
    for student, numbers in hashes.items():
        for number in numbers:
            holders.setdefault(number, []).append(student)
    most = max(FEW, int(COMMON * len(hashes)))
    shared: Counter[tuple[str, str]] = Counter()
    rare: Counter[str] = Counter()
    for held in holders.values():
        if len(held) <= most:
            rare.update(held)
            shared.update(combinations(sorted(held), 2))
    return [
        pair for pair, count in shared.items() if count >= ALIKE * min(rare[pair[0]], rare[pair[1]])
    ]


def _lines_of(source: str, slices: Sequence[Any]) -> frozenset[int]:
    found: set[int] = set()
    for start, end in zip(*slices, strict=True):
        first = source.count("\n", 0, int(start)) + 1
        last = first + source[int(start) : int(end)].rstrip().count("\n")
        found |= set(range(first, last + 1))
    return frozenset(found)
