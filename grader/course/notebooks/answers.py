"""Find what a student wrote in words, whatever the editor made of the notebook's cells.

The hand-out says where an answer belongs: in the cell of a certain id, below its question, before
the next cell of the lesson. An answer is everything that a student has put there. Its place is
found by the cell's id, in the file or in an editor's metadata, else by the question above it, else
by the nearest cells of the lesson that are still there.
"""

import difflib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from grader.reports import Written

from .cells import CHECK, Cell, Notebook, bound_names
from .pictures import Pictures

MAX_TEXT = 20_000
ALIKE = 0.6  # the share of words that two texts have in common where one is the other, edited
NEARLY_THE_SAME = 0.8  # of two lines of a question, of which one has a correction
LONGEST_COMPARED = 2_000
MOST_COMPARED = 60  # cells in a row that no cell of the lesson divides

NOT_FOUND = (
    "Not found: the answer's cell is not in the notebook, and no cell of the student's own stands "
    "where it belongs. Look into the notebook."
)
UNCHANGED = "Nothing was written: the answer's cell is as it was handed out."
BLANK = "Nothing was written: the answer's cell is empty."

Twins = Sequence[int | None]  # by cell of a student: which cell of the hand-out it was


def find_answers(
    notebook: Notebook, handout: Notebook, questions: Iterable[str]
) -> dict[str, Written]:
    """Return each question's answer, or why there is none: it is never silently empty."""
    places = {
        question: next(
            (n for n, cell in enumerate(handout.every) if f"{question}-answer" in cell.ids), None
        )
        for question in questions
    }
    twins = _twins(notebook.every, handout.every) if places else ()
    return {
        question: _answer_at(notebook, handout, twins, place) for question, place in places.items()
    }


def _answer_at(notebook: Notebook, handout: Notebook, twins: Twins, place: int | None) -> Written:
    if place is None:
        return Written(missing=NOT_FOUND)
    cells = _cells_there(notebook.every, twins, place, len(handout.every))
    placeholder = handout.every[place].source.strip()
    pictures = Pictures()
    parts = [_added_to_the_question(notebook.every, handout.every, twins, place)]
    parts += [pictures.taken_from(_text(cell, placeholder), cell.attachments) for cell in cells]
    text = "\n\n".join(part for part in parts if part)
    if text or pictures.found:
        cut = text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}\n[…]"
        return Written(cut, tuple(pictures.found))
    if not cells:
        return Written(missing=NOT_FOUND)
    is_unchanged = any(cell.source.strip() == placeholder != "" for cell in cells)
    return Written(missing=UNCHANGED if is_unchanged else BLANK)


def _text(cell: Cell, placeholder: str) -> str:
    """Return what a student put into a cell, without the line that asked for it."""
    text = cell.source.strip()
    if placeholder:
        text = text.replace(placeholder, "").strip()
    return f"```python\n{text}\n```" if text and cell.kind == "code" else text


def _cells_there(cells: Sequence[Cell], twins: Twins, place: int, count: int) -> Sequence[Cell]:
    """Return the cells that stand where an answer belongs: its own and the student's beside it."""
    at = {twin: n for n, twin in enumerate(twins) if twin is not None}
    above = next((n for n in range(place - 1, -1, -1) if n in at), -1)
    below = next((n for n in range(place + 1, count) if n in at), count)
    if place in at:
        start, end = at[place], at[place] + 1
        while start and twins[start - 1] is None and cells[start - 1].kind != "code":
            start -= 1
    elif above >= 0:
        start = end = at[above] + 1
    elif below < count:
        start = end = at[below]
        while start and twins[start - 1] is None:
            start -= 1
    else:
        return ()
    while end < len(cells) and twins[end] is None:
        end += 1
    there = cells[start:end]
    # Where as many cells lie between two of the lesson as were handed out, each is what it was.
    is_one_of_several = place not in at and below - above - 1 == len(there) > 1
    return [there[place - above - 1]] if is_one_of_several else there


