"""Start the warm worker: a fresh interpreter with a clean environment and no path of ours.

The worker's code is handed over on its standard input, compiled here once, so that no command line,
file name or open descriptor of it points at the course or at this package.
"""

import contextlib
import functools
import json
import marshal
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import IO, Self

from grader.errors import WorkerError
from grader.model import Limits

from .inside.files import measure
from .levels import fonts, host
from .levels import view as views
from .levels.recipes import SCOPED_LANDLOCK, Level, Way
from .levels.seccomp import OWN_PID, compile_filter
from .wire import orders
from .wire.mount_plan import MountPlan
from .wire.orders import LockdownSettings

# Imports the package `sandbox` from texts or compiled code, then runs a module's `main`: no path of
# ours can be read where student code runs. Its two folders are all that there is of it.
LOADER = """
import importlib.util, sys
class Loader:
    def __init__(self, codes):
        self.codes = codes
    def find_spec(self, name, path=None, target=None):
        if name not in self.codes:
            return None
        is_package = any(other.startswith(name + ".") for other in self.codes)
        return importlib.util.spec_from_loader(name, self, is_package=is_package)
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        exec(self.codes[module.__name__], module.__dict__)
"""
BOOTSTRAP = f"""{LOADER}
import marshal
size = int(sys.stdin.buffer.readline())
paths, codes = marshal.loads(sys.stdin.buffer.read(size))
sys.path.extend(paths)
sys.meta_path.insert(0, Loader(codes))
from sandbox.inside import worker
worker.main(sys.stdin.buffer.read())
"""
BUILDER = f"""{LOADER}
import json
sys.meta_path.insert(0, Loader(json.loads(sys.argv[2])))
from sandbox.inside import mounts
mounts.main()
"""

FOLDERS = ("wire", "inside")
MOUNTS_MODULES = frozenset(
    {
        "sandbox", "sandbox.inside", "sandbox.inside.syscalls", "sandbox.inside.mounts",
        "sandbox.wire", "sandbox.wire.mount_plan",
    }
)  # fmt: skip

# Where the network is open: names, and pages. Not what a machine keeps for itself, such as a
# notebook server, a database or a cluster's scheduler.
PORTS = (53, 80, 443)

# What a user's other programs may start meanwhile; the watchdog counts a child's own tasks.
TASKS_SLACK = 64

# A worker that still clears up after a child must not be killed: it is all that knows of them.
STOP_SECONDS = 30.0

# One thread each: a child forked after a two-thread operation of OpenMP hangs in the next one.
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

# A fork copies a worker's page tables, and the end of a child takes them apart: with large pages
# for what the C library allocates both take half as long. Other C libraries do not know the name.
LARGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """A started worker: its process, the judge's end of the control socket, its error output."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    errors: IO[bytes]

    def printed(self) -> str:
        """Return the end of what the worker printed, for a message to staff."""
        self.errors.seek(0, os.SEEK_END)
        self.errors.seek(max(0, self.errors.tell() - 2_000))
        return self.errors.read().decode("utf-8", "replace").strip()

    def stop(self) -> None:
        """End the worker and everything that it started."""
        self.control.close()  # upon which the worker ends its child, and itself
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()


def clean_environment(home: str, extra: dict[str, str] | None = None) -> dict[str, str]:
    """Return the whole environment of a worker; nothing of ours is inherited."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "USER": views.USER,
        "LOGNAME": views.USER,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": home + "/.matplotlib",
        "PIP_NO_INDEX": "1",  # a quick and clear answer, instead of five tries without a network
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        **THREADS,
        **LARGE_PAGES,
        **(extra or {}),
    }


def module_sources() -> dict[str, str]:
    """Return the source text of everything that runs outside this process, by module name."""
    here = Path(__file__).parent
    found = {"sandbox": ""}
    for folder in FOLDERS:
        for path in sorted((here / folder).glob("*.py")):
            name = f"sandbox.{folder}.{path.stem}".removesuffix(".__init__")
            found[name] = path.read_text(encoding="utf-8")
    return found


@functools.cache
def _compiled(name: str, text: str) -> CodeType:
    """Return a module's code, for all workers alike, which run the same interpreter.

    An installation has it compiled already; only the path, which no worker may know, is taken out.
    """
    path = Path(__file__).parent.joinpath(*name.split(".")[1:]).with_suffix(".py")
    with contextlib.suppress(OSError):
        if path.read_text(encoding="utf-8") == text:
            whole = f"{__package__}.{name.partition('.')[2]}"
            code = SourceFileLoader(whole, str(path)).get_code(whole)
            if code is not None:
                return _named(code, f"<{name}>")
    return compile(text, f"<{name}>", "exec", dont_inherit=True, optimize=0)


def _named(code: CodeType, file: str) -> CodeType:
    """Return code that says it is from another file, with all the code in it."""
    parts = [_named(part, file) if isinstance(part, CodeType) else part for part in code.co_consts]
    return code.replace(co_filename=file, co_consts=tuple(parts))


def worker_codes() -> dict[str, CodeType]:
    """Return the code of everything that runs outside this process, by module name."""
    return {name: _compiled(name, text) for name, text in module_sources().items()}


