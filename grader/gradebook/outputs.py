"""Write everything that a store renders to: each file whole or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.errors import StoreError, UsageError
from grader.gradebook import manual
from grader.model import Gradebook, Status
from grader.renderers import (
    canvas,
    feedback,
    grades_csv,
    gradescope,
    report,
    results_json,
)
from grader.renderers.text import feedback_name, shown

STORE_NAME = "grades.db"
MANUAL_NAME = "manual.csv"
REPORT_NAME = "report.html"
CANVAS_NAME = "canvas.csv"
LISTED = 10  # of what is named in a note
# The others can be rendered again in a moment, and there may be thousands of them.
DURABLE = frozenset({"results.json", "grades.csv"})


@dataclass(frozen=True, slots=True)
class Written:
    """The files as they are now, the most readable one last, and what a person must know."""

    paths: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def written_in(out: Path) -> list[str]:
    """Return the names of the other outputs that lie beside the report."""
    names = ("results.json", "grades.csv", CANVAS_NAME, MANUAL_NAME, STORE_NAME)
    folders = ("feedback", "gradescope")
    files = [name for name in names if (out / name).is_file()]
    return files + [f"{name}/" for name in folders if (out / name).is_dir()]


def write(book: Gradebook, out: Path) -> Written:
    """Write the outputs of a class under `out`; what did not change is left alone."""
    notes = list(_answers_not_found(book))
    sheet = manual.render(book)
    if sheet is not None:
        path = out / MANUAL_NAME
        if waiting := _unread(path, book):
            notes.append(
                f"{path} has scores that are not read in yet ({waiting} new), so it was left as it "
                f"is; run `grader manual {out}`."
            )
        else:
            _write(path, sheet)
            _write(manual.beside(path), sheet)  # after it: what it does not say yet is no news
    paths = [_write(out / name, text) for name, text in _texts(book)]
    return Written(tuple(paths), tuple(notes))


def _answers_not_found(book: Gradebook) -> Iterator[str]:
    """Name whose notebooks a person has to look into, since an answer's place is not in them."""
    found = [
        f"{shown(report.student)} {shown(item.name)}"
        for report in book.reports
        for item in report.questions
        if item.written.searched and item.status is Status.PENDING
    ]
    if found:
        more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
        yield (
            f"{len(found)} written answers were not found where they belong: "
            f"{', '.join(found[:LISTED])}{more}. Look into the notebooks, and give their scores in "
            f"{MANUAL_NAME} all the same."
        )


def write_canvas(book: Gradebook, out: Path, template: Path, column: str | None) -> Written:
    """Write `canvas.csv` in the form of the instructor's own gradebook export.

    UsageError where the template cannot be read or is no such export.
    """
    try:
        text = template.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(
            f"{template} cannot be read: {problem}. Export the gradebook in Canvas and give that."
        ) from problem
    filled = canvas.render(book, text, column=column)
    return Written((_write(out / CANVAS_NAME, filled.text),), filled.notes)


def _texts(book: Gradebook) -> Iterator[tuple[str, str]]:
    yield "results.json", results_json.render(book)
    yield "grades.csv", grades_csv.render(book)
    for name, text in feedback.render_all(book):
        yield f"feedback/{name}", text
    for item in book.reports:
        yield (
            f"gradescope/{feedback_name(item.student)}/results.json",
            gradescope.render(item, book),
        )
    yield REPORT_NAME, report.render(book)


def _unread(path: Path, book: Gradebook) -> int:
    """Return how many lines a person filled in that the store does not hold."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return 0
    except (OSError, UnicodeDecodeError):
        return 1
    return manual.unread(text, book, path.name, written=manual.as_written(path))


def _write(path: Path, text: str) -> Path:
    data = text.encode("utf-8", "backslashreplace")
    try:
        if _holds(path, data):
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, data)
    except OSError as problem:
        raise StoreError(
            f"{path} could not be written: {problem}. The grades are safe in {STORE_NAME}; "
            f"free some space and run `grader report {path.parent}`."
        ) from problem
    return path


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except FileNotFoundError:
        return False


def _replace(path: Path, data: bytes) -> None:
    """Put the data where the file is, in one step; two at once cannot mix theirs."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if path.name in DURABLE:
                os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
