# ruff: noqa: PTH101, PTH104, PTH108, PTH116, PTH123 - each attempt is one system call
"""The probes: what a child tries against the judge's targets, run as a cell of that child.

To add one, write it here and name it in `PROBES`.
"""

import contextlib
import ctypes
import mmap
import os
import resource
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

CLONE_NEWUSER = 0x10000000
STANDARD = 3  # the descriptors that every process has
Attempt = Callable[[], Any]


@dataclass(frozen=True)
class Targets:
    """Where the things are that a child must not reach: paths, ports and process numbers.

    `token` is what the file `path`, the environment and the command line of `decoy` hold. `places`
    are files and folders of the very batch: its course, its submissions, its results.
    """

    path: str
    token: str
    decoy: int
    tcp: int
    udp: int
    unix: str
    abstract: str
    judge: int
    places: tuple[str, ...] = ()


def _reached(attempt: Attempt) -> bool:
    """Tell whether an attempt did anything but raise OSError."""
    try:
        attempt()
    except OSError:
        return False
    return True


def _succeeded(attempts: dict[str, Attempt]) -> str:
    names = [name for name, attempt in attempts.items() if _reached(attempt)]
    return f"these succeeded: {', '.join(names)}" if names else ""


def _read(path: str) -> bytes:
    with contextlib.suppress(OSError), open(path, "rb") as file:
        return file.read(1 << 16)
    return b""


def _connect(family: int, address: Any) -> str:
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as made:
        made.settimeout(0.5)
        made.connect(address)
        return "connected"
    return ""


def _send(address: tuple[str, int]) -> str:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.sendto(b"canary", address)
        return "sent"
    return ""


def _reach_by_unix_socket(address: str) -> str:
    """Try each kind of unix socket, and of pair, whose ends may let themselves be turned."""
    stream, datagram, seqpacket = socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET
    ends = {stream: address, datagram: f"{address}-datagram", seqpacket: f"{address}-seqpacket"}
    attempts: dict[str, Attempt] = {}
    for kind, end in ends.items():
        name = kind.name.removeprefix("SOCK_").lower()
        attempts[f"a {name} socket"] = partial(_use_socket, kind, end)
        attempts[f"a {name} pair"] = partial(_use_pair, kind, "connect", end)
    for way in ("sendto", "sendmsg"):
        attempts[f"a datagram pair by {way}"] = partial(_use_pair, datagram, way, ends[datagram])
    return _succeeded(attempts)


def _use_socket(kind: int, address: str) -> None:
    with socket.socket(socket.AF_UNIX, kind) as made:
        made.settimeout(0.5)
        made.connect(address)


def _use_pair(kind: int, way: str, address: str) -> None:
    one, other = socket.socketpair(socket.AF_UNIX, kind)
    with one, other:
        one.settimeout(0.5)
        if way == "connect":
            one.connect(address)
        elif way == "sendto":
            one.sendto(b"canary", address)
        else:
            one.sendmsg([b"canary"], [], 0, address)


def _descriptors() -> str:
    found = []
    for number in range(STANDARD, resource.getrlimit(resource.RLIMIT_NOFILE)[0]):
        with contextlib.suppress(OSError):
            os.fstat(number)
            found.append(number)
    return f"{len(found)} were inherited" if len(found) > 1 else ""  # one leads to the judge


def _search_processes(targets: Targets) -> str:
    """Look for the token in what /proc shows, of every process that there may be."""
    names = ("environ", "cmdline", "maps", "mountinfo", "cwd/canary.txt", "root" + targets.path)
    for pid in (targets.decoy, targets.judge, os.getppid(), os.getpid(), *range(1, 400)):
        for name in names:
            if targets.token.encode() in _read(f"/proc/{pid}/{name}"):
                return f"the canary showed in /proc/{pid}/{name}"
    return ""


def _write(path: str) -> str:
    return _succeeded(
        {
            "open": lambda: open(path, "a").close(),
            "truncate": lambda: os.truncate(path, 0),
            "rename": lambda: os.rename(path, path + "x"),
            "link": lambda: os.link(path, "stolen"),
            "unlink": lambda: os.unlink(path),
            "create": lambda: open(path + ".new", "w").close(),
        }
    )


def _change_mode_and_times(path: str) -> str:
    # The answer may be a friendly lie; the judge looks at the file.
    _reached(lambda: os.chmod(path, 0o600))
    _reached(lambda: os.utime(path, (1, 1)))
    return ""


def _signal(decoy: int) -> str:
    return _succeeded(
        {
            "kill": lambda: os.kill(decoy, signal.SIGKILL),
            "rt_sigqueueinfo": lambda: _queue_signal("rt_sigqueueinfo", decoy),
            "rt_tgsigqueueinfo": lambda: _queue_signal("rt_tgsigqueueinfo", decoy, decoy),
            "a file's signal": lambda: _signal_by_a_file(decoy),
            "stop": lambda: os.kill(decoy, signal.SIGSTOP),
            "prlimit": lambda: resource.prlimit(decoy, resource.RLIMIT_NOFILE, (3, 3)),
            "sched_setaffinity": lambda: os.sched_setaffinity(decoy, {0}),
        }
    )


# The numbers on x86-64 and on aarch64.
CALLS = {
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "mincore": (27, 232),
}
SI_QUEUE = -1
F_SETSIG, F_SETOWN_EX = 10, 15
F_OWNER_PID = 1


def _system_call(name: str, *arguments: Any) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    number = CALLS[name][os.uname().machine == "aarch64"]
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