def _added_to_the_question(
    cells: Sequence[Cell], handed_out: Sequence[Cell], twins: Twins, place: int
) -> str:
    """Return the lines that a student wrote into the cell of the question itself."""
    at = next((n for n, twin in enumerate(twins) if twin == place - 1), None)
    if at is None or not place or cells[at].kind == "code":
        return ""
    asked = [" ".join(line.split()) for line in handed_out[place - 1].source.splitlines()]

    def is_asked(line: str) -> bool:
        line = " ".join(line.split())[:LONGEST_COMPARED]
        return line in asked or bool(difflib.get_close_matches(line, asked, 1, NEARLY_THE_SAME))

    lines = cells[at].source[:MAX_TEXT].splitlines()
    return "\n".join(line for line in lines if not is_asked(line)).strip()


# Which cell of the hand-out a student's cell was.


def _twins(cells: Sequence[Cell], handed_out: Sequence[Cell]) -> Twins:
    """Return for each cell of a student which cell of the hand-out it was, None for their own."""
    twins: list[int | None] = [None] * len(cells)
    free = dict.fromkeys(range(len(handed_out)))

    def claim(at: int, number: int) -> None:
        if twins[at] is None and number in free:
            twins[at] = number
            del free[number]

    by_id = {identity: n for n, cell in enumerate(handed_out) for identity in cell.ids}
    for at, cell in enumerate(cells):
        for identity in cell.ids:
            if identity in by_id:
                claim(at, by_id[identity])
    if not free or None not in twins:  # as it is where no editor has made other ids
        return twins
    for at, number in _same_texts(cells, handed_out):
        claim(at, number)
    for at, number in _code_twins(cells, handed_out):
        claim(at, number)
    for at, number in _edited(cells, handed_out, twins, free):
        claim(at, number)
    return twins


def _same_texts(cells: Sequence[Cell], handed_out: Sequence[Cell]) -> Iterator[tuple[int, int]]:
    """Yield cells whose text is as it was handed out; of a text that repeats, each in its turn."""
    places: dict[str, list[list[int]]] = defaultdict(lambda: [[], []])
    for side, some in enumerate((handed_out, cells)):
        for at, cell in enumerate(some):
            if text := _squeezed(cell):
                places[text][side].append(at)
    for numbers, found in places.values():
        if len(numbers) == len(found) or len(numbers) == 1:
            for at, number in zip(found, numbers, strict=False):
                yield at, number


def _squeezed(cell: Cell) -> str:
    return " ".join(cell.source.split())


def _code_twins(cells: Sequence[Cell], handed_out: Sequence[Cell]) -> Iterator[tuple[int, int]]:
    """Yield cells of code that check the same question or define the same names."""
    by_name: dict[str, int] = {}
    for number, cell in enumerate(handed_out):
        if cell.kind == "code":
            for name in _known_by(cell):
                by_name.setdefault(name, number)
    for at, cell in enumerate(cells):
        if cell.kind == "code":
            for name in sorted(_known_by(cell) & by_name.keys()):
                yield at, by_name[name]


def _known_by(cell: Cell) -> set[str]:
    return {f"check {name}" for name in CHECK.findall(cell.source)} | bound_names(cell.source)


def _edited(
    cells: Sequence[Cell], handed_out: Sequence[Cell], twins: Twins, free: dict[int, None]
) -> Iterator[tuple[int, int]]:
    """Yield the cells that a student has edited, between cells of the lesson that are known."""
    known = [(-1, -1)]
    known += [(at, twin) for at, twin in enumerate(twins) if twin is not None]
    known.append((len(cells), len(handed_out)))
    for (at, number), (next_at, next_number) in pairwise(known):
        left = [n for n in range(number + 1, next_number) if n in free]
        for here in range(at + 1, min(next_at, at + 1 + MOST_COMPARED)):
            for n in left[:MOST_COMPARED]:
                if _are_alike(cells[here], handed_out[n]):
                    yield here, n
                    left = [m for m in left if m > n]
                    break


def _are_alike(one: Cell, other: Cell) -> bool:
    if one.kind != other.kind:
        return False
    mine, given = (_squeezed(cell)[:LONGEST_COMPARED] for cell in (one, other))
    if given and given in mine:
        return True
    words, asked = set(mine.split()), set(given.split())
    return len(words & asked) > ALIKE * max(len(words), len(asked))
