"""Which files a test opens: those beside it, its libraries' own, and what its text names.

A test may open a file by a name that a student's code gives. In the process that judges such a
name leads to the reference, to other students' work and to whatever its user may read, write or
remove, and a failed public case shows what was read.
"""

import contextlib
import functools
import os
import re
import sqlite3
import sys
import sysconfig
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from grader.grading import outside
from grader.grading.text_read import Case
from grader.sandbox import CannotCrossError

NOT_OPENED = (
    "the test uses {path}, which is neither beside the notebook nor named in the test's text; "
    "nothing is opened here by a name that may be a student's: have the test give the name"
)
READ = frozenset({
    "os.chdir", "os.getxattr", "os.listdir", "os.listxattr", "os.scandir", "sqlite3.connect",
})  # fmt: skip
WRITTEN = frozenset({
    "os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.removexattr", "os.rename",
    "os.rmdir", "os.setxattr", "os.symlink", "os.truncate", "os.utime", "shutil.rmtree",
})  # fmt: skip
ASKING = ("access", "lstat", "readlink", "stat")
# What opens and looks for a test at what the test says.
BETWEEN = frozenset({
    "bz2", "codecs", "configparser", "csv", "datascience", "fileinput", "genericpath", "glob",
    "gzip", "io", "json", "linecache", "lzma", "numpy", "os", "pandas", "pathlib", "posixpath",
    "scipy", "shutil", "tarfile", "tokenize", "zipfile",
})  # fmt: skip
CHANGES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
OF_TWO = frozenset({"os.link", "os.rename", "os.symlink"})
ABSOLUTE = re.compile(r"""["'](/[^"'\n]*)["']""")
DEVICES = (
    "/dev/null",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
    "/proc/cpuinfo",
    "/proc/meminfo",
)
PROGRAMS = (
    "/usr/share", "/usr/lib", "/usr/local/share", "/usr/local/lib", "/lib", "/lib64", "/sys",
    "/etc/fonts", "/etc/ssl", "/etc/localtime", "/etc/mime.types", "/etc/timezone",
)  # fmt: skip
# Made under a name that Python itself has drawn.
NEW = frozenset({"tempfile.mkdtemp", "tempfile.mkstemp"})
MOST_NEW = 256
CACHES = (
    ".cache", ".config/matplotlib", ".local/lib", ".local/share", ".matplotlib", ".triton",
    "nltk_data", "scikit_learn_data",
)  # fmt: skip


