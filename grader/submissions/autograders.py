"""An assignment as its author names it: one of our folders, or what otter-grader has packed.

What otter packed (a zip, the folder that it was unpacked to or that `otter assign` made, a notebook
with tests in its metadata) is recognised by content, and copied into a folder of ours under the
same guards as students' files. Nothing of it is run here; its own scripts are never run at all.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from grader.course import assignments, beside, otter
from grader.course.otter import config
from grader.errors import AssignmentError, UsageError
from grader.model import MIB, Assignment, OtterRules
from grader.renderers.text import feedback_name, shown
from grader.submissions.content import RAW_BYTES, is_zip
from grader.submissions.sources import (
    CLASS_ZIP_BYTES,
    Entry,
    RejectedError,
    Source,
    open_file,
    open_path,
    open_zip,
)

CONFIGURATION = (config.NAME, config.SCRIPT)
REQUIREMENTS = ("environment.yml", "requirements.txt")
# Where `otter assign` puts what it makes, seen from the folder that a person may name.
INSIDE: tuple[tuple[str, ...], ...] = ((), ("autograder",), ("dist", "autograder"))
SMALL_BYTES = 4 * MIB  # a test file, a configuration
FILE_BYTES = 512 * MIB
ALL_BYTES = 2048 * MIB
IGNORED = re.compile(r"\.DS_Store|\._.*|Thumbs\.db")
# What `otter assign` calls its archive, and names that say nothing of what is in them.
MADE_BY_ASSIGN = re.compile(r"[-_]autograder(?:_\d{4}(?:_\d\d){2}T[\d_]+)?$")
SAYS_NOTHING = re.compile(
    r"(?:autograder|dist|source|student|solution|assignment)s?(?:\s?\(\d+\))?", re.IGNORECASE
)
NOTE = "unpacked.json"
MAKING = ".making-"
MAKING_SECONDS = 24 * 3600.0
UNUSED_SECONDS = 60 * 24 * 3600.0  # hidden tests need not lie there for ever
NOT_HANDED_OUT = frozenset({"tests", *CONFIGURATION, *REQUIREMENTS, "__pycache__"})
FOLDER_VARIABLE = "XDG_CACHE_HOME"

WHAT_IS_ONE = (
    "an otter autograder has tests/*.py, and otter_config.json or run_otter.py beside them. Give "
    "the autograder.zip that `otter assign` or `otter generate` made"
)
IN_R = frozenset({".r", ".rmd", ".qmd"})
IS_IN_R = "{name} is an assignment in R, and only Python is graded here; use `otter grade`."
ONLY_PUBLIC = (
    "The tests were read from the metadata of {name}: public ones only, since a hand-out holds no "
    "others. Give the autograder.zip for all of them."
)


class _Note(msgspec.Struct, frozen=True):
    """What a folder of ours keeps of how it came to be."""

    slug: str
    notes: tuple[str, ...] = ()
    notebook: str = ""  # whose metadata the tests were read from, "" for none


@dataclass(frozen=True, slots=True)
class _Packed:
    """What is taken from an archive of otter's: the files by their new place, and its name."""

    slug: str
    entries: dict[str, Entry]
    contents: dict[str, bytes]  # what is made here, not copied
    notes: tuple[str, ...] = ()
    notebook: str = ""


def load(
    name: str,
    course: Path | None = None,
    *,
    need_solutions: bool = False,
    public_only: bool = False,
    ignore_plugins: bool = False,
) -> Assignment:
    """Load an assignment by its slug, its folder, or the path of what otter packed.

    UsageError where the name is none of these; AssignmentError says what in it cannot be graded.
    """
    path = Path(name)
    folder = unpacked(path)
    if folder is None:
        is_ours = (path / "assignment.toml").is_file()
        if not is_ours and path.is_dir() and len(path.parts) > 1:
            raise UsageError(
                f"{path} is no assignment: one of ours has an assignment.toml, and {WHAT_IS_ONE}."
            )
        return assignments.load(
            name, course, need_solutions=need_solutions, public_only=public_only
        )
    return _from_folder(
        folder, _origin(folder, name), ignore_plugins=ignore_plugins, public_only=public_only
    )


