"""The folder of ours that holds what otter packed, made once and used again while it is whole.

It is for its user alone. What was left by somebody who was killed, and what nobody has used for
long, is removed.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from grader.errors import UsageError
from grader.model import MIB
from grader.renderers.text import feedback_name, shown
from grader.submissions.sources import Entry, RejectedError

SMALL_BYTES = 4 * MIB  # a test file, a configuration
FILE_BYTES = 512 * MIB
ALL_BYTES = 2048 * MIB
NOTE = "unpacked.json"
MAKING = ".making-"
MAKING_SECONDS = 24 * 3600.0
UNUSED_SECONDS = 60 * 24 * 3600.0  # hidden tests need not lie there for ever
FOLDER_VARIABLE = "XDG_CACHE_HOME"


class Note(msgspec.Struct, frozen=True):
    """What a folder of ours keeps of how it came to be."""

    slug: str
    notes: tuple[str, ...] = ()
    notebook: str = ""  # whose metadata the tests were read from, "" for none


@dataclass(frozen=True, slots=True)
class Packed:
    """What is taken from an archive of otter's: the files by their new place, and its name."""

    slug: str
    entries: dict[str, Entry]
    contents: dict[str, bytes]  # what is made here, not copied
    notes: tuple[str, ...] = ()
    notebook: str = ""


def unpack(packed: Packed, path: Path) -> Path:
    """Return the folder of ours that holds an archive's files, made now or by an earlier run."""
    root = _root()
    _sweep(root)
    making = Path(tempfile.mkdtemp(prefix=MAKING, dir=root))
    try:
        digest = hashlib.sha256()
        left = ALL_BYTES
        for name, content in _read_all(packed):
            left -= len(content)
            if left < 0:
                raise RejectedError(f"its files are more than {ALL_BYTES:,} bytes")
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
            place = making / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        final = root / f"{feedback_name(packed.slug)[:60]}-{digest.hexdigest()[:24]}"
        return _settled(making, final)
    except RejectedError as problem:
        raise UsageError(shown(f"{path}: {problem}. Pack it again without that.")) from None
    except OSError as problem:
        raise UsageError(
            f"{path} cannot be unpacked into {root}: {problem}; free some space, or name another "
            f"folder by {FOLDER_VARIABLE}."
        ) from problem
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _sweep(root: Path) -> None:
    """Remove what no grading has used for long, and what was left by one that was killed."""
    now = time.time()
    for folder in root.iterdir():
        most = MAKING_SECONDS if folder.name.startswith(MAKING) else UNUSED_SECONDS
        with contextlib.suppress(OSError):  # somebody else was quicker
            mark = folder / NOTE
            used = (mark if mark.is_file() else folder).stat().st_mtime
            if now - used > most:
                shutil.rmtree(folder, ignore_errors=True)


def _read_all(packed: Packed) -> Iterator[tuple[str, bytes]]:
    note = Note(packed.slug, packed.notes, packed.notebook)
    made = {**packed.contents, NOTE: msgspec.json.encode(note)}
    for name in sorted({*packed.entries, *made}):
        if name in made:
            yield name, made[name]
        else:
            limit = FILE_BYTES if name.startswith("files/") else SMALL_BYTES
            yield name, bytes_of(name, packed.entries[name], limit)


def _settled(making: Path, final: Path) -> Path:
    """Put a folder where it belongs in one step; one that is there and whole stays."""
    if not _is_whole(final, making):
        shutil.rmtree(final, ignore_errors=True)
        with contextlib.suppress(FileExistsError, OSError):  # somebody else was quicker
            making.rename(final)
    if not (final / NOTE).is_file():
        raise OSError(f"{final} could not be made")
    (final / NOTE).touch()  # used now
    return final


def _is_whole(final: Path, made: Path) -> bool:
    """Say whether a folder that was made before holds the same files still, and no others."""
    names = _held(made)
    return names == _held(final) and all(
        (final / name).read_bytes() == (made / name).read_bytes() for name in names
    )


def _held(folder: Path) -> set[Path]:
    """Return the files of a folder of ours, but for the hand-out that is made in it."""
    names = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    return {name for name in names if len(name.parts) > 1 or name.suffix != ".ipynb"}


def _root() -> Path:
    """Return the folder for unpacked archives, which is for its user alone."""
    named = os.environ.get(FOLDER_VARIABLE)
    try:
        root = (Path(named) if named else Path.home() / ".cache") / "ulp-grader" / "otter"
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        root.chmod(0o700)
    except (OSError, RuntimeError) as problem:
        raise UsageError(
            f"There is no folder to unpack an archive into ({problem}); name one by "
            f"{FOLDER_VARIABLE}."
        ) from problem
    return root


def bytes_of(name: str, entry: Entry, limit: int) -> bytes:
    if entry.problem:
        raise RejectedError(f"{name} {entry.problem}")
    try:
        return entry.read(limit)
    except RejectedError as problem:
        raise RejectedError(f"{name} {problem}") from None
