"""What of this machine's files a worker may see, as mounts for `strong` and as paths elsewhere.

A worker sees programs, libraries, the interpreter and its packages; never the course, a home
folder or this package's own checkout.
"""

import contextlib
import os
import site
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.course.assignments import own_course
from grader.errors import UsageError

SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/libx32", "/bin", "/sbin")
ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "fonts")
# What finding a host by its name, and trusting it, takes where the network is open.
ETC_OF_NETWORK = (
    "resolv.conf", "hosts", "nsswitch.conf", "host.conf", "gai.conf", "services", "protocols",
    "ssl", "pki", "ca-certificates", "crypto-policies",
)  # fmt: skip
# Not /dev/zero: pages of it that processes share stay in memory when nobody has them mapped.
DEVICES = ("null", "full", "random", "urandom")
CPU_FACTS = "/sys/devices/system/cpu"
# What the C library asks before it uses large pages; settings, which no student's code changes.
LARGE_PAGES = "/sys/kernel/mm/transparent_hugepage"
PAGE_FACTS = (f"{LARGE_PAGES}/enabled", f"{LARGE_PAGES}/hpage_pmd_size")
INNER_PYTHON, INNER_PACKAGES = "/opt/python", "/opt/packages"
SCRATCH, FILES = "/scratch", "/files"
# Libraries ask who they run as, by environment or by uid; outside a private view an uid that was
# lent to a worker has no name either, and the environment has to do.
USER = "notebook"
# What a private /etc says of the uid and the group inside.
ACCOUNTS = {
    "/etc/passwd": f"{USER}:x:0:0::{SCRATCH}:/bin/sh\n",
    "/etc/group": f"{USER}:x:0:\n",
}
COURSE_FOLDERS = frozenset({"assignments", "solutions"})
# Where an editable or local installation notes the folder that it came from.
TRACES = ("*.pth", "__editable__*", "*.dist-info/direct_url.json", "*.egg-link")


@dataclass(frozen=True, slots=True)
class View:
    """The interpreter and its packages as a worker finds them, and what must be shown for it.

    `binds` pairs a path here with the one inside; `links` a text with the path of the link.
    `blanks` are inside paths shown as empty files, `hidden` as empty folders. `listed` maps a
    folder to the entries of it that may be read, where mounts cannot hide the others.
    """

    python: str
    paths: tuple[str, ...]
    binds: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    blanks: tuple[str, ...]
    devices: tuple[str, ...]
    readable: tuple[str, ...]
    listed: tuple[tuple[str, tuple[str, ...]], ...] = ()
    hidden: tuple[str, ...] = ()
    library_path: str | None = None


