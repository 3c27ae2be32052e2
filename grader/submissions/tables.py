"""A table that a person brings, as whatever spreadsheet saved it: its encoding and separator."""

import codecs
import csv
import io
import re
from pathlib import Path

from grader.errors import UsageError

SEPARATORS = ",;\t|"
# Which spreadsheets write where they do not write UTF-8, and what no word of that country's holds:
# letters of two alphabets in one word, or in Latin a word without a letter of ASCII.
CODE_PAGES = {
    "cp1251": re.compile(r"[A-Za-z][^\x00-\x7f]|[^\x00-\x7f][A-Za-z]|[^\x00-\x7f\u0400-\u04ff]"),
    "cp1252": re.compile(
        r"(?<![A-Za-z])[\u00c0-\u024f]{3,}(?![A-Za-z])|[\x80-\xbf\u0192]"
        r"|(?<=[A-Za-z])[\u0152\u0160\u0178\u017d\u02c6-\u02dc\u2013-\u2018\u201a-\u2122]"
    ),
    "gb18030": re.compile(r"[^\x00-\x7f\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]"),
    "mac_roman": re.compile(r"[^\x00-\x7f\u00c0-\u024f]"),
}
NOT_TEXT = {b"PK\x03\x04": "an Excel or LibreOffice file", b"\xd0\xcf\x11\xe0": "an Excel file",
            b"%PDF": "a PDF", b"<!": "a web page", b"<html": "a web page"}  # fmt: skip
SAVE = "Save it as “CSV UTF-8”"


def read(path: Path) -> list[list[str]]:
    """Return a table's rows from the first that says anything; UsageError where it is none."""
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise UsageError(f"{path} cannot be read: {problem.strerror}. Name a CSV file.") from None
    return rows_of(content, str(path))


def rows_of(content: bytes, name: str) -> list[list[str]]:
    """Return the rows of a table's content, from the first that says anything."""
    text = text_of(content, name)
    first, _, rest = text.partition("\n")
    told = re.fullmatch(r"\s*sep=(.)\s*", first)  # what Excel itself understands
    separator = told[1] if told else max(SEPARATORS, key=first.count)
    try:
        rows = list(
            csv.reader(io.StringIO(rest if told else text, newline=""), delimiter=separator)
        )
    except csv.Error as problem:
        raise UsageError(f"{name} is no CSV file: {problem}. Save it as CSV again.") from problem
    at = next((n for n, row in enumerate(rows) if any(cell.strip() for cell in row)), len(rows))
    return rows[at:]


def text_of(content: bytes, name: str) -> str:
    """Return a table's text in whatever encoding it was saved; UsageError where it is no text."""
    for mark, kind in NOT_TEXT.items():
        if content[: len(mark)].lower() == mark.lower():
            raise UsageError(f"{name} is {kind}, not a CSV file. {SAVE}.")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = _of_a_code_page(content, name)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _of_a_code_page(content: bytes, name: str) -> str:
    """Return a text in the code page in which its words look like words."""
    for page, odd in CODE_PAGES.items():
        try:
            text = content.decode(page)
        except UnicodeDecodeError:
            continue
        if not odd.search(text):
            return text
    raise UsageError(f"{name} is in an encoding that is not known here. {SAVE}.")
