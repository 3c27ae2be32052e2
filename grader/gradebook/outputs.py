"""Write everything that a store renders to: each file whole or not at all."""

import codecs
import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from grader.errors import StoreError, UsageError
from grader.gradebook import manual
from grader.model import Status
from grader.renderers import (
    brightspace,
    canvas,
    feedback,
    final_grades,
    grades_csv,
    gradescope,
    moodle,
    report,
    results_json,
    sheets,
)
from grader.renderers.sheets import Policy, Target
from grader.renderers.text import feedback_name, shown
from grader.reports import Gradebook
from grader.submissions import tables

STORE_NAME = "grades.db"
MANUAL_NAME = "manual.csv"
REPORT_NAME = "report.html"
PDF_FOLDER = "pdf"  # of an otter assignment that asks for PDFs
FINAL_NAME = "final_grades.csv"  # of an otter assignment
SHEETS = ("canvas.csv", "moodle.csv", "brightspace.csv")
LISTED = 10  # of what is named in a note
# The others can be rendered again in a moment, and there may be thousands of them.
DURABLE = frozenset({"results.json", "grades.csv", FINAL_NAME})


class Platform(Protocol):
    """A module of `renderers` that knows one platform's sheet."""

    ASK: str

    def target(self, book: Gradebook, template: str, column: str | None = None) -> Target:
        """Return what is to be filled."""


PLATFORMS: dict[str, Platform] = {"canvas": canvas, "moodle": moodle, "brightspace": brightspace}


@dataclass(frozen=True, slots=True)
class Template:
    """A platform's sheet as the instructor has exported it, and its column, None by its title."""

    platform: str
    path: Path
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """The files as they are now, the most readable one last, and what a person must know."""

    paths: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def written_in(out: Path) -> list[str]:
    """Return the names of the other outputs that lie beside the report."""
    names = ("results.json", "grades.csv", FINAL_NAME, *SHEETS, MANUAL_NAME, STORE_NAME)
    folders = ("feedback", "gradescope", PDF_FOLDER)
    files = [name for name in names if (out / name).is_file()]
    return files + [f"{name}/" for name in folders if (out / name).is_dir()]


def places(out: Path) -> list[Path]:
    """Return where a class's outputs lie, none before there is a store."""
    if not (out / STORE_NAME).is_file():
        return []
    names = ("results.json", "grades.csv", FINAL_NAME, *SHEETS, MANUAL_NAME, REPORT_NAME)
    sheets_kept = [manual.beside(out / MANUAL_NAME), *(out / f".{name}.json" for name in SHEETS)]
    stores = out.glob(f"{Path(STORE_NAME).stem}.*")
    folders = ("feedback", "gradescope", PDF_FOLDER)
    return [out, *(out / name for name in (*names, *folders)), *sheets_kept, *stores]


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
            _write(path, sheets.MARK + sheet)  # so that what is saved there is UTF-8 again
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
        count = "1 written answer was" if len(found) == 1 else f"{len(found)} written answers were"
        yield (
            f"{count} not found where it belongs: {', '.join(found[:LISTED])}{more}. Look into the "
            f"notebooks, and give the scores in {MANUAL_NAME} all the same."
        )


def write_pdf(student: str, content: bytes, out: Path) -> Path:
    """Write what a student handed in as a PDF, beside the results."""
    return _write_bytes(out / PDF_FOLDER / f"{feedback_name(student)}.pdf", content)


def write_sheet(
    book: Gradebook, out: Path, template: Template, *, overwrite: bool = False
) -> Written:
    """Write a platform's own sheet, such as `canvas.csv`, in the form of the instructor's export.

    What was written before, which is noted beside it, tells which of the template's scores are
    ours. UsageError where the template cannot be read or is no such export.
    """
    platform = PLATFORMS[template.platform]
    path = out / f"{template.platform}.csv"
    note = out / f".{path.name}.json"
    target = platform.target(book, _text_of(template.path, platform.ASK), template.column)
    ours = _noted(note)
    filled = sheets.fill(book, target, Policy(overwrite, ours))
    for person, score in filled.ours.items():
        if score not in ours.setdefault(person, []):
            ours[person].append(score)
    _write(note, json.dumps(ours))
    return Written((_write(path, filled.text),), filled.notes)


def _noted(path: Path) -> dict[str, list[float]]:
    """Return the scores that were written for each person before; none where nothing is noted."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, list[float]])
    except (OSError, msgspec.DecodeError):
        return {}


def _text_of(path: Path, ask: str) -> str:
    """Return a template's text with its mark; spreadsheets save other encodings as well."""
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise UsageError(f"{path} cannot be read: {problem.strerror}. {ask}") from problem
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if wide else "utf-8")
    except UnicodeDecodeError:
        return tables.text_of(data, str(path))


def _texts(book: Gradebook) -> Iterator[tuple[str, str]]:
    yield "results.json", results_json.render(book)
    grades = grades_csv.render(book)
    # Without a mark Excel takes a file for its country's code page, which spoils such names.
    yield "grades.csv", grades if grades.isascii() else sheets.MARK + grades
    if book.otter is not None:
        grades = final_grades.render(book)
        yield FINAL_NAME, grades if grades.isascii() else sheets.MARK + grades
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
        text = manual.text_of(path.read_bytes(), book, path.name)
    except FileNotFoundError:
        return 0
    except (OSError, UsageError):
        return 1
    return manual.unread(text, book, path.name, written=manual.as_written(path))


def _write(path: Path, text: str) -> Path:
    return _write_bytes(path, text.encode("utf-8", "backslashreplace"))


def _write_bytes(path: Path, data: bytes) -> Path:
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