def unpacked(path: Path) -> Path | None:
    """Return the folder of ours with what otter packed at a path; None where it packed nothing."""
    if (path / NOTE).is_file():
        return path
    if (path / "assignment.toml").is_file():
        return None
    packed = _find(path)
    return None if packed is None else _unpacked(packed, path)


def load_regardless(folder: Path, name: str) -> Assignment:
    """Load an unpacked folder as if it had no configuration, to look at and not to grade."""
    return _from_folder(
        folder, _origin(folder, name), ignore_plugins=True, public_only=False, rules=OtterRules()
    )


def _origin(folder: Path, name: str) -> str:
    return name if folder == Path(name) else str(Path(name).resolve())


def _from_folder(
    folder: Path,
    origin: str,
    *,
    ignore_plugins: bool,
    public_only: bool,
    rules: OtterRules | None = None,
) -> Assignment:
    note = msgspec.json.decode((folder / NOTE).read_bytes(), type=_Note)
    loaded = otter.load(
        folder.resolve(), note.slug, origin=origin, ignore_plugins=ignore_plugins,
        public_only=public_only, rules=rules,
    )  # fmt: skip
    if loaded.otter is None:
        return loaded
    notes = tuple(dict.fromkeys([*note.notes, *loaded.otter.notes]))
    if note.notebook and not any(q.hidden_points for q in loaded.questions):
        notes = (ONLY_PUBLIC.format(name=note.notebook), *notes)
    return replace(loaded, otter=replace(loaded.otter, notes=notes))


def load_from_notebook(path: Path, content: bytes) -> Assignment | None:
    """Load the assignment that a student's own notebook holds; None where it holds no tests."""
    return load(str(path), public_only=True) if _tests_in(content) else None


def _find(path: Path) -> _Packed | None:
    """Return what a path holds of otter's; None where it may be a slug of the course."""
    if path.is_dir():
        return _of_source(open_path(path), _names(path))
    if not path.is_file():
        if path.suffix.lower() in {".zip", ".ipynb"}:
            raise UsageError(f"There is no file {path}; give the autograder.zip that exists.")
        return None
    if path.suffix.lower() in IN_R:
        raise AssignmentError(IS_IN_R.format(name=path))
    try:
        with path.open("rb") as file:
            start = file.read(RAW_BYTES)
        if path.suffix.lower() == ".zip" or is_zip(start):
            source = open_path(path) if path.suffix.lower() == ".zip" else _open_renamed(path)
            found = _of_source(source, _names(path))
            if found is None:
                raise UsageError(shown(f"{path}: {_instead(source)}; {WHAT_IS_ONE}."))
            return found
        return _of_notebook(start, path)
    except RejectedError as problem:
        raise UsageError(shown(f"{problem}. Make it again with `otter generate`.")) from None


def _open_renamed(path: Path) -> Source:
    """Open a zip that is called otherwise."""
    if path.stat().st_size > CLASS_ZIP_BYTES:
        raise RejectedError(f"{path} is larger than the {CLASS_ZIP_BYTES:,} bytes allowed")
    return open_zip(path.read_bytes(), path.name)


def _instead(source: Source) -> str:
    names = [entry.name for entry in source.entries]
    if any(name.lower().endswith(".ipynb") for name in names):
        return "it holds notebooks, as submissions do, which come after the assignment"
    return "it holds no tests of otter's"


def _of_source(source: Source, names: list[str]) -> _Packed | None:
    """Return the archive that a zip or a folder is, or that lies in it; None for neither.

    names: what it may be called by, the likeliest first.
    """
    roots = [*INSIDE, *_wrapped(source)]
    for root in roots:
        below = _below(source, root)
        if _is_archive(below):
            _refuse_slips(source)
            return _archive(below, _slug(names))
        _refuse_r(below, source.name)
    for root in roots:
        if (found := _archive_within(source, root, names)) is not None:
            return found
    for root in roots:
        below = _below(source, root)
        if config.NAME in below and (found := _of_parts(below, names)) is not None:
            return found
    return None


