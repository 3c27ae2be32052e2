"""Which files a test opens: those beside it, its libraries' own, and what its text names.

A test may open a file by a name that a student's code gives. In the process that judges such a
name leads to the reference, to other students' work and to whatever its user may read, write or
remove, and a failed public case shows what was read.
"""

import contextlib
import functools
import os
import re
import sys
import sysconfig
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from grader.grading.text_read import Case
from grader.sandbox import CannotCrossError

NOT_OPENED = (
    "the test uses {path}, which is neither beside the notebook nor named in the test's text; "
    "nothing is opened here by a name that may be a student's: have the test give the name"
)
READ = frozenset({"os.listdir", "os.scandir", "sqlite3.connect"})
WRITTEN = frozenset({
    "os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir",
    "os.symlink", "os.truncate", "os.utime", "shutil.rmtree",
})  # fmt: skip
OF_TWO = frozenset({"os.link", "os.rename"})
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
# What opens files of its own making, wherever the environment says that they lie; and what
# `weakref` and `__del__` remove when memory is looked through, whoever runs just then.
OF_THEMSELVES = (
    "_frozen_importlib", "importlib", "torch._dynamo", "torch._inductor", "triton.", "weakref",
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
        self._is_loading = True
        try:
            yield
        finally:
            self._is_loading = False

    def _begin(self) -> None:
        if not self._is_there:
            sys.addaudithook(self._hear)
            self._is_there = True

    @contextlib.contextmanager
    def for_case(self, case: Case, folder: Path) -> Iterator[None]:
        self._begin()
        self._writable = (str(folder), *_named_in(case.text), *_caches())
        self._readable = (*self._writable, _real(case.path), *_of_programs())
        self._made, self._temporary = [], _real(tempfile.gettempdir())
        self._case = case
        try:
            yield
        finally:
            self._case = None

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in NEW and (self._is_loading or self._case is not None):
            self._new.append(os.path.realpath(arguments[0]))
        if self._case is None or not (event == "open" or event in READ or event in WRITTEN):
            return
        is_written = event in WRITTEN
        if event == "open":
            is_written = bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        for path in arguments[: 2 if event in OF_TWO else 1]:
            if isinstance(path, str | bytes | os.PathLike):
                self._look_at(os.fsdecode(path), self._case, is_written=is_written)

    def _look_at(self, path: str, case: Case, *, is_written: bool) -> None:
        held, self._case = self._case, None  # what is asked here is asked by no test
        try:
            if self._may_use(path, is_written=is_written):
                return
            if not _is_by_test(sys._getframe(2), case):  # noqa: SLF001 - who opens it
                return
        finally:
            self._case = held
        sentence = NOT_OPENED.format(path=f"{path!r:.80}")
        case.refusals.append(sentence)
        raise CannotCrossError(sentence)

    def _may_use(self, path: str, *, is_written: bool) -> bool:
        real, is_there = os.path.realpath(path), os.path.lexists(path)
        places = (*(self._writable if is_written else self._readable), *self._made, *self._new)
        if path == ":memory:" or real in DEVICES or _is_below(real, places):
            return True
        if is_written and not is_there and _is_below(real, (self._temporary,)):
            self._made.append(real)
            return True
        return not is_there and not is_written


_guard = _Guard()
for_case, while_tests_are_loaded = _guard.for_case, _guard.while_tests_are_loaded


@functools.lru_cache(maxsize=1_000)
def _real(path: str) -> str:
    return os.path.realpath(path)


@functools.lru_cache(maxsize=1_000)
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


def _is_by_test(frame: FrameType | None, case: Case) -> bool:
    """Say whether a test, or a library for it, does this, and not the grader or an import."""
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        if case.is_of(frame):
            return True
        is_ours = name.startswith("grader.") and not name.startswith("grader.testing")
        if is_ours or name.startswith(OF_THEMSELVES) or frame.f_code.co_name == "__del__":
            return False
        frame = frame.f_back
    return False