def import_paths() -> list[Path]:
    """Return where packages lie, in the order in which they are looked for.

    Without what an editable installation adds, and of PYTHONPATH only what packages were installed
    into: what a worker imports must be what the judge imports.
    """
    places = [*added_packages()]
    places += [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    if site.ENABLE_USER_SITE:
        places.append(site.getusersitepackages())
    if sys.prefix != sys.base_prefix and _sees_system_packages():
        places.extend(site.getsitepackages([sys.base_prefix]))
        if sys.base_prefix == "/usr":  # Debian's own packages lie beside the usual place
            places.append("/usr/lib/python3/dist-packages")
    return [Path(place) for place in dict.fromkeys(places) if Path(place).is_dir()]


def added_packages() -> list[str]:
    """Return the folders of PYTHONPATH that hold installed packages and nothing of a course's."""
    if sys.flags.ignore_environment:
        return []
    named = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    folders = [Path(entry).resolve() for entry in named]
    return [str(folder) for folder in folders if _holds_packages_only(folder)]


def _holds_packages_only(folder: Path) -> bool:
    if not folder.is_dir() or not any(folder.glob("*.dist-info")):
        return False
    if COURSE_FOLDERS & {*folder.parts, *(child.name for child in folder.iterdir())}:
        return False
    # A folder around where somebody works or lives holds more than packages, somewhere below.
    around = [Path.cwd(), Path.home(), Path(tempfile.gettempdir())]
    return not any(place.resolve().is_relative_to(folder) for place in around)


def hidden_folders() -> list[Path]:
    """Return the folders of the course that this package came with, wherever that lies.

    Installed without a virtual environment it lies below the interpreter's own prefix, which a
    worker sees as a whole; so may a clone.
    """
    ours = own_course()
    places = [] if ours is None else [ours.resolve() / name for name in sorted(COURSE_FOLDERS)]
    return [place for place in places if place.is_dir()]


def without(place: str, hidden: list[Path]) -> Iterator[str]:
    """Yield a folder, or what lies in it and its folders beside what is to be hidden."""
    folder = Path(place).resolve()
    if not any(item.is_relative_to(folder) for item in hidden):
        yield place
        return
    for child in sorted(folder.iterdir()) if folder.is_dir() else ():
        if child not in hidden:
            yield from without(str(child), hidden)


def folder_that_shows(place: Path) -> Path | None:
    """Return the folder of a worker's view that something lies in, so that it could be read there.

    None where it lies in no such folder, or in the package's own course, which is hidden.
    """
    place = place.resolve()
    if any(place.is_relative_to(folder) for folder in hidden_folders()):
        return None
    shown = [*SYSTEM, sys.base_prefix, *(f"/etc/{name}" for name in ETC)]
    folders = [*(Path(folder).resolve() for folder in shown), *import_paths()]
    return next((folder for folder in folders if place.is_relative_to(folder)), None)


def refuse_shown(places: Iterable[Path]) -> None:
    """Raise UsageError where a student's code could read the course, a submission or a result."""
    for place in places:
        folder = folder_that_shows(place)
        if folder is not None:
            raise UsageError(
                f"{place} lies in {folder}, which students' code has to be shown; move it to "
                "another folder, for example below /srv or your home, and start again."
            )


def _sees_system_packages() -> bool:
    with contextlib.suppress(OSError):
        text = (Path(sys.prefix) / "pyvenv.cfg").read_text(encoding="utf-8")
        return "include-system-site-packages = true" in text.lower()
    return False


def interpreter() -> Path:
    """Return the interpreter behind a virtual environment's link to it."""
    return Path(getattr(sys, "_base_executable", sys.executable)).resolve()


def gpu_devices() -> list[str]:
    """Return the device nodes of NVIDIA's driver, and those of WSL's."""
    found = [*Path("/dev").glob("nvidia*"), *Path("/dev").glob("dxg")]
    return [str(path) for path in sorted(found)]


def private_view(*, cuda: bool, network: bool = False) -> View:
    """Return the view for a worker with mounts of its own: neutral paths, and nothing besides."""
    inside = _Inside(Path(sys.base_prefix).resolve())
    binds = [(place, place) for place in SYSTEM if _is_real_folder(place)]
    links = [(os.readlink(place), place) for place in SYSTEM if Path(place).is_symlink()]  # noqa: PTH115
    etc = (*ETC, *(ETC_OF_NETWORK if network else ()))
    binds += [(f"/etc/{name}", f"/etc/{name}") for name in etc if Path("/etc", name).exists()]
    if cuda:
        binds.append(("/sys", "/sys"))
    else:
        binds += [(place, place) for place in (CPU_FACTS, *PAGE_FACTS) if Path(place).exists()]
    paths = [inside.place(path) for path in import_paths()]
    python = inside.place(interpreter())
    seen = [Path(place).resolve() for place, _inside in binds + inside.binds]
    hidden = [item for item in hidden_folders() if any(item.is_relative_to(p) for p in seen)]
    hidden_inside = tuple(inside.place(folder) for folder in hidden)
    binds += inside.binds
    return View(
        python=python,
        paths=tuple(paths),
        binds=tuple(binds),
        links=(*links, (SCRATCH.lstrip("/"), "/tmp")),  # noqa: S108 - a link inside, to the scratch
        blanks=tuple(inside.place(trace) for path in import_paths() for trace in _traces_in(path)),
        devices=tuple([f"/dev/{name}" for name in DEVICES] + (gpu_devices() if cuda else [])),
        readable=("/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc", "/opt", "/sys"),
        hidden=hidden_inside,
        library_path=f"{INNER_PYTHON}/lib" if inside.relocated else None,
    )


def open_view(*, cuda: bool, network: bool = False) -> View:
    """Return the view for a worker that shares this machine's file system, for Landlock."""
    base = Path(sys.base_prefix).resolve()
    packages = import_paths()
    listed = tuple((str(path), tuple(_untraced(path))) for path in packages)
    etc = [f"/etc/{name}" for name in (*ETC, *(ETC_OF_NETWORK if network else ()))]
    etc += [str(Path(place).resolve()) for place in etc if Path(place).is_symlink()]
    cpu = ["/sys"] if cuda else [CPU_FACTS]
    hidden = hidden_folders()
    system = [part for place in (*SYSTEM, str(base)) for part in without(place, hidden)]
    return View(
        python=str(interpreter()),
        paths=tuple(str(path) for path in packages),
        binds=(),
        links=(),
        blanks=(),
        devices=tuple([f"/dev/{name}" for name in DEVICES] + (gpu_devices() if cuda else [])),
        readable=(*system, *etc, *cpu),
        listed=listed,
    )


class _Inside:
    """Where paths of the interpreter lie in a worker's own file system."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self.relocated = not base.is_relative_to("/usr")
        self.binds = [(str(base), INNER_PYTHON)] if self.relocated else []
        self._packages: list[Path] = []

    def place(self, path: Path) -> str:
        resolved = path if path.is_symlink() else path.resolve()
        if resolved.is_relative_to("/usr"):
            return str(resolved)
        if resolved.is_relative_to(self._base):
            return str(Path(INNER_PYTHON, resolved.relative_to(self._base)))
        for number, package in enumerate(self._packages):
            if resolved.is_relative_to(package):
                return str(Path(INNER_PACKAGES, str(number), resolved.relative_to(package)))
        self._packages.append(resolved)
        inner = f"{INNER_PACKAGES}/{len(self._packages) - 1}"
        self.binds.append((str(resolved), inner))
        return inner


def _is_real_folder(place: str) -> bool:
    return Path(place).is_dir() and not Path(place).is_symlink()


def _traces_in(folder: Path) -> Iterable[Path]:
    for pattern in TRACES:
        yield from (path for path in sorted(folder.glob(pattern)) if path.is_file())


def _untraced(folder: Path) -> list[str]:
    hidden = {path.relative_to(folder).parts[0] for path in _traces_in(folder)}
    return sorted(name for name in os.listdir(folder) if name not in hidden)  # noqa: PTH208


def bubblewrap(
    view: View,
    *,
    program: str,
    scratch_bytes: int,
    folder: Path,
    privileged: bool,
    network: bool = False,
) -> list[str]:
    """Return the command that puts a worker into namespaces of its own with only this view.

    privileged: the worker may make further namespaces for each child. network: the machine's own.
    """
    empty = folder / "empty"
    empty.touch()
    for target, text in ACCOUNTS.items():
        (folder / Path(target).name).write_text(text, encoding="utf-8")
    arguments = [
        "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
        *(() if network else ("--unshare-net",)), "--unshare-cgroup-try", "--uid", "0", "--gid",
        "0", "--hostname", "notebook", "--cap-drop", "ALL", "--new-session",
    ]  # fmt: skip
    if privileged:
        arguments += ["--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_SETPCAP"]
    for source, target in view.binds:
        arguments += ["--ro-bind", source, target]
    for blank in view.blanks:
        arguments += ["--ro-bind", str(empty), blank]
    nothing = folder / "nothing"
    nothing.mkdir()
    for place in view.hidden:
        arguments += ["--ro-bind", str(nothing), place]
    for target in ACCOUNTS:
        arguments += ["--ro-bind", str(folder / Path(target).name), target]
    for text, target in view.links:
        arguments += ["--symlink", text, target]
    arguments += ["--proc", "/proc", "--dir", "/dev"]
    for device in view.devices:
        arguments += ["--dev-bind-try", device, device]
    for name, number in {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}.items():
        arguments += ["--symlink", f"/proc/self/fd{number}", f"/dev/{name}"]
    size = ["--size", str(scratch_bytes)]
    arguments += [*size, "--tmpfs", SCRATCH, *size, "--tmpfs", "/dev/shm"]  # noqa: S108 - inside
    arguments += ["--remount-ro", "/", "--chdir", SCRATCH]
    # Through a file: they name folders of this machine, and bubblewrap's own command line can be
    # read inside. Its first process keeps the file open no longer than it needs it.
    args_file = folder / "bubblewrap"
    args_file.write_bytes(b"".join(text.encode() + b"\0" for text in arguments))
    return [program, "--args", str(args_file)]