def _wrapped(source: Source) -> list[tuple[str, ...]]:
    """Return the only folder at the top, as macOS packs one with its name."""
    entries = [entry for entry in source.entries if not IGNORED.fullmatch(entry.name)]
    tops = {entry.parts[0] for entry in entries}
    if len(tops) != 1 or any(len(entry.parts) == 1 for entry in entries):
        return []
    return [(*tops, *inside) for inside in INSIDE]


def _below(source: Source, root: tuple[str, ...]) -> dict[str, Entry]:
    depth = len(root)
    return {
        "/".join(entry.parts[depth:]): entry
        for entry in source.entries
        if entry.parts[:depth] == root and len(entry.parts) > depth
    }


def _is_test(name: str, suffix: str = ".py") -> bool:
    place = PurePosixPath(name)
    if place.name == "__init__.py":  # which makes a package of the tests, and tests nothing
        return False
    return place.parent.name == "tests" and len(place.parts) == 2 and place.suffix == suffix  # noqa: PLR2004


def _is_archive(below: dict[str, Entry]) -> bool:
    return any(map(_is_test, below)) and any(name in below for name in CONFIGURATION)


def _refuse_r(below: dict[str, Entry], name: str) -> None:
    in_r = any(_is_test(path, suffix) for path in below for suffix in (".R", ".r"))
    if in_r or ("requirements.r" in below and "setup.sh" in below):
        raise AssignmentError(IS_IN_R.format(name=name))


def _refuse_slips(source: Source) -> None:
    for name, reason in source.refused:
        raise AssignmentError(
            shown(f"{source.name} holds {name[:200]!r}, which {reason}; make the zip again.")
        )


def _archive_within(source: Source, root: tuple[str, ...], names: list[str]) -> _Packed | None:
    """Return the one archive that lies in a folder, as in the one that `otter assign` makes."""
    found = []
    for name, entry in _below(source, root).items():
        if "/" in name or entry.suffix != ".zip" or entry.problem:
            continue
        with contextlib.suppress(RejectedError):
            inner = open_zip(entry.read(CLASS_ZIP_BYTES), entry.name)
            packed = _of_source(inner, [entry.stem, *names])
            if packed is not None:
                found.append((entry.name, packed))
    if len(found) > 1:
        listed = ", ".join(name for name, _ in found)
        raise UsageError(f"{source.name} holds {len(found)} autograders ({listed}); name one.")
    return found[0][1] if found else None


def _archive(below: dict[str, Entry], slug: str) -> _Packed:
    """Take from an archive what grading needs: its tests, its files and what it asks for."""
    wanted = {
        name: entry
        for name, entry in below.items()
        if _is_test(name) or name.startswith("files/") or name in REQUIREMENTS
        if not IGNORED.fullmatch(entry.name)
    }
    given = _configuration(below)
    name = given.get("assignment_name")
    slug = name if isinstance(name, str) and name.strip() else slug
    return _Packed(slug, wanted, {config.NAME: config.kept(given)}, config.secret_notes(given))


def _configuration(below: dict[str, Entry]) -> dict[str, Any]:
    """Return the configuration, or else the one that an older script holds; it is never run."""
    if config.NAME in below:
        return config.parse(_bytes(config.NAME, below[config.NAME], SMALL_BYTES))
    script = below.get(config.SCRIPT)
    return {} if script is None else config.of_script(_bytes(config.SCRIPT, script, SMALL_BYTES))


def _of_parts(below: dict[str, Entry], names: list[str]) -> _Packed | None:
    """Return what `otter assign` leaves beside its archive: a notebook, and files beside it."""
    books = [name for name in below if "/" not in name and name.endswith(".ipynb")]
    if len(books) != 1:
        return None
    tests = _tests_in(_bytes(books[0], below[books[0]], RAW_BYTES))
    if not tests:
        return None
    files = {
        f"files/{name}": entry
        for name, entry in below.items()
        if name not in {*books, *CONFIGURATION, *REQUIREMENTS}
        and entry.suffix not in {".zip", ".pdf"}
        and not IGNORED.fullmatch(entry.name)
    }
    given = {name: entry for name, entry in below.items() if name in REQUIREMENTS}
    packed = _archive(below, _slug([PurePosixPath(books[0]).stem, *names]))
    return replace(packed, entries=given | files, contents={**packed.contents, **tests})


