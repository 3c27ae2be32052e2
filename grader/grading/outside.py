"""What a test does outside of its own process: programs, other machines, code that it loads.

A test may start a program, open an address or import a module by a word that a student gives. It is
done where the reference lies, by whoever grades, so that the test has to say such words itself.
"""

import contextlib
import functools
import importlib.machinery
import os
import re
import socket
import sys
from collections.abc import Callable, Container, Iterator, Sequence
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, NoReturn

from grader.grading.text_read import Case, CourseLoader, is_laid_out
from grader.sandbox import CannotCrossError

STARTS = (
    "the test starts a program by words, or with files beside it or an input, that are not its "
    "own; nothing that a student's process says is run here: have the test ask for a value instead"
)
REACHES = (
    "the test connects to {name}, which its text does not name; no address is reached from here "
    "that may be a student's: have the test name it"
)
LOADS = (
    "the test loads {name} as code, which its text does not name or the course does not have; "
    "nothing that a student's process says is run here: have the test ask for a value instead"
)
PROXIES = frozenset({"all_proxy", "ftp_proxy", "http_proxy", "https_proxy"})
# By event: which of its arguments are the words of a program that is started.
PROGRAMS = {
    "os.exec": slice(0, 2), "os.posix_spawn": slice(0, 2), "os.spawn": slice(1, 3),
    "os.system": slice(0, 1), "pty.spawn": slice(0, 1), "subprocess.Popen": slice(0, 2),
}  # fmt: skip
HOSTS = frozenset({"socket.getaddrinfo", "socket.gethostbyaddr", "socket.gethostbyname"})
RESOLVING = ("getaddrinfo", "gethostbyname", "gethostbyname_ex")
ADDRESSES = frozenset({"socket.connect", "socket.sendmsg", "socket.sendto"})
CODE = frozenset({"ctypes.dlopen", "marshal.load", "marshal.loads"})
EVENTS = PROGRAMS.keys() | HOSTS | ADDRESSES | CODE
SHELL = ["/bin/sh", "-c"]
# What loads code for a test as it asks.
BETWEEN = frozenset({"ctypes", "marshal", "numpy"})
# What starts programs by itself: to look for fonts, a compiler, the kind of a machine.
START_SOME = frozenset({
    "joblib", "matplotlib", "multiprocessing", "numba", "platform", "uuid",
})  # fmt: skip
# What opens files of its own making, wherever the environment says that they lie; and what
# `weakref` and `__del__` remove when memory is looked through, whoever runs just then.
OF_THEMSELVES = ("torch._dynamo", "torch._inductor", "triton.", "weakref")
# What a thread runs that does something for a test and nothing else.
THREAD = "threading"
IN_THREADS = frozenset({
    THREAD, "codecs", "concurrent", "glob", "http", "io", "numpy", "os", "pandas", "pathlib",
    "shutil", "socket", "subprocess", "urllib",
})  # fmt: skip
# What opens files by itself while a test runs: those that lie beside it.
OF_OURS = frozenset({"grader.grading.test_folder", "grader.grading.text_read"})
IMPORTS = ("_frozen_importlib", "importlib")


def is_by_test(frame: FrameType | None, case: Case) -> bool:
    """Say whether a test, or a library for it, does this, and not the grader or an import."""
    name, roots = "", set()
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        roots.add(name.partition(".")[0])
        if case.is_of(frame):
            return True
        is_ours = name.startswith("grader.") and not _is_for_tests(name)
        is_by_itself = name.startswith(OF_THEMSELVES) or frame.f_code.co_name == "__del__"
        if is_ours or is_by_itself or _is_import(frame, name):
            return False
        frame = frame.f_back
    return name == THREAD and roots <= IN_THREADS


def _is_for_tests(name: str) -> bool:
    """Say whether a module of ours does what a test asks, as what stands in for Python does."""
    return name.startswith(("grader.testing", "grader.grading")) and name not in OF_OURS


