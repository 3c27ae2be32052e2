"""What a file holds, whatever it is called: a notebook as UTF-8, or a sentence why it is none."""

import codecs
import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import msgspec

from grader.course import notebooks
from grader.model import MIB, Assignment
from grader.submissions.sources import RejectedError, UnavailableError

RAW_BYTES = 96 * MIB  # of a notebook with its outputs, which decide nothing and are left out
LOOKS_LIKE = {
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"<!": "a web page",
    b"<html": "a web page",
    b"<?xml": "a web page or another XML file",
    b"{\\rtf": "a text with formats (RTF), as TextEdit and Word save it",
    b"SQLite": "a database",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"\xd0\xcf\x11\xe0": "an office document",
    b"[InternetShortcut]": "a link",
    b"https://": "a link",
    b"http://": "a link",
    b"import ": "a Python script",
    b"from ": "a Python script",
    b"def ": "a Python script",
}
DRIVE_LINK = re.compile(
    rb'\{\s*"(?:url|doc_id)"\s*:'
)  # what Google Drive leaves for a file of its own
ZIPS = (b"PK\x03\x04", b"PK\x05\x06")  # the second holds nothing
LFS = b"version https://git-lfs.github.com/"
MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
ENCODINGS = ("utf-32", "utf-32", "utf-16", "utf-16")
# In JSON no line begins so: a text's line breaks are escaped.
CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7}|\|{7})(?: [^\n]*)?$", re.MULTILINE)
ESCAPES = re.compile(
    r"\\\\|\\u(?:d[89ab][0-9a-f]{2})\\u(?:d[c-f][0-9a-f]{2})|(?P<half>\\ud[89a-f][0-9a-f]{2})",
    re.IGNORECASE,
)
REPLACEMENT = "\\ufffd"
REPLACED = "\ufffd"
NOT_ASCII = re.compile(r"[^\x00-\x7f]+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """How the notebook that is graded is told from others: by its stubs and its checks."""

    slug: str
    names: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    files: tuple[str, ...] = ()  # that belong to it and lie beside the notebook
    stubs: frozenset[str] = frozenset()  # the cells that hold them, as handed out
    takes_scripts: bool = False  # a script counts as a notebook
    takes_files: bool = False  # everything that a student handed in lies beside the notebook
    wants_pdf: bool = False  # the PDF that was handed in with it is kept

    @classmethod
    def of(cls, assignment: Assignment) -> "Wanted":
        """Return what tells an assignment's notebook."""
        names = [name for question in assignment.questions for name in question.names]
        # Otter finds a question by its file, whose test may call it otherwise.
        checked = [
            PurePosixPath(question.file).stem or question.name
            for question in assignment.questions
            if question.kind == "code"
        ]
        given = assignment.notebook.read_bytes()
        of_otter = assignment.otter is not None
        bare = cls(
            assignment.slug, tuple(names), tuple(checked), assignment.files,
            takes_scripts=of_otter, takes_files=of_otter,
            wants_pdf=assignment.otter is not None and assignment.otter.wants_pdf,
        )  # fmt: skip
        return replace(bare, stubs=bare.answers(given))

    def answers(self, content: bytes) -> frozenset[str]:
        """Return the cells of a notebook that define what the student is to write."""
        if not self.names:
            return frozenset()
        names = "|".join(map(re.escape, self.names))
        defines = re.compile(rf"^(?:(?:def|class)\s+(?:{names})\b|(?:{names})\s*=)", re.MULTILINE)
        try:
            cells = notebooks.read(content).cells
        except notebooks.NotebookUnreadableError:
            return frozenset()
        return frozenset(cell.source.strip() for cell in cells if defines.search(cell.source))

    def is_untouched(self, content: bytes) -> bool:
        """Say whether a notebook is as it was handed out: nobody's answer to anything."""
        return bool(self.stubs) and self.answers(content) == self.stubs

    def share(self, content: bytes) -> float:
        """Return which share of the stubs and checks a notebook's text holds, from 0 to 1.

        The text is searched and not parsed: what is damaged can be recognised all the same.
        """
        text = content.decode("utf-8", "replace")
        names = [rf"\b{re.escape(name)}\b" for name in self.names]
        checks = [rf"\.check\(\s*\\?[\"']{re.escape(name)}\\?[\"']" for name in self.questions]
        patterns = names + checks
        found = sum(re.search(one, text) is not None for one in patterns)
        return found / len(patterns) if patterns else 1.0


EMPTY = msgspec.Raw(b"{}")


class _Cell(msgspec.Struct, omit_defaults=True):
    cell_type: str
    id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    metadata: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    attachments: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    source: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Book(msgspec.Struct):
    cells: list[_Cell]
    nbformat: int
    nbformat_minor: int = 0
    metadata: msgspec.Raw = EMPTY


_book = msgspec.json.Decoder(_Book)


def is_zip(content: bytes) -> bool:
    """Say whether a file holds a zip, whatever it is called."""
    return content.startswith(ZIPS)


def as_notebook(content: bytes, name: str, limit: int) -> bytes:
    """Return a notebook's JSON as UTF-8, without outputs where it would be larger than `limit`.

    RejectedError says what the file holds instead; whether it is a notebook, its reader decides.
    """
    start = content[:4_000].lstrip()
    if not start and not content.strip():
        raise RejectedError(f"{name} is empty; hand in the .ipynb again")
    if not start.strip(b"\0") and not content.strip(b"\0"):
        raise RejectedError(
            f"{name} holds nothing but zero bytes, as a copy that broke off does; hand in the "
            ".ipynb again"
        )
    if content.startswith(LFS):
        raise UnavailableError(
            f"{name} is a pointer of Git LFS, not the notebook itself; run `git lfs pull` where it "
            "was cloned, or hand in the .ipynb"
        )
    bare = start.removeprefix(codecs.BOM_UTF8).lstrip()
    kinds = (kind for mark, kind in LOOKS_LIKE.items() if bare[: len(mark)].lower() == mark.lower())
    kind = "a link" if DRIVE_LINK.match(bare) else next(kinds, None)
    if kind is not None:
        raise RejectedError(f"{name} seems to be {kind}, not a notebook; hand in the .ipynb")
    if is_zip(content):
        raise RejectedError(
            f"{name} seems to be a zip or an office document, not a notebook; hand in the .ipynb"
        )
    content = _utf8(content, name)
    _refuse_conflicts(content, name)
    return content if len(content) <= limit else _without_outputs(content, name, limit)


def _utf8(content: bytes, name: str) -> bytes:
    read = _text_of(content, name)
    text = content.decode("utf-8") if read is None else read.lstrip("\ufeff")
    if "\\ud" in text or "\\uD" in text:
        whole = ESCAPES.sub(lambda found: REPLACEMENT if found["half"] else found[0], text)
        return content if whole == text else whole.encode("utf-8")
    return text.encode("utf-8")


def _text_of(content: bytes, name: str) -> str | None:
    """Return the text of a file in whatever encoding it says; None where it is plain UTF-8."""
    for mark, encoding in zip(MARKS, ENCODINGS, strict=True):
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    for start, encoding in ((b"{\0", "utf-16-le"), (b"\0{", "utf-16-be")):
        if content.startswith(start):
            return content.decode(encoding, "replace")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _half_pairs(content, name, error.start)
    return text if content.startswith(codecs.BOM_UTF8) else None


def _half_pairs(content: bytes, name: str, at: int) -> str:
    """Return a text in which half a surrogate pair was written as if it were a character."""
    try:
        text = content.decode("utf-8-sig", "surrogatepass")
    except UnicodeDecodeError:
        if content.lstrip().startswith(b"{") and b"\0" not in content:
            return _of_an_editor(content)
        raise RejectedError(
            f"{name} is not UTF-8 text (byte {at:,}), so no notebook as Jupyter saves it; hand "
            "in the .ipynb again"
        ) from None
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _of_an_editor(content: bytes) -> str:
    """Return a text as an editor of Windows saved it, or UTF-8 of which some bytes are damaged.

    In the first hardly any letter beyond ASCII is UTF-8; in the second most are.
    """
    text = content.decode("utf-8", "replace")
    beyond = sum(map(len, NOT_ASCII.findall(text)))
    if 2 * text.count(REPLACED) > beyond:
        return content.decode("cp1252", "replace")
    return text


def _refuse_conflicts(content: bytes, name: str) -> None:
    if b"<<<<<<<" not in content and b">>>>>>>" not in content:
        return
    text = content.decode("utf-8")
    if found := CONFLICT.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise RejectedError(
            f"{name} holds git's marks of a merge conflict, the first on line {line:,} "
            f"({found[0][:60]}); resolve the conflict and hand it in again"
        )


def _without_outputs(content: bytes, name: str, limit: int) -> bytes:
    """Return a notebook without its outputs, of which nothing is ever built."""
    size = f"{name} is {len(content):,} bytes, more than the {limit:,} allowed"
    try:
        book = _book.decode(content)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        raise RejectedError(
            f"{size}; where outputs make it so large, clear them (in Jupyter: Edit, Clear Outputs "
            "of All Cells) and hand it in again"
        ) from None
    cells = [{**msgspec.to_builtins(cell, builtin_types=(msgspec.Raw,)),
              **({"outputs": [], "execution_count": None} if cell.cell_type == "code" else {})}
             for cell in book.cells]  # fmt: skip
    whole = {"cells": cells, "metadata": book.metadata, "nbformat": book.nbformat,
             "nbformat_minor": book.nbformat_minor}  # fmt: skip
    stripped = msgspec.json.encode(whole)
    if len(stripped) > limit:
        raise RejectedError(f"{size}, even without its outputs; hand in a smaller one")
    return stripped