def _of_notebook(content: bytes, path: Path) -> _Packed:
    """Return the assignment that a notebook holds in its metadata, or has in tests/ beside it."""
    tests = _tests_in(content)
    if _is_in_r(content):
        raise AssignmentError(IS_IN_R.format(name=path))
    entries: dict[str, Entry] = {}
    if not tests and (path.parent / "tests").is_dir():
        below = _below(open_path(path.parent), ())
        entries = {name: entry for name, entry in below.items() if _is_test(name)}
    if not tests and not entries:
        raise UsageError(
            f"{path} is a notebook without otter's tests in its metadata, so nothing can be graded "
            "by it; give the autograder.zip."
        )
    entries |= _beside_notebook(content, path)
    slug = _metadata(content).get("assignment_name")
    slug = slug if isinstance(slug, str) and slug.strip() else path.stem
    contents = {config.NAME: b"{}\n", **tests, f"{path.stem}.ipynb": content}
    return _Packed(slug, entries, contents, notebook=path.name)


def _beside_notebook(content: bytes, path: Path) -> dict[str, Entry]:
    """Return the files that lie beside a notebook and that it names, as they were handed out."""
    text = content.decode("utf-8", "replace").replace("\\n", "\n").replace('"', "\n")
    found: dict[str, Entry] = {}
    for place in sorted(path.parent.iterdir()):
        if place.name.startswith(".") or place.name in NOT_HANDED_OUT or place == path:
            continue
        if place.is_dir():
            if re.search(rf"(?<![\w.-]){re.escape(place.name)}/", text):
                below = _below(open_path(place), ())
                found |= {f"files/{place.name}/{name}": entry for name, entry in below.items()}
        elif place.suffix not in {".ipynb", ".zip", ".pdf"} and beside.mentions(text, place.name):
            found[f"files/{place.name}"] = open_file(place).entries[0]
    return found


def _metadata(content: bytes, key: str = "otter") -> dict[str, Any]:
    """Return what somebody keeps in a notebook's metadata; nothing where it is no notebook."""
    try:
        found = json.loads(content.decode("utf-8-sig"))["metadata"][key]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_in_r(content: bytes) -> bool:
    return str(_metadata(content, "kernelspec").get("language")).lower() == "r"


def _tests_in(content: bytes) -> dict[str, bytes]:
    """Return the test files that a notebook's metadata holds, as files of the same meaning."""
    held = _metadata(content).get("tests")
    if not isinstance(held, dict):
        return {}
    return {
        f"tests/{feedback_name(name)}.py": (
            spec if isinstance(spec, str) else f"OK_FORMAT = True\n\ntest = {spec!r}\n"
        ).encode()
        for name, spec in held.items()
    }


def _slug(names: Iterable[str]) -> str:
    """Return what an archive is called: by its file, or else by a folder that it lies in."""
    bare = (MADE_BY_ASSIGN.sub("", name) for name in names)
    return next((name for name in bare if name and not SAYS_NOTHING.fullmatch(name)), "autograder")


def _names(path: Path) -> list[str]:
    whole = path.resolve()
    own = whole.name if whole.is_dir() else whole.stem
    return [own, *(folder.name for folder in whole.parents)]


def _bytes(name: str, entry: Entry, limit: int) -> bytes:
    if entry.problem:
        raise RejectedError(f"{name} {entry.problem}")
    try:
        return entry.read(limit)
    except RejectedError as problem:
        raise RejectedError(f"{name} {problem}") from None


def _unpacked(packed: _Packed, path: Path) -> Path:
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


def _read_all(packed: _Packed) -> Iterator[tuple[str, bytes]]:
    note = _Note(packed.slug, packed.notes, packed.notebook)
    made = {**packed.contents, NOTE: msgspec.json.encode(note)}
    for name in sorted({*packed.entries, *made}):
        if name in made:
            yield name, made[name]
        else:
            limit = FILE_BYTES if name.startswith("files/") else SMALL_BYTES
            yield name, _bytes(name, packed.entries[name], limit)


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