def is_asked_by(frame: FrameType | None, case: Case, between: Container[str]) -> bool:
    """Say whether a test itself asks for something, through nothing but some modules."""
    while frame is not None and not case.is_of(frame):
        name = str(frame.f_globals.get("__name__"))
        if name.partition(".")[0] not in between and not _is_for_tests(name):
            return False
        frame = frame.f_back
    return frame is not None


def _is_import(frame: FrameType, name: str) -> bool:
    """Say whether a frame imports by a name, or what the course has, and not any file.

    Which packages there are is looked for by their names as well.
    """
    if not name.startswith(IMPORTS):
        return False
    is_course = isinstance(frame.f_locals.get("self"), CourseLoader)
    return is_course or frame.f_code.co_name in {"_find_and_load", "_find_spec", "children"}


class _Guard:
    """Hears what this process is about to do outside of itself, and refuses some for a case."""

    def __init__(self) -> None:
        self._is_there = False
        self._case: Case | None = None
        self._folder = Path()
        self._resolved: set[str] = set()  # what named hosts have been resolved to

    def begin(self) -> None:
        """Hear of what this process does, from before any test is loaded."""
        if not self._is_there:
            sys.addaudithook(self._hear)
            for name in RESOLVING:
                setattr(socket, name, self._resolving(getattr(socket, name)))
            self._is_there = True

    @contextlib.contextmanager
    def for_case(self, case: Case, folder: Path) -> Iterator[None]:
        """Have a test start, reach and load nothing meanwhile but by words of its own."""
        self.begin()
        self._case, self._folder, self._resolved = case, folder, set()
        sys.meta_path.insert(0, self)
        try:
            yield
        finally:
            sys.meta_path.remove(self)
            self._case = None

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._case is None or event not in EVENTS:
            return
        case, self._case = self._case, None  # what is asked here is asked by no test
        try:
            frame = sys._getframe(1)  # noqa: SLF001 - who does it
            if event in HOSTS:
                self._look_at_host(arguments[0], frame, case)
            elif event in ADDRESSES:
                self._look_at_address(arguments[1], frame, case)
            elif event in PROGRAMS:
                if is_by_test(frame, case) and not _is_of_library(frame, case):
                    self._look_at_program(event, arguments, case)
            elif is_asked_by(frame, case, BETWEEN):
                self._look_at_code(event, arguments, case)
        finally:
            self._case = case

    def _look_at_program(self, event: str, arguments: tuple[Any, ...], case: Case) -> None:
        words = [*_words(arguments[PROGRAMS[event]])]
        words = [one for one in words if one not in {*SHELL, sys.executable}]
        env = arguments[3] if event == "subprocess.Popen" else None
        settings = [*_words(tuple({*env.values()} - {*os.environ.values()}))] if env else []
        is_own = all(one in case.texts for one in (*words, *settings))
        has_input = _has_input(sys._getframe(2))  # noqa: SLF001 - of whoever starts it
        if has_input or not is_own or not self._has_only_course():
            _refuse(STARTS, case)

    def _has_only_course(self) -> bool:
        """Say whether nothing lies beside the test but what the course has put there."""
        return all(is_laid_out(path) for path in self._folder.rglob("*") if not path.is_dir())

    def _look_at_code(self, event: str, arguments: tuple[Any, ...], case: Case) -> None:
        name = arguments[0] if event == "ctypes.dlopen" else None
        if event == "ctypes.dlopen":
            is_named = name is None or os.fspath(name) in case.texts
            if is_named and (name is None or "/" not in str(name) or self._has_only_course()):
                return
        _refuse(LOADS.format(name="bytes" if name is None else f"{name!r:.80}"), case)

    def _look_at_host(self, host: Any, frame: FrameType, case: Case) -> None:
        name = _host_of(host)
        is_this_machine = name == socket.gethostname()  # as a server asks for its own name
        is_fine = not name or is_this_machine or _is_named(name, case)
        if not is_fine and is_by_test(frame, case):
            _refuse(REACHES.format(name=f"{name!r:.80}"), case)

    def _look_at_address(self, address: Any, frame: FrameType, case: Case) -> None:
        """Refuse an address that is neither named nor what a named one was resolved to."""
        name = _host_of(address[0] if isinstance(address, tuple) and address else address)
        is_known = isinstance(address, tuple) and name in self._resolved
        if not is_known and not _is_named(name, case) and is_by_test(frame, case):
            _refuse(REACHES.format(name=f"{name!r:.80}"), case)

    def _resolving(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return what keeps the addresses of a host that a test names; no hook hears of those."""

        @functools.wraps(function)
        def resolved(host: Any, *args: Any, **kwargs: Any) -> Any:
            found = function(host, *args, **kwargs)
            if self._case is not None and _is_named(_host_of(host), self._case):
                self._resolved.update(_addresses_in(found))
            return found

        return resolved

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find no module; refuse one that a test imports by a name which it does not say."""
        case, frame = self._case, sys._getframe(1)  # noqa: SLF001 - who imports it
        if case is not None and _is_imported_by_name(frame, case):
            root = re.escape(name.partition(".")[0])
            if not re.search(rf"\b{root}\b", case.text):
                _refuse(LOADS.format(name=f"the module {name!r:.80}"), case)
        return None


_guard = _Guard()
begin: Callable[[], None] = _guard.begin
for_case: Callable[[Case, Path], contextlib.AbstractContextManager[None]] = _guard.for_case


def _is_named(host: str, case: Case) -> bool:
    """Say whether a test's text has a host or a path as a whole, and not as a part of another.

    An empty one is this machine. Where the way out is a proxy, the environment names that.
    """
    if not host:
        return host in case.texts
    is_whole = re.compile(rf"(?<![\w.-]){re.escape(host)}(?![\w.-])").search
    proxies = [value for key, value in os.environ.items() if key.lower() in PROXIES]
    return any(map(is_whole, [case.text, *proxies]))


def _host_of(value: Any) -> str:
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    return "" if value is None else str(value)


def _addresses_in(found: Any) -> Iterator[str]:
    """Yield the texts in what a host was resolved to, its addresses among them."""
    if isinstance(found, str):
        yield found
    elif isinstance(found, list | tuple):
        for one in found:
            yield from _addresses_in(one)


def _has_input(frame: FrameType | None) -> bool:
    """Say whether a program that is started gets something to read."""
    while frame is not None and frame.f_globals.get("__name__") == "subprocess":
        if frame.f_locals.get("stdin") not in {None, frame.f_globals["DEVNULL"]}:
            return True
        frame = frame.f_back
    return False


def _is_imported_by_name(frame: FrameType | None, case: Case) -> bool:
    """Say whether a test has a module imported by a text, and not by a statement of its own."""
    by_function, imports = False, 0
    while frame is not None and str(frame.f_globals.get("__name__")).startswith(IMPORTS):
        by_function |= frame.f_code.co_name == "import_module"
        imports += frame.f_code.co_name == "_find_and_load"
        frame = frame.f_back
    if frame is None or imports > 1 or not case.is_of(frame):  # of a module that is being imported
        return False
    return by_function or "__import__" in frame.f_code.co_names


def _is_of_library(frame: FrameType | None, case: Case) -> bool:
    """Say whether a library starts a program that it always does."""
    while frame is not None and not case.is_of(frame):
        if str(frame.f_globals.get("__name__")).partition(".")[0] in START_SOME:
            return True
        frame = frame.f_back
    return False


def _words(values: Any) -> Iterator[str]:
    for one in values:
        if isinstance(one, str | bytes | os.PathLike):
            yield os.fsdecode(one)
        elif isinstance(one, list | tuple):
            yield from _words(one)


def refuse_code(name: str, case: Case) -> NoReturn:
    """Refuse a file that a test would load as code."""
    _refuse(LOADS.format(name=f"{name!r:.80}"), case)


def _refuse(sentence: str, case: Case) -> NoReturn:
    case.refusals.append(sentence)
    raise CannotCrossError(sentence)
