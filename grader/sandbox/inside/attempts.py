# ruff: noqa: PTH101, PTH104, PTH108, PTH116, PTH123 - each attempt is one system call
"""What a child tries against the judge's bait; run as a cell in a child that is to be proved."""

import contextlib
import ctypes
import os
import resource
import signal
import socket
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

CLONE_NEWUSER = 0x10000000
STANDARD = 3  # the descriptors that every process has
Attempt = Callable[[], Any]


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


def _search_processes(bait: dict[str, Any]) -> str:
    """Look for the token in what /proc shows, of every process that there may be."""
    names = ("environ", "cmdline", "maps", "mountinfo", "cwd/canary.txt", "root" + bait["path"])
    for pid in (bait["decoy"], bait["judge"], os.getppid(), os.getpid(), *range(1, 400)):
        for name in names:
            if bait["token"].encode() in _read(f"/proc/{pid}/{name}"):
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
            "stop": lambda: os.kill(decoy, signal.SIGSTOP),
            "prlimit": lambda: resource.prlimit(decoy, resource.RLIMIT_NOFILE, (3, 3)),
            "sched_setaffinity": lambda: os.sched_setaffinity(decoy, {0}),
        }
    )


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


def try_everything(bait: dict[str, Any]) -> dict[str, str]:
    """Return what each probe found, "ok" where it found nothing."""
    path, decoy = bait["path"], bait["decoy"]
    findings: Iterable[tuple[str, str]] = (
        ("libraries", _libraries()),
        ("read", "the canary file was read" if bait["token"].encode() in _read(path) else ""),
        ("stat", "the canary file is visible" if _reached(lambda: os.stat(path)) else ""),
        ("processes", _search_processes(bait)),
        ("environment", "the canary is there" if bait["token"] in str(os.environ) else ""),
        ("descriptors", _descriptors()),
        ("tcp", _connect(socket.AF_INET, ("127.0.0.1", bait["tcp"]))),
        ("udp", _send(("127.0.0.1", bait["udp"]))),
        ("unix", _reach_by_unix_socket(bait["unix"])),
        ("abstract", _reach_by_unix_socket(bait["abstract"])),
        ("privileges", _privileges(decoy)),
        ("chmod", _change_mode_and_times(path)),
        ("write", _write(path)),
        ("signal", _signal(decoy)),
    )
    return {name: finding or "ok" for name, finding in findings}
