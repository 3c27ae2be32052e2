"""Files as a folder or a zip holds them, listed without opening and read within a limit."""

import calendar
import lzma
import os
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

from grader.errors import GraderError, UsageError
from grader.model import MIB
from grader.renderers.text import shown
from grader.submissions.encodings import zip_names
from grader.submissions.names import LONGEST, LONGEST_PATH, composed

MAX_ENTRIES = 10_000  # of one archive; a class of 2,000 with a PDF and a log each fits
MAX_FILES = 200_000  # of one folder, not counting what lies in hidden folders
DIRECTORY_BYTES = 4 * MIB  # of a zip's own table of contents, before it is parsed
STUDENT_ZIP_BYTES = 100 * MIB  # a notebook with its PDF
CLASS_ZIP_BYTES = 1024 * MIB  # a class in a zip that is packed once more
EXPANSION = 64  # what a whole archive may grow by; ordinary notebooks grow tenfold
EXPANSION_FLOOR = 256 * MIB  # a small class of very regular notebooks is no bomb
ZIP64 = 0xFFFFFFFF  # in a 32-bit field: the record of a zip64 archive states the value
DEEPEST = 32

HIDDEN_FOLDERS = frozenset(
    {"__MACOSX", "__pycache__", "node_modules", "site-packages", "dist-packages"}
)
ENVIRONMENT = "pyvenv.cfg"  # lies at the top of each of Python's virtual environments
KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}
# RuntimeError covers encryption and, as NotImplementedError, an unknown compression.
UNREADABLE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError)


class RejectedError(GraderError):
    """One student's file cannot be used; becomes that submission's `problem`, never an exit."""


class UnavailableError(RejectedError):
    """A file is not at hand, and that is no fault of the student's: it ends `ungraded`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: where it lies, how large it says it is, and how to read it within a limit.

    `start` reads its first bytes only.
    """

    parts: tuple[str, ...]
    size: int
    modified: float  # seconds; comparable within one source only to two seconds
    read: Callable[[int], bytes] = field(repr=False)
    problem: str | None = None
    is_missing: bool = False  # the platform knows of it, and its download lacks it
    location: str = ""  # the absolute path, where there is one, to tell a file given twice
    start: Callable[[int], bytes] = field(default=lambda _: b"", repr=False)
    is_script: bool = False  # which counts as a notebook
    is_empty: bool = False  # a folder in which nothing lies: its name is ""

    @property
    def name(self) -> str:
        return self.parts[-1]

    @property
    def stem(self) -> str:
        return os.path.splitext(self.name)[0]  # noqa: PTH122 - a class asks it 100,000 times

    @property
    def suffix(self) -> str:
        return os.path.splitext(self.name)[1].lower().rstrip(".")  # noqa: PTH122 - likewise

    @property
    def path(self) -> str:
        return "/".join(self.parts)


@dataclass(frozen=True, slots=True)
class Source:
    """Everything one path holds; `hidden` names the folders that were not looked into.

    `empty` are the folders that hold no file, or only hidden ones: somebody's, it may be.
    """

    name: str
    entries: tuple[Entry, ...]
    kind: str  # "folder", "zip" or "file"
    hidden: tuple[tuple[str, ...], ...] = ()
    refused: tuple[tuple[str, str], ...] = ()  # path and reason, where no student can be told
    origin: str = ""  # what tells it from a source of the same name: where it lies
    empty: tuple[Entry, ...] = ()

    @property
    def stem(self) -> str:
        return PurePosixPath(self.name).stem if self.kind != "folder" else self.name


def is_hidden_folder(name: str) -> bool:
    return name.startswith(".") or name in HIDDEN_FOLDERS


