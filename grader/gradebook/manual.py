"""`manual.csv`: the sheet in which a person scores what no test can, written and read back.

A score belongs to the answer that was read: `answer_id` names it, so that a score can never land on
an answer that a student has handed in since. `row_id` names whose answer to which question it is,
in letters that no spreadsheet changes: a name may come back in another encoding. What a sheet said
when it was written is kept beside it: only lines that a person has changed since are theirs, and
where the store has changed as well, nothing is overwritten.
"""

import codecs
import contextlib
import csv
import hashlib
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from grader.errors import UsageError
from grader.model import Status
from grader.renderers.grades_csv import safe_cell
from grader.renderers.text import number
from grader.reports import Gradebook, Outcome, QuestionReport, Written

COLUMNS = ("student", "question", "answer", "score", "max_score", "comment", "answer_id", "row_id")
NEEDED = frozenset({"student", "question", "score", "comment", "answer_id"})
CASE = "read by a person"
EXCERPT = 500
MAX_COMMENT = 5_000
ERRORS_SHOWN = 10
# Where a spreadsheet has saved in its country's code page: whichever shows the class's names.
CODE_PAGES = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp932", "gb18030", "cp949",
              "big5", "mac_roman")  # fmt: skip


@dataclass(frozen=True, slots=True)
class ManualScore:
    """What a person gave one answer; no score yet where there is only a comment."""

    student: str
    question: str
    answer_id: str
    score: float | None
    comment: str


@dataclass(frozen=True, slots=True)
class Line:
    """One filled line of the sheet, and whether it says what the store does not hold."""

    score: ManualScore
    is_new: bool


def answer_id(answer: Written) -> str:
    """Return what names this very answer; no spreadsheet takes it for a number."""
    digest = hashlib.sha256(answer.text.encode("utf-8", "backslashreplace"))
    for picture in answer.pictures:
        digest.update(picture.data.encode())
    digest.update(answer.searched.encode())
    return f"a-{digest.hexdigest()[:12]}"


def row_id(student: str, question: str) -> str:
    """Return what names a line of the sheet whatever a spreadsheet makes of the names."""
    text = f"{student}\0{question}".encode("utf-8", "backslashreplace")
    return f"m-{hashlib.sha256(text).hexdigest()[:12]}"


def settle(item: QuestionReport, given: ManualScore | None) -> QuestionReport:
    """Return a manual question's report with what a person gave it, if it was for this answer."""
    if given is None or not _is_open(item) or given.answer_id != answer_id(item.written):
        return item
    score = 0.0 if given.score is None else given.score
    status = Status.PASSED if score >= item.max_score else Status.FAILED
    if given.score is None:
        status = Status.PENDING
    case = Outcome(CASE, hidden=False, status=status, score=score, max_score=item.max_score,
                   message=given.comment,
                   staff_message=given.comment if status is Status.PENDING else "")  # fmt: skip
    pending = item.max_score if status is Status.PENDING else 0.0
    return replace(item, status=status, score=score, pending=pending, cases=(case,))


def _is_open(item: QuestionReport) -> bool:
    """Say whether there is an answer to be read, scored or not."""
    return item.status not in {Status.ERROR, Status.UNGRADED}


def render(book: Gradebook) -> str | None:
    """Return the sheet, with the scores given so far; None where no question needs a person."""
    if not any(question.kind == "manual" for question in book.questions):
        return None
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for student, item in _answers(book):
        score, comment = _given(item)
        cells = (student, item.name, _excerpt(item.written), "" if score is None else number(score),
                 number(item.max_score), comment, answer_id(item.written),
                 row_id(student, item.name))  # fmt: skip
        writer.writerow([safe_cell(cell) for cell in cells])
    return stream.getvalue()


def _excerpt(answer: Written) -> str:
    """Return an answer as a cell shows it: never empty, since an empty cell reads as no answer."""
    if answer.missing:
        return f"({answer.missing})"
    return answer.text if len(answer.text) <= EXCERPT else answer.text[:EXCERPT] + "…"


def _answers(book: Gradebook) -> Iterator[tuple[str, QuestionReport]]:
    """Yield question by question: a person reads the whole class's answers to one at a time."""
    for question in book.questions:
        if question.kind == "manual":
            for report in book.reports:
                for item in report.questions:
                    if item.name == question.name and _is_open(item):
                        yield report.student, item


def _given(item: QuestionReport) -> tuple[float | None, str]:
    case = next((case for case in item.cases if case.name == CASE), None)
    if case is None:
        return None, ""
    return (None if case.status is Status.PENDING else case.score), case.message


def load(path: Path, book: Gradebook) -> list[Line]:
    """Return the filled lines of a sheet's file; UsageError says why it cannot be used."""
    try:
        text = text_of(path.read_bytes(), book, path.name)
        return read(text, book, path.name, written=as_written(path))
    except FileNotFoundError:
        raise UsageError(f"There is no {path}; name the sheet, or run `grader report`.") from None
    except OSError as problem:
        raise UsageError(f"{path} cannot be read: {problem}.") from problem


