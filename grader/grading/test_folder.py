"""The folder in which tests run: the course's files, and what the notebook's code has written.

A test that reads a file gets the course's own copy of what the course has, never a student's. What
only the student's code has written is fetched from its process, as a value is: bytes that it may
have chosen, and of which nothing is run or unpickled. What the test writes is handed to that
process before its code is called, since a function may be asked to read it.
"""

import contextlib
import functools
import importlib.machinery
import os
import re
import shutil
import sys
import tempfile
import weakref
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any, NamedTuple

from grader.course.beside import Named, mentions
from grader.errors import CannotJudgeError
from grader.grading import evaluation
from grader.grading.file_access import may_touch_files
from grader.grading.text_read import LAID_OUT, CourseLoader
from grader.sandbox import CannotCrossError, Session, StudentError, libraries
from grader.sandbox.inside.files import checksum

LISTS = re.compile(r"\b(?:glob|iglob|rglob|listdir|scandir|iterdir|walk)\b")
# What is run, or made into objects, where it is read.
RUN = frozenset(
    {
        ".pyc", ".pyd", ".so", ".dll", ".dylib", ".pth", ".pkl", ".pickle", ".p", ".joblib",
        ".dill", ".cloudpickle", ".pt", ".ckpt",
    }
)  # fmt: skip
MOST_BYTES = 64 << 20  # of a file that is fetched
MOST_TOGETHER = 256 << 20  # of all that are there at once, which may have been empty in a child
NOT_READ = (
    "the test reads {name}, which the student's code has written; what is run or unpickled where "
    "it is read is not taken from there: have the test ask for a value instead"
)
NOT_UNPICKLED = (
    "the test unpickles while files of the student's are there; nothing that a student's process "
    "wrote is unpickled: have the test ask for a value instead"
)