def inside_source(name: str) -> str:
    """Return the source text of one module that runs beside student code."""
    return module_sources()[f"sandbox.inside.{name}"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a worker of one level is started.

    In `command`, a path of `passed` becomes the number of the descriptor it is opened at.
    """

    view: views.View
    command: tuple[str, ...]
    scratch: str
    lockdown: LockdownSettings
    passed: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Files:
    """The course's own files for each child: the folder that they were copied to, and its bytes."""

    folder: Path | None = None
    size: int = 0

    @classmethod
    def copied(cls, given: Iterable[tuple[str, str]], folder: Path) -> Self:
        """Copy files, each by its name for a child and its path, into a new folder."""
        named = sorted(given)
        if not named:
            return cls()
        for name, path in named:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        for place in (folder, *folder.rglob("*")):  # a worker under another uid reads them
            place.chmod(0o755 if place.is_dir() else 0o644)
        return cls(folder, measure(str(folder))[0])


def make_plan(
    level: Level,
    way: Way,
    *,
    folder: Path,
    files: Files | None = None,
    cuda: bool,
    uid: int | None,
    network: bool = False,
) -> Plan:
    """Decide how to start a worker of a level; `folder` is an empty one of the judge's."""
    private = level.has_private_files
    files = files or Files()
    make = views.private_view if private else views.open_view
    view = make(cuda=cuda, network=network)
    shown = ""
    if files.folder is not None:
        shown = views.FILES if private else str(files.folder)
        if private:
            view = replace(view, binds=(*view.binds, (str(files.folder), shown)))
    scratch_bytes = Limits().scratch_bytes + files.size
    scratch = views.SCRATCH if way.nests else f"{views.SCRATCH if private else folder}/notebook"
    abi = host.landlock_abi() if level.confines else 0
    scoped = way.nests or abi >= SCOPED_LANDLOCK
    program = b""
    if level.confines:
        program = compile_filter(private=private, cuda=cuda, scoped=scoped, network=network)
    lockdown = LockdownSettings(
        confined=level.confines,
        nested=way.nests,
        uid=uid if level.child_becomes_uid else None,
        scratch=scratch,
        files=shown,
        filter=program,
        own_pid=0 if scoped else OWN_PID,
        landlock=abi > 0,
        readable=view.readable,
        listed=view.listed,
        writable=view.devices,
        tasks_base=_tasks_base(level),
        cuda=cuda,
        owns_network=private and not network,
        network=network,
        ports=PORTS,
    )
    python = (view.python, "-S", "-s", "-P", "-B", "-c", BOOTSTRAP)
    if way.uses_bubblewrap:
        program_path = host.bubblewrap_program() or "bwrap"
        prefix = views.bubblewrap(
            view, program=program_path, scratch_bytes=scratch_bytes, folder=folder,
            privileged=way.nests, network=network,
        )  # fmt: skip
        return Plan(view, (*prefix, *python), scratch, lockdown, passed=(Path(prefix[-1]),))
    if way is Way.SHARED:
        return Plan(view, python, scratch, lockdown)
    root = folder / "root"
    root.mkdir()
    mounts = MountPlan(
        root=str(root), binds=view.binds, blanks=view.blanks, hidden=view.hidden,
        links=view.links,
        files=tuple(views.ACCOUNTS.items()), devices=view.devices, scratch_bytes=scratch_bytes,
        uid=uid, network=network, command=python,
    )  # fmt: skip
    return Plan(view, _builder(mounts), scratch, lockdown)


def _builder(mounts: MountPlan) -> tuple[str, ...]:
    """Return the command that builds a file system and becomes the plan's own command in it."""
    needed = {name: text for name, text in module_sources().items() if name in MOUNTS_MODULES}
    start = (str(views.interpreter()), "-I", "-S", "-B", "-c", BUILDER)
    return (*start, mounts.dump(), json.dumps(needed))


def _tasks_base(level: Level) -> int:
    """Return what RLIMIT_NPROC counts beside the child's own tasks."""
    if level.has_private_files and host.namespaces_count_tasks():
        return 4  # bubblewrap's first process, and the worker
    if level.child_becomes_uid or not level.confines:
        return 0
    return host.tasks_of_this_user() + TASKS_SLACK


def start_worker(
    imports: tuple[str, ...],
    plan: Plan,
    environment: dict[str, str] | None = None,
) -> WorkerProcess:
    """Start a worker and hand it its code."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the worker is stopped
    spec = marshal.dumps((plan.view.paths, worker_codes()))
    draws = any(name.startswith("matplotlib") for name in imports)
    known = fonts.lists() if draws else {}
    start = orders.dump(orders.Start(theirs.fileno(), imports, plan.lockdown, known))
    extra = dict(environment or {})
    if plan.view.library_path:
        extra["LD_LIBRARY_PATH"] = plan.view.library_path
    with contextlib.ExitStack() as opened:
        opened.callback(theirs.close)
        passed = [opened.enter_context(path.open("rb")).fileno() for path in plan.passed]
        numbers = dict(zip((str(path) for path in plan.passed), map(str, passed), strict=True))
        try:
            process = subprocess.Popen(  # noqa: S603 - the interpreter that runs this
                [numbers.get(part, part) for part in plan.command],
                stdin=subprocess.PIPE,
                stdout=errors,
                stderr=errors,
                cwd="/",
                env=clean_environment(plan.scratch, extra),
                pass_fds=[theirs.fileno(), *passed],
                umask=0o022,  # what it lays out is read by another uid, whatever the judge's own
                # The terminal's Ctrl-C is for the judge, which ends its workers in good order.
                start_new_session=True,
            )
        except OSError as problem:
            ours.close()
            errors.close()
            raise WorkerError(f"The worker could not be started: {problem}.") from problem
    assert process.stdin is not None  # noqa: S101 - it was asked for above
    # A worker that cannot start breaks the pipe; the pipe is closed all the same.
    with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
        pipe.write(b"%d\n" % len(spec) + spec + start)
    return WorkerProcess(process, ours, errors)