def open_path(path: Path) -> Source:
    """List what a folder, a zip or a notebook holds; UsageError where it is none of them."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        advice = "Give a folder, a zip or a notebook that exists."
        raise UsageError(shown(f"{path} cannot be opened ({reason}). {advice}")) from None
    name = composed(path.resolve().name) or "submissions"
    if stat.S_ISDIR(mode):
        return _folder(path, name)
    if not stat.S_ISREG(mode):
        raise UsageError(f"{path} is not a file or a folder. Give a folder, a zip or a notebook.")
    entry = _file_entry(path, (name,), path.stat())
    if entry.suffix == ".zip":
        with path.open("rb") as stream:
            return _archive(stream, path, name, entry.size)
    return Source(name, (entry,), "file", origin=composed(str(path.parent)))


def open_file(path: Path) -> Source:
    """Return a file as what one student handed in, without looking into it."""
    name = composed(path.resolve().name)
    entry = _file_entry(path, (name,), path.stat())
    return Source(name, (entry,), "file", origin=composed(str(path.parent)))


def open_inner(source: Source) -> Source:
    """Return what the only zip in a zip holds: a download that was packed once more."""
    only = [entry for entry in source.entries if entry.suffix in {".zip", ".ipynb"}]
    if source.kind != "zip" or len(only) != 1 or only[0].suffix != ".zip":
        return source
    try:
        inner = open_zip(only[0].read(CLASS_ZIP_BYTES), only[0].name)
    except RejectedError:
        return source
    several = sum(entry.suffix in {".zip", ".ipynb"} for entry in inner.entries) > 1
    return inner if several else source


def open_zip(content: bytes, name: str) -> Source:
    """List a zip that a student handed in; Rejected where it cannot be trusted."""
    return _archive(BytesIO(content), None, name, len(content))


def _folder(path: Path, name: str) -> Source:
    entries: list[Entry] = []
    empty: list[Entry] = []
    hidden: list[tuple[str, ...]] = []
    for entry in _walk(path, (), hidden):
        (empty if entry.is_empty else entries).append(entry)
        if len(entries) + len(empty) > MAX_FILES:
            raise UsageError(
                f"{path} holds more than {MAX_FILES:,} files. Give the folder of the submissions."
            )
    origin = composed(str(path.resolve()))
    return Source(name, tuple(entries), "folder", tuple(hidden), origin=origin, empty=tuple(empty))


def _walk(folder: Path, parts: tuple[str, ...], hidden: list[tuple[str, ...]]) -> Iterator[Entry]:
    try:
        with os.scandir(folder) as found:
            children = sorted(found, key=lambda child: child.name)
    except OSError as error:
        problem = f"cannot be listed ({error.strerror})"
        yield replace(_broken((*parts, ""), problem), is_missing=True)
        return
    if parts and any(child.name == ENVIRONMENT for child in children):
        hidden.append(parts)
        return
    within = [child for child in children if is_hidden_folder(child.name) and child.is_dir()]
    if parts and len(within) == len(children):
        yield _empty(parts, [child.name for child in within])
    for child in children:
        here = (*parts, composed(child.name))
        if child.is_dir(follow_symlinks=False):
            if is_hidden_folder(child.name):
                hidden.append(here)
            elif len(here) > DEEPEST:
                yield _broken(here, f"lies more than {DEEPEST} folders deep")
            else:
                yield from _walk(Path(child.path), here, hidden)
        else:
            yield _file_entry(Path(child.path), here, child.stat(follow_symlinks=False))


def _broken(parts: tuple[str, ...], problem: str) -> Entry:
    return Entry(parts, 0, 0.0, lambda _: b"", problem)


def _empty(parts: tuple[str, ...], hidden: Sequence[str]) -> Entry:
    """Return what stands for a folder that holds hidden folders at most."""
    problem = f"holds nothing but {', '.join(hidden)}" if hidden else "is empty"
    return replace(_broken((*parts, ""), problem), is_empty=True)


def _file_entry(path: Path, parts: tuple[str, ...], status: os.stat_result) -> Entry:
    kind = KINDS.get(stat.S_IFMT(status.st_mode))
    return Entry(
        parts,
        status.st_size,
        status.st_mtime,
        lambda limit: _read_file(path, limit),
        f"is {kind}, not a file of its own" if kind else None,
        location=os.path.realpath(path) if not kind else "",
        start=lambda count: _read_file(path, count, cut=True),
    )


def _read_file(path: Path, limit: int, *, cut: bool = False) -> bytes:
    # Not following links and not blocking: the file may have been exchanged since it was listed.
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise UnavailableError(f"cannot be read ({error.strerror})") from None
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise RejectedError("is not a file of its own")
        return stream.read(limit) if cut else _within(stream, limit)


def _within(stream: IO[bytes], limit: int) -> bytes:
    # In pieces: one large read would claim the whole limit's memory for a small file.
    content = bytearray()
    while len(content) <= limit and (piece := stream.read(min(MIB, limit + 1 - len(content)))):
        content += piece
    if len(content) > limit:
        raise RejectedError(f"is larger than the {limit:,} bytes allowed")
    return bytes(content)


class _Archive:
    """An open archive and how much may still be unpacked from it."""

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self.archive = archive
        self.left = EXPANSION_FLOOR + EXPANSION * size

    def read(self, info: zipfile.ZipInfo, limit: int) -> bytes:
        try:
            with self.archive.open(info) as stream:
                content = _within(stream, min(limit, self.left))
        except UNREADABLE as error:
            raise RejectedError(f"cannot be unpacked ({error})") from None
        self.left -= len(content)
        return content

    def start(self, info: zipfile.ZipInfo, count: int) -> bytes:
        try:
            with self.archive.open(info) as stream:
                return stream.read(count)
        except UNREADABLE as error:
            raise RejectedError(f"cannot be unpacked ({error})") from None


def _archive(stream: IO[bytes], file: Path | None, name: str, size: int) -> Source:
    if _directory_bytes(stream, size) > DIRECTORY_BYTES:
        raise RejectedError(f"{name} holds more than {MAX_ENTRIES:,} files, or names too long")
    try:
        # From a path, so that the archive owns its file and closes it with its last entry.
        archive = zipfile.ZipFile(file or stream)
    except (*UNREADABLE, ValueError) as error:
        raise RejectedError(f"{name} is not a readable zip ({error})") from None
    listed = archive.infolist()
    if len(listed) > MAX_ENTRIES:
        archive.close()
        raise RejectedError(f"{name} holds {len(listed):,} files, more than {MAX_ENTRIES:,}")
    shared = _Archive(archive, size)
    entries, hidden, refused = _members(shared, listed)
    empty = _empty_folders(listed, entries, hidden)
    origin = name if file is None else composed(str(file))
    return Source(name, tuple(entries), "zip", tuple(hidden), tuple(refused), origin, tuple(empty))


def _empty_folders(
    listed: Sequence[zipfile.ZipInfo], entries: Iterable[Entry], hidden: Iterable[tuple[str, ...]]
) -> Iterator[Entry]:
    """Yield the folders of an archive in which no file lies, the deepest of each branch."""
    filled = {entry.parts[:n] for entry in entries for n in range(1, len(entry.parts))}
    inside: dict[tuple[str, ...], list[str]] = {}
    for name in zip_names(listed):
        parts = tuple(part for part in name.split("/")[:-1] if part != ".")
        if name.endswith("/") and parts and not _slips(name[:-1], parts):
            inside.setdefault(parts, [])
    for *above, last in hidden:
        if above:
            inside.setdefault(tuple(above), []).append(last)
    for parts in sorted(inside, key=lambda one: (-len(one), one)):
        if parts not in filled and not any(map(is_hidden_folder, parts)):
            filled |= {parts[:n] for n in range(1, len(parts))}
            yield _empty(parts, inside[parts])


def _members(
    shared: _Archive, listed: list[zipfile.ZipInfo]
) -> tuple[list[Entry], dict[tuple[str, ...], None], list[tuple[str, str]]]:
    """Return the files of an archive, the folders not looked into, and names that are refused."""
    entries: list[Entry] = []
    hidden: dict[tuple[str, ...], None] = {}
    refused: list[tuple[str, str]] = []
    named = zip(zip_names(listed), listed, strict=True)
    files = [(name, info) for name, info in named if not name.endswith("/")]
    alike = Counter(name for name, _ in files)
    environments = {tuple(name.split("/")[:-1]) for name, _ in files
                    if name.endswith(f"/{ENVIRONMENT}")}  # fmt: skip
    for name, info in files:
        parts = tuple(part for part in name.split("/") if part != ".")
        if reason := _slips(name, parts):
            refused.append((name, reason))
            continue
        folders = (parts[: n + 1] for n in range(len(parts) - 1))
        inside = next((f for f in folders if is_hidden_folder(f[-1]) or f in environments), None)
        if inside is not None:
            hidden[inside] = None
            continue
        problem = _untrusted(info)
        if alike[name] > 1:
            problem = "appears more than once in the zip"
        entries.append(_zip_entry(shared, info, parts, problem))
    entries.sort(key=lambda entry: entry.parts)
    return entries, hidden, refused


def _zip_entry(
    shared: _Archive, info: zipfile.ZipInfo, parts: tuple[str, ...], problem: str | None
) -> Entry:
    try:
        moment = float(calendar.timegm((*info.date_time, 0, 0, 0)))
    except ValueError:  # a month 0, as some tools write where they know no time
        moment = 0.0
    return Entry(
        parts, info.file_size, moment, lambda n: shared.read(info, n), problem,
        start=lambda n: shared.start(info, n),
    )  # fmt: skip


def _slips(name: str, parts: tuple[str, ...]) -> str | None:
    if len(name) > LONGEST_PATH or max(map(len, parts), default=0) > LONGEST:
        return f"has a name of {len(name):,} characters"
    if not parts or name.startswith("/") or name[1:2] == ":":
        return "has an absolute path or one of Windows in the zip"
    if ".." in parts or "" in parts:
        return "has a path that leads out of the zip"
    if len(parts) > DEEPEST:
        return f"lies more than {DEEPEST} folders deep"
    return None


def _untrusted(info: zipfile.ZipInfo) -> str | None:
    kind = KINDS.get(stat.S_IFMT(info.external_attr >> 16))
    if kind:
        return f"is {kind} in the zip, not a file"
    if info.flag_bits & 0x1:
        return "is encrypted; pack it again without a password"
    return None


def _directory_bytes(stream: IO[bytes], size: int) -> int:
    """Return the most that a zip's marks say of its table of contents, before it is parsed.

    A reader takes one of the marks near the end; which one, the zip's author may have seen to.
    """
    tail = min(size, 65_535 + 22 + 20 + 56)
    stream.seek(size - tail)
    end = stream.read(tail)
    stream.seek(0)
    told = [
        struct.unpack_from(form, end, at + offset)[0]
        for mark, form, offset in ((b"PK\x05\x06", "<I", 12), (b"PK\x06\x06", "<Q", 40))
        for at in _places(end, mark)
        if at + offset + struct.calcsize(form) <= len(end)
    ]
    # In a field of 32 bits it says that the record of a zip64 archive states the value.
    found = [value for value in told if value != ZIP64]
    return max(found, default=size if told else 0)  # no mark, no zip: said better by the parser


def _places(text: bytes, mark: bytes) -> Iterator[int]:
    at = text.find(mark)
    while at >= 0:
        yield at
        at = text.find(mark, at + 1)