@functools.lru_cache(maxsize=8)  # it is asked for at every case
def _absolute(places: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(place for place in places if os.path.isabs(place))  # noqa: PTH117 - a text


class _Loader(CourseLoader):
    """Gives such a module what stands for Python's own functions in a test."""

    def exec_module(self, module: ModuleType) -> None:
        """Run its code."""
        vars(module).update(evaluation.FOR_TESTS)
        super().exec_module(module)


class _CourseModules:
    """Finds for tests the modules that the course puts beside the notebook, after all others."""

    def __init__(self, files: Iterable[Named]) -> None:
        self._roots = {
            PurePosixPath(name).parts[0].removesuffix(".py"): path.removesuffix(f"/{name}")
            for name, path in files
            if name.endswith(".py")
        }
        self._loaded: dict[str, ModuleType] = {}

    def __bool__(self) -> bool:
        return bool(self._roots)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        root = self._roots.get(name.partition(".")[0])
        if root is None:
            return None
        finder = importlib.machinery.FileFinder(
            root if path is None else next(iter(path)), (_Loader, [".py"])
        )
        return finder.find_spec(name, target)

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Let modules be found; another assignment's of the same name are other modules."""
        sys.modules.update(self._loaded)
        sys.meta_path.append(self)
        try:
            with libraries.with_course(self._roots):
                yield
        finally:
            sys.meta_path.remove(self)
            for name in [*sys.modules]:
                module = sys.modules[name]
                if isinstance(getattr(module, "__loader__", None), _Loader):
                    self._loaded[name] = sys.modules.pop(name)


class _NoUnpickling:
    """Refuses to unpickle in this process while files of a student's lie there."""

    def __init__(self) -> None:
        self.refusals: list[str] | None = None
        self._is_there = False

    @contextlib.contextmanager
    def noted_on(self, refusals: list[str]) -> Iterator[None]:
        if not self._is_there:
            sys.addaudithook(self._hear)
            self._is_there = True
        self.refusals = refusals
        try:
            yield
        finally:
            self.refusals = None

    def _hear(self, event: str, _arguments: tuple[Any, ...]) -> None:
        if event == "pickle.find_class" and self.refusals is not None:
            self.refusals.append(NOT_UNPICKLED)
            raise CannotCrossError(NOT_UNPICKLED)


_no_unpickling = _NoUnpickling()


class TestFolder:
    """A folder of this process's with the course's files, as they are whenever a case begins."""

    __test__ = False  # the name is the field's word; pytest must not collect it

    def __init__(self, files: Iterable[Named], withheld: Iterable[Named] = ()) -> None:
        """Lay out the files that students' code has as well, and those that it is not to have."""
        kept = tuple(withheld)
        self._files = (*files, *kept)
        self._withheld = frozenset(name for name, _ in kept)
        self._names = frozenset(name for name, _ in self._files)
        self._modules = _CourseModules(self._files)
        top = tempfile.mkdtemp(prefix="tests-")
        weakref.finalize(self, shutil.rmtree, top, ignore_errors=True)
        self._folder = Path(top).resolve() / "files"
        self._place = str(self._folder)
        self._before: dict[str, tuple[int, int, int]] = {}
        self._lay_out()

    def _lay_out(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        for name, path in self._files:
            target = self._folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            os.utime(target, (LAID_OUT, LAID_OUT))
        self._before = self._state()

    def _state(self) -> dict[str, tuple[int, int, int]]:
        found = {}
        for path in self._folder.rglob("*"):
            seen = path.lstat()
            # A folder's own time changes with what is written into it and removed.
            moment = 0 if path.is_dir() else seen.st_mtime_ns
            found[str(path)] = seen.st_ino, moment, seen.st_mode
        return found

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self._folder

    @property
    def has_modules(self) -> bool:
        """Whether the course has modules beside the notebook, which tests may import."""
        return bool(self._modules)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Have this process work in the folder, where nothing but the course is imported from."""
        here, before = os.getcwd(), sys.path[:]  # noqa: PTH109 - at every case, as what follows
        sys.path[:] = _absolute(tuple(before))
        os.chdir(self._place)
        try:
            if self._modules:
                with self._modules.in_use():
                    yield
            else:
                yield
        finally:
            os.chdir(here)
            sys.path[:] = before

    def for_case(
        self, text: str, session: Session | None, refusals: list[str]
    ) -> contextlib.AbstractContextManager[None]:
        """Have one case run in the folder, with the files that it may look for.

        text: of the test. refusals: where it is noted that a file could not be handed over.
        """
        if not self._modules and not may_touch_files(text):
            return self.entered()
        return self._with_files(text, session, refusals)

    @contextlib.contextmanager
    def _with_files(
        self, text: str, session: Session | None, refusals: list[str]
    ) -> Iterator[None]:
        with contextlib.ExitStack() as undo, self.entered():
            undo.callback(self._tidy)
            if session is not None:
                places = Places(self._folder, self._names, self._withheld)
                written = _Written(places, text, session, refusals)
                written.fetch()
                session.files.said.clear()
                session.first, session.then = written.hand_over, written.fetch
                undo.callback(setattr, session, "then", None)
                undo.callback(setattr, session, "first", None)
                session.files.folder_of_test = str(self._folder)
                undo.callback(setattr, session.files, "folder_of_test", "")
                undo.enter_context(self._temporary_files())
                undo.enter_context(_no_unpickling.noted_on(refusals))
            yield

    @contextlib.contextmanager
    def _temporary_files(self) -> Iterator[None]:
        """Have a test's temporary files lie in the folder, where the student's code finds them."""
        before = tempfile.tempdir
        tempfile.tempdir = str(self._folder)
        try:
            yield
        finally:
            tempfile.tempdir = before

    def _tidy(self) -> None:
        """Have the folder as it was, whatever a case has made of it."""
        try:
            changed = self._state() != self._before
        except OSError:
            changed = True
        if changed:
            self._lay_out()


class Places(NamedTuple):
    """A test's folder, the names that the course has there, and those of them that are withheld."""

    folder: Path
    names: frozenset[str]
    withheld: frozenset[str]


class _Seen(NamedTuple):
    """What tells that a file was written to; its checksum where its time is too near to tell."""

    inode: int
    moment: int
    size: int
    checksum: int

    @classmethod
    def of(cls, path: Path) -> "_Seen":
        seen = path.stat()
        return cls(seen.st_ino, seen.st_mtime_ns, seen.st_size, checksum(str(path), seen))

    def is_still(self, now: "_Seen", path: Path) -> bool:
        """Tell whether a file that now looks so holds what it held."""
        if self[:3] != now[:3]:
            return False
        return not self.checksum or self.checksum == (now.checksum or zlib.crc32(path.read_bytes()))


FOLDER = _Seen(0, 0, 0, 0)


class _Written:
    """What a student's code has written and one test's text names, as it is now."""

    def __init__(self, places: Places, text: str, session: Session, refusals: list[str]) -> None:
        self._folder, self._names, self._withheld = places
        self._text = text
        self._session, self._refusals = session, refusals
        self._lists = LISTS.search(text) is not None
        self._held: dict[str, tuple[int, int, int]] = {}
        self._sizes: dict[str, int] = {}  # of those that were laid out
        self._known = self._files()  # there as well, or not the test's

    def _files(self) -> dict[str, _Seen]:
        """Return the files of the test's folder, each with what shows that it was written to."""
        found = {}
        for path in self._folder.rglob("*"):
            name = path.relative_to(self._folder).as_posix()
            if path.is_symlink():
                continue
            if path.is_dir():
                found[f"{name}/"] = FOLDER
            elif path.is_file():
                found[name] = _Seen.of(path)
        return found

    def hand_over(self) -> None:
        """Give the student's process what the test has written, and take what it has removed."""
        now = self._files()
        for name, seen in now.items():
            known = self._known.get(name)
            is_known = known is not None and known.is_still(seen, self._folder / name)
            if is_known or name in self._withheld:
                continue
            if seen.size > MOST_BYTES:
                self._refusals.append(f"the test writes {name}, which is larger than a file may be")
                continue
            self._write(name, b"" if name.endswith("/") else (self._folder / name).read_bytes())
        for name in self._known.keys() - now.keys():
            if not name.endswith("/") and name not in self._withheld:
                self._write(name, None)
        self._known = now

    def _write(self, name: str, content: bytes | None) -> None:
        with contextlib.suppress(StudentError):  # its code has closed the folder to itself
            self._session.files.write(name, content)

    def fetch(self) -> None:
        """Lay out what is new, and remove what is gone."""
        listed = {
            name: seen
            for name, seen in self._session.files.listed().items()
            if name not in self._names and (self._lists or self._is_asked_for(name))
        }
        for name in self._held.keys() - listed.keys():
            # As a child has it a file may be a folder by now.
            with contextlib.suppress(NotADirectoryError, IsADirectoryError, PermissionError):
                (self._folder / name).unlink(missing_ok=True)
            self._known.pop(name, None)
            self._sizes.pop(name, None)
        for name, seen in listed.items():
            if self._held.get(name) != seen:
                self._take(name, seen[0])
        self._held = listed

    def _is_asked_for(self, name: str) -> bool:
        """Say whether the test names a file, or has got its name from the notebook."""
        return name in self._session.files.said or mentions(self._text, name)

    def _take(self, name: str, size: int) -> None:
        if PurePosixPath(name).suffix.lower() in RUN:
            if self._is_asked_for(name):
                self._refusals.append(NOT_READ.format(name=name))
            return
        if not self._has_room(name, size):
            return
        with contextlib.suppress(StudentError):  # it is gone, or closed to its owner as well
            content = self._session.files.read(name)
            if not self._has_room(name, len(content)):  # whatever was said of its size
                return
            self._sizes[name] = len(content)
            path = self._folder / name
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                self._known[name] = _Seen.of(path)
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                return  # the course has a file of that name, or a folder
            except OSError as problem:
                raise CannotJudgeError(f"{name} cannot be laid out for a test: {problem}") from None

    def _has_room(self, name: str, size: int) -> bool:
        """Say whether a file may be laid out, and note it where it may not."""
        others = sum(self._sizes.values()) - self._sizes.get(name, 0)
        if size > MOST_BYTES:
            self._refusals.append(f"the test reads {name}, which is larger than a file may be")
        elif others + size > MOST_TOGETHER:
            self._refusals.append(f"the test reads {name} and others, which are too large together")
        return size <= MOST_BYTES and others + size <= MOST_TOGETHER