def text_of(data: bytes, book: Gradebook, name: str) -> str:
    """Return a sheet's text as a spreadsheet has saved it: UTF-8, UTF-16 or a code page.

    The right code page is the one in which all of the class's names that the sheet holds are
    spelled as they are; UsageError where there is none.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    with contextlib.suppress(UnicodeDecodeError):
        return data.decode("utf-8-sig")
    students = {safe_cell(student) for student, _ in _answers(book)}
    for page in CODE_PAGES:
        with contextlib.suppress(UnicodeDecodeError, UsageError):
            text = data.decode(page)
            found = {row.get("student", "") for _, row in _rows(text, name)}
            is_shown = any(one in students and not one.isascii() for one in found)
            # What a code page does not have is saved as a question mark.
            if is_shown and all(one in students or "?" in one for one in found):
                return text
    raise UsageError(
        f"{name} is in a code page that is not known here, so names and comments cannot be read. "
        "Save it as “CSV UTF-8” and run the same command again."
    )


def beside(path: Path) -> Path:
    """Return where it is kept what a sheet said when it was written."""
    return path.with_name(f".{path.name}")


def as_written(path: Path) -> str:
    """Return what a sheet said when it was written; nothing where that is not known."""
    try:
        return beside(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def read(text: str, book: Gradebook, name: str, *, written: str = "") -> list[Line]:
    """Return the filled lines of a sheet; UsageError names every line that cannot be used.

    A line without score and comment says nothing, so it changes nothing. `written` is the sheet as
    it was before anybody changed it: a line that still says the same is no news.
    """
    known = _Places(book)
    rows_before = _rows(written, name) if written else []
    before = {row.get("row_id", ""): row for _, row in rows_before}
    lines: list[Line] = []
    errors: list[str] = []
    seen: dict[tuple[str, str], int] = {}
    for row_number, row in _rows(text, name):
        try:
            line = _line(row, known, before)
            if line is None:
                continue
            key = (line.score.student, line.score.question)
            if key in seen:
                raise ValueError(f"{key[0]}, {key[1]} is on line {seen[key]} as well")
            seen[key] = row_number
            lines.append(line)
        except ValueError as problem:
            errors.append(f"line {row_number}: {problem}")
    if errors:
        more = f"; and {len(errors) - ERRORS_SHOWN} more" if len(errors) > ERRORS_SHOWN else ""
        raise UsageError(
            f"Nothing of {name} was taken, because {'; '.join(errors[:ERRORS_SHOWN])}{more}. "
            "Correct it and run the same command again."
        )
    return lines


def _rows(text: str, name: str) -> list[tuple[int, dict[str, str]]]:
    """Return the rows below the header, each with the line of the file on which it ends."""
    text = text.lstrip("\ufeff")
    # A spreadsheet of a country with a decimal comma separates columns by semicolons.
    delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        rows = [
            (reader.line_num, {key: value or "" for key, value in row.items() if key})
            for row in reader
        ]
    except csv.Error as problem:
        raise UsageError(f"{name} is no CSV file: {problem}. Save it as CSV again.") from problem
    missing = sorted(NEEDED - set(reader.fieldnames or ()))
    if missing:
        raise UsageError(
            f"{name} lacks the columns {', '.join(missing)}; start from the manual.csv that "
            "`grader grade` writes."
        )
    return rows


class _Places:
    """Whose answer to which question a line is about."""

    def __init__(self, book: Gradebook) -> None:
        answers = list(_answers(book))
        self._by_id = {row_id(student, item.name): (student, item) for student, item in answers}
        self._by_name = {
            (safe_cell(student), safe_cell(item.name)): (student, item) for student, item in answers
        }

    def of(self, row: dict[str, str]) -> tuple[str, QuestionReport]:
        """Return a line's student and answer; ValueError where it names nobody's, or two's."""
        named = self._by_name.get((row["student"], row["question"]))
        known = self._by_id.get(row.get("row_id", "").strip())
        if known is not None and named is not None and known != named:
            raise ValueError(
                f"it names {row['student']!r} and {row['question']!r}, and its row_id is of "
                f"{known[0]!r} and {known[1].name!r}: sort whole rows only"
            )
        place = known or named
        if place is None:
            raise ValueError(
                f"there is no answer of {row['student']!r} to {row['question']!r} to be read"
            )
        return place


def _line(row: dict[str, str], known: _Places, before: dict[str, dict[str, str]]) -> Line | None:
    """Return what a line says, None where it says nothing; ValueError says what is wrong."""
    comment, score_text = row["comment"].strip(), row["score"].strip()
    if not comment and not score_text:
        return None
    student, item = known.of(row)
    held_score, held_comment = _given(item)
    if comment == safe_cell(held_comment):
        comment = held_comment
    score = _score(score_text, item.max_score) if score_text else None
    is_new = (score, comment) != (held_score, held_comment)
    was = before.get(row_id(student, item.name))
    if is_new and was is not None:
        said = was["comment"].strip(), _points(was["score"])
        if said == (row["comment"].strip(), score):
            is_new = False  # nobody has touched it since it was written
        elif said != (safe_cell(held_comment).strip(), held_score):
            raise ValueError(
                f"{student}, {item.name} has been given something else since the sheet was "
                "written; change it by `grader review`, or clear the line's score and comment"
            )
    if is_new and row["answer_id"].strip() != answer_id(item.written):
        raise ValueError(
            f"{student} has handed in another answer to {item.name} since; read the new one"
        )
    if len(comment) > MAX_COMMENT:
        raise ValueError(f"the comment is longer than {MAX_COMMENT:,} characters")
    return Line(ManualScore(student, item.name, answer_id(item.written), score, comment), is_new)


def _points(text: str) -> float | None:
    return float(text) if text.strip() else None


def _score(text: str, most: float) -> float:
    try:
        value = float(text.replace(",", ".") if text.count(",") == 1 else text)
    except ValueError:
        raise ValueError(f"the score {text!r} is no number") from None
    if not math.isfinite(value) or not 0 <= value <= most:
        raise ValueError(f"the score {text} is not within 0 and {most:g}")
    return value


def unread(text: str, book: Gradebook, name: str, *, written: str = "") -> int:
    """Return how many lines of a sheet say what the store does not hold, unusable ones as one."""
    try:
        return sum(line.is_new for line in read(text, book, name, written=written))
    except UsageError:
        return 1  # whatever a person wrote there, it is theirs