def _queue_signal(call: str, *whom: int) -> None:
    """Send a signal with a value, as sigqueue(3) does."""
    about = (ctypes.c_int * 32)(signal.SIGKILL, 0, SI_QUEUE, 0, os.getpid(), os.getuid())
    _system_call(call, *whom, signal.SIGKILL, about)


def _signal_by_a_file(decoy: int) -> None:
    """Have a pipe send a signal of choice to another process when it can be read."""
    import fcntl
    import struct

    reader, writer = os.pipe()
    try:
        fcntl.fcntl(reader, F_SETOWN_EX, struct.pack("ii", F_OWNER_PID, decoy))
        fcntl.fcntl(reader, F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(reader, fcntl.F_SETFL, os.O_ASYNC)
        os.write(writer, b"!")
    finally:
        os.close(reader)
        os.close(writer)


def _leases() -> str:
    """Keep others waiting for a file, or be told what they do with it; on a file of its own."""
    import fcntl

    with open("leased", "w") as file:
        folder = os.open(".", os.O_RDONLY)
        try:
            return _succeeded(
                {
                    "F_SETLEASE": lambda: fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK),
                    "F_NOTIFY": lambda: fcntl.fcntl(folder, fcntl.F_NOTIFY, fcntl.DN_ACCESS),
                    "F_SETSIG": lambda: fcntl.fcntl(file, F_SETSIG, signal.SIGURG),
                    "F_SETOWN": lambda: fcntl.fcntl(file, fcntl.F_SETOWN, os.getpid()),
                }
            )
        finally:
            os.close(folder)


def _caches() -> str:
    """Ask what other processes' reads have left in memory, or take it out."""
    kind = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    with open(os.__file__, "rb") as file, mmap.mmap(-1, mmap.PAGESIZE, flags=kind) as page:
        number = file.fileno()
        start = ctypes.c_void_p(ctypes.addressof(held := ctypes.c_char.from_buffer(page)))
        found = _succeeded(
            {
                "posix_fadvise": lambda: os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED),
                "preadv2": lambda: os.preadv(number, [bytearray(1)], 0, os.RWF_NOWAIT),
                "mincore": lambda: _system_call("mincore", start, mmap.PAGESIZE, bytes(1)),
            }
        )
        del held  # the page cannot be given back while somebody points to it
        return found


def _counters() -> str:
    """Read what changes with what the machine does."""
    names = ("stat", "loadavg", "uptime", "meminfo", "vmstat")
    attempts: dict[str, Attempt] = {f"/proc/{name}": partial(_some, name) for name in names}
    return _succeeded(attempts)


def _some(name: str) -> None:
    with open(f"/proc/{name}", "rb") as file:
        if not file.read(64):
            raise OSError(f"{name} is empty")


def _out_of_band() -> None:
    """Send what a reader on the other end waits for in vain."""
    one, other = socket.socketpair()
    with one, other:
        one.send(b"!", socket.MSG_OOB)


def _places(paths: tuple[str, ...]) -> str:
    """Look for the very files that this batch is about."""
    return _succeeded({path: partial(_open, path) for path in paths})


def _open(path: str) -> None:
    os.close(os.open(path, os.O_RDONLY))


def _privileges(decoy: int) -> str:
    libc = ctypes.CDLL(None, use_errno=True)
    results = {
        "a user namespace": libc.unshare(CLONE_NEWUSER),
        "a mount": libc.mount(b"none", b".", b"tmpfs", 0, None),
        "a debugger": libc.ptrace(16, decoy, 0, 0),
        "a raw socket": -1 if not _reached(_raw_socket) else 0,
    }
    gained = [name for name, result in results.items() if result == 0]
    return f"it got {', '.join(gained)}" if gained else ""


def _raw_socket() -> None:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close()


def _libraries() -> str:
    try:
        import colorsys  # noqa: F401 - nothing else has imported it
    except (ImportError, OSError) as problem:
        return f"Python's own files cannot be read: {problem}"
    return ""


def _read_file(path: str, token: str) -> str:
    return "the canary file was read" if token.encode() in _read(path) else ""


def _stat(path: str) -> str:
    return "the canary file is visible" if _reached(lambda: os.stat(path)) else ""


def _environment(token: str) -> str:
    return "the canary is there" if token in str(os.environ) else ""


# Each probe by its name, in the order in which they are tried; "" where it found nothing. What it
# must not reach can be seen from outside as well: see `proof.targets`.
PROBES: dict[str, Callable[[Targets], str]] = {
    "libraries": lambda _: _libraries(),
    "read": lambda targets: _read_file(targets.path, targets.token),
    "stat": lambda targets: _stat(targets.path),
    "processes": _search_processes,
    "environment": lambda targets: _environment(targets.token),
    "descriptors": lambda _: _descriptors(),
    "tcp": lambda targets: _connect(socket.AF_INET, ("127.0.0.1", targets.tcp)),
    "udp": lambda targets: _send(("127.0.0.1", targets.udp)),
    "unix": lambda targets: _reach_by_unix_socket(targets.unix),
    "abstract": lambda targets: _reach_by_unix_socket(targets.abstract),
    "privileges": lambda targets: _privileges(targets.decoy),
    "chmod": lambda targets: _change_mode_and_times(targets.path),
    "write": lambda targets: _write(targets.path),
    "places": lambda targets: _places(targets.places),
    "leases": lambda _: _leases(),
    "caches": lambda _: _caches(),
    "counters": lambda _: _counters(),
    "urgent": lambda _: _succeeded({"MSG_OOB": _out_of_band}),
    "signal": lambda targets: _signal(targets.decoy),
}


def try_everything(targets: Targets) -> dict[str, str]:
    """Return what each probe found, "ok" where it found nothing."""
    return {name: probe(targets) or "ok" for name, probe in PROBES.items()}
