"""An assignment as its author names it: one of our folders, or what otter-grader has packed.

What otter packed (a zip, the folder that it was unpacked to or that `otter assign` made, a notebook
with tests in its metadata) is recognised by content, and copied into a folder of ours under the
same guards as students' files. Nothing of it is run here; its own scripts are never run at all.
"""

import contextlib
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from grader.course import assignments, otter
from grader.course.otter import config
from grader.errors import AssignmentError, UsageError
from grader.model import Assignment, OtterRules
from grader.renderers.text import shown
from grader.submissions.content import RAW_BYTES, is_zip
from grader.submissions.notebook_tests import beside_notebook, is_in_r, metadata, tests_in
from grader.submissions.sources import (
    CLASS_ZIP_BYTES,
    Entry,
    RejectedError,
    Source,
    open_path,
    open_zip,
)
from grader.submissions.unpacking import NOTE, SMALL_BYTES, Note, Packed, bytes_of, unpack

CONFIGURATION = (config.NAME, config.SCRIPT)
# Where `otter assign` puts what it makes, seen from the folder that a person may name.
INSIDE: tuple[tuple[str, ...], ...] = ((), ("autograder",), ("dist", "autograder"))
IGNORED = re.compile(r"\.DS_Store|\._.*|Thumbs\.db")
# What `otter assign` calls its archive, and names that say nothing of what is in them.
MADE_BY_ASSIGN = re.compile(r"[-_]autograder(?:_\d{4}(?:_\d\d){2}T[\d_]+)?$")
SAYS_NOTHING = re.compile(
    r"(?:autograder|dist|source|student|solution|assignment)s?(?:\s?\(\d+\))?", re.IGNORECASE
)

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
    return None if packed is None else unpack(packed, path)


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
    note = msgspec.json.decode((folder / NOTE).read_bytes(), type=Note)
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
    return load(str(path), public_only=True) if tests_in(content) else None


def _find(path: Path) -> Packed | None:
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


def _of_source(source: Source, names: list[str]) -> Packed | None:
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


def _archive_within(source: Source, root: tuple[str, ...], names: list[str]) -> Packed | None:
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


def _archive(below: dict[str, Entry], slug: str) -> Packed:
    """Take from an archive what grading needs: its tests, its files and what it asks for."""
    wanted = {
        name: entry
        for name, entry in below.items()
        if _is_test(name) or name.startswith("files/") or name in config.REQUIREMENTS
        if not IGNORED.fullmatch(entry.name)
    }
    given = _configuration(below)
    name = given.get("assignment_name")
    slug = name if isinstance(name, str) and name.strip() else slug
    return Packed(slug, wanted, {config.NAME: config.kept(given)}, config.secret_notes(given))


def _configuration(below: dict[str, Entry]) -> dict[str, Any]:
    """Return the configuration, or else the one that an older script holds; it is never run."""
    if config.NAME in below:
        return config.parse(bytes_of(config.NAME, below[config.NAME], SMALL_BYTES))
    script = below.get(config.SCRIPT)
    return {} if script is None else config.of_script(bytes_of(config.SCRIPT, script, SMALL_BYTES))


def _of_parts(below: dict[str, Entry], names: list[str]) -> Packed | None:
    """Return what `otter assign` leaves beside its archive: a notebook, and files beside it."""
    books = [name for name in below if "/" not in name and name.endswith(".ipynb")]
    if len(books) != 1:
        return None
    tests = tests_in(bytes_of(books[0], below[books[0]], RAW_BYTES))
    if not tests:
        return None
    files = {
        f"files/{name}": entry
        for name, entry in below.items()
        if name not in {*books, *CONFIGURATION, *config.REQUIREMENTS}
        and entry.suffix not in {".zip", ".pdf"}
        and not IGNORED.fullmatch(entry.name)
    }
    given = {name: entry for name, entry in below.items() if name in config.REQUIREMENTS}
    packed = _archive(below, _slug([PurePosixPath(books[0]).stem, *names]))
    return replace(packed, entries=given | files, contents={**packed.contents, **tests})


def _of_notebook(content: bytes, path: Path) -> Packed:
    """Return the assignment that a notebook holds in its metadata, or has in tests/ beside it."""
    tests = tests_in(content)
    if is_in_r(content):
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
    entries |= beside_notebook(content, path)
    slug = metadata(content).get("assignment_name")
    slug = slug if isinstance(slug, str) and slug.strip() else path.stem
    contents = {config.NAME: b"{}\n", **tests, f"{path.stem}.ipynb": content}
    return Packed(slug, entries, contents, notebook=path.name)


def _slug(names: Iterable[str]) -> str:
    """Return what an archive is called: by its file, or else by a folder that it lies in."""
    bare = (MADE_BY_ASSIGN.sub("", name) for name in names)
    return next((name for name in bare if name and not SAYS_NOTHING.fullmatch(name)), "autograder")


def _names(path: Path) -> list[str]:
    whole = path.resolve()
    own = whole.name if whole.is_dir() else whole.stem
    return [own, *(folder.name for folder in whole.parents)]