class _Guard:
    """Hears of each file that this process opens, and refuses some for a case."""

    def __init__(self) -> None:
        self._is_there = False
        self._is_loading = False
        self._new: deque[str] = deque(maxlen=MOST_NEW)
        self._case: Case | None = None
        self._readable: tuple[str, ...] = ()
        self._writable: tuple[str, ...] = ()
        self._made: list[str] = []
        self._temporary = ""

    @contextlib.contextmanager
    def while_tests_are_loaded(self) -> Iterator[None]:
        """Know which temporary places tests make before any case: theirs in each of them."""
        self._begin()
        outside.begin()
        self._is_loading = True
        try:
            yield
        finally:
            self._is_loading = False

    def _begin(self) -> None:
        """Hear of all that is opened from now on."""
        if not self._is_there:
            sys.addaudithook(self._hear)
            self._is_there = True
        self._put_in_place()

    def _put_in_place(self) -> None:
        """Have what stands in for others where those were, whatever a test has put there."""
        for place, name, one in self._stand_ins:
            if getattr(place, name) is not one:
                setattr(place, name, one)

    @contextlib.contextmanager
    def for_case(self, case: Case, folder: Path) -> Iterator[None]:
        self._begin()
        self._writable, self._readable = _usable(case.text, case.path, folder)
        self._made, self._temporary = [], _real(tempfile.gettempdir())
        self._case = case
        try:
            yield
        finally:
            self._case = None
            self._put_in_place()

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in NEW and (self._is_loading or self._case is not None):
            path = os.path.realpath(arguments[0])
            if _is_below(path, (_real(tempfile.gettempdir()),)):  # and in no folder that is given
                self._new.append(path)
        if self._case is None or not (event == "open" or event in READ or event in WRITTEN):
            return
        if event == "open" and _is_imported_from(sys._getframe(1), arguments[0], self._case):  # noqa: SLF001
            outside.refuse_code(str(arguments[0]), self._case)
        is_written = event in WRITTEN
        if event == "open":
            is_written = bool(arguments[2] & (CHANGES))
        for path in arguments[: 2 if event in OF_TWO else 1]:
            if isinstance(path, str | bytes | os.PathLike):
                self._look_at(os.fsdecode(path), self._case, is_written=is_written)

    def _may_do(self, action: int, name: str | None, *_: Any) -> int:
        """Say whether a statement of SQL, which may be a student's, may be run: what is attached.

        The name is None where it is worked out.
        """
        case = self._case
        if case is None or action != sqlite3.SQLITE_ATTACH or name in {"", ":memory:"}:
            return sqlite3.SQLITE_OK
        is_path = name is not None and not name.startswith("file:")
        if is_path and self._may_use(str(name), is_written=True):
            return sqlite3.SQLITE_OK
        case.refusals.append(NOT_OPENED.format(path=f"{name!r:.80}"))
        return sqlite3.SQLITE_DENY

    @functools.cached_property
    def _stand_ins(self) -> tuple[tuple[Any, str, Any], ...]:
        """What stands in for functions that Python tells no hook of, by place and name.

        They say whether a file is there and what of it, or open a database. Between two cases they
        do what they always do.
        """
        made = [(os, name, self._asking(getattr(os, name))) for name in ASKING]
        for supported in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
            supported |= {one for _, name, one in made if getattr(os, name) in supported}
        connected = self._connecting(sqlite3.connect)
        return (*made, (sqlite3, "connect", connected), (sqlite3.dbapi2, "connect", connected))

    def _asking(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def asked(path: Any, *args: Any, **kwargs: Any) -> Any:
            if self._case is not None and isinstance(path, str | bytes | os.PathLike):
                frame = sys._getframe(1)  # noqa: SLF001 - who asks for it
                is_asked = outside.is_asked_by(frame, self._case, BETWEEN)
                if is_asked and not self._is_above(os.fsdecode(path)):
                    self._look_at(os.fsdecode(path), self._case, is_written=False)
            return function(path, *args, **kwargs)

        return asked

    def _connecting(self, connect: Callable[..., Any]) -> Callable[..., Any]:
        """Have each statement looked at of databases that a test opens, before its cases too."""

        @functools.wraps(connect)
        def connected(*args: Any, **kwargs: Any) -> sqlite3.Connection:
            made: sqlite3.Connection = connect(*args, **kwargs)
            if self._is_loading or self._case is not None:
                made.set_authorizer(self._may_do)
            return made

        return connected

    def _look_at(self, path: str, case: Case, *, is_written: bool) -> None:
        held, self._case = self._case, None  # what is asked here is asked by no test
        try:
            if self._may_use(path, is_written=is_written):
                return
            frame = sys._getframe(2)  # noqa: SLF001 - who opens it
            # A library may look for what is not there; what a test asks for says that it is not.
            if not (is_written or os.path.lexists(path)):
                is_refused = outside.is_asked_by(frame, case, BETWEEN)
            else:
                is_refused = outside.is_by_test(frame, case)
            if not is_refused:
                return
        finally:
            self._case = held
        sentence = NOT_OPENED.format(path=f"{path!r:.80}")
        case.refusals.append(sentence)
        raise CannotCrossError(sentence)

    def _is_above(self, path: str) -> bool:
        """Say whether a path is on the way to what may be read, as to resolve a link."""
        return any(_is_below(place, (os.path.normpath(path),)) for place in self._readable)

    def _may_use(self, path: str, *, is_written: bool) -> bool:
        real = os.path.realpath(path)
        places = (*(self._writable if is_written else self._readable), *self._made, *self._new)
        if path == ":memory:" or real in DEVICES or _is_below(real, places):
            return True
        is_new = is_written and not os.path.lexists(path)
        if is_new and _is_below(real, (self._temporary,)):
            self._made.append(real)
            return True
        return False


_guard = _Guard()
while_tests_are_loaded = _guard.while_tests_are_loaded


@contextlib.contextmanager
def for_case(case: Case, folder: Path) -> Iterator[None]:
    """Have a test use no file meanwhile, and do nothing outside, by a name that it does not say.

    folder: the one in which it runs.
    """
    with _guard.for_case(case, folder), outside.for_case(case, folder):
        yield


@functools.lru_cache(maxsize=1_000)
def _usable(text: str, path: str, folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return below which places a test may write, and below which it may read."""
    writable = (str(folder), *_named_in(text), *_caches())
    return writable, (*writable, _real(path), *_of_programs())


def _is_imported_from(frame: FrameType, path: Any, case: Case) -> bool:
    """Say whether modules are imported from an archive that was written since the case began."""
    return frame.f_globals.get("__name__") == "zipimport" and case.is_new(path)


@functools.lru_cache(maxsize=1_000)
def _real(path: str) -> str:
    return os.path.realpath(path)


def _named_in(text: str) -> tuple[str, ...]:
    return tuple(map(os.path.realpath, ABSOLUTE.findall(text)))


@functools.cache
def _caches() -> tuple[str, ...]:
    return tuple(str(Path.home() / name) for name in CACHES)


@functools.cache
def _of_programs() -> tuple[str, ...]:
    """Return the folders of Python and its libraries, and what others share."""
    here = str(Path(__file__).parents[1])  # whose lines a traceback shows
    own = {here, *sysconfig.get_paths().values(), sys.prefix, sys.base_prefix} - {"/", ""}
    return (*map(os.path.realpath, own), *own, *PROGRAMS)


def _is_below(path: str, places: tuple[str, ...]) -> bool:
    return any(path == place or path.startswith(place.rstrip("/") + "/") for place in places)
