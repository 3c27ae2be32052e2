"""Proves an isolation level: a real child tries to break out, and the judge looks from outside.

What a report calls the level is what these probes saw on this machine, at this start.
"""

import contextlib
import json
import os
import platform
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from grader.errors import GraderError, IsolationError, WorkerError
from grader.model import Isolation, Limits
from grader.sandbox.failures import ChildEnded
from grader.sandbox.launch import choose_way, inside_source, ways
from grader.sandbox.levels.isolation import (
    CONTAINER_UID,
    LEVELS,
    NONE,
    SAME_UID,
    SAME_UID_LANDLOCK,
    STRONG,
    is_root,
    landlock_abi,
)
from grader.sandbox.session import Session
from grader.sandbox.worker import Worker

OK = "ok"
MAX_SOCKET_FOLDER = 60
# What a unix socket's name ends in, by its kind; `attempts` knows them too.
UNIX_KINDS = {
    "": socket.SOCK_STREAM, "-datagram": socket.SOCK_DGRAM, "-seqpacket": socket.SOCK_SEQPACKET,
}  # fmt: skip
OS_RELEASE = Path("/etc/os-release")
SCRATCH_BYTES = 4 << 20
LIMITS = Limits(
    cell_seconds=5, submission_seconds=20, scratch_bytes=SCRATCH_BYTES, file_bytes=2 << 20,
    memory_bytes=1 << 30,
)  # fmt: skip
# Every probe whose finding, if it is not "ok", disproves a level. What a file is called, how large
# and how old it is, only a file system of one's own can hide.
DEMANDED: dict[str, tuple[str, ...]] = {
    STRONG: ("read", "stat", "write", "chmod", "tcp", "udp", "unix", "abstract", "signal",
             "descriptors", "environment", "processes", "privileges", "libraries", "scratch"),
}  # fmt: skip
DEMANDED[CONTAINER_UID] = DEMANDED[SAME_UID] = tuple(
    name for name in DEMANDED[STRONG] if name != "stat"
)


@dataclass
class Bait:
    """What a child must not reach: a file, listeners, a process and an environment variable."""

    token: str = field(default_factory=lambda: secrets.token_hex(16))

    def __enter__(self) -> Self:
        self._undo = contextlib.ExitStack()
        # Where TMPDIR is deep, the path of a socket in it would be longer than one may be.
        deep = len(tempfile.gettempdir()) > MAX_SOCKET_FOLDER
        folder = Path(tempfile.mkdtemp(prefix="canary-", dir="/tmp" if deep else None))  # noqa: S108
        self._undo.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)  # modes must not be what keeps it safe
        self.path = folder / "canary.txt"
        self.path.write_text(self.token)
        self.path.chmod(0o644)
        self._before = self._state()
        self.tcp = self._listener(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        self.udp = self._listener(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
        self.unix, self.abstract = str(folder / "socket"), f"\0canary-{self.token[-8:]}"
        self._waiting = [
            (name, self._listener(socket.AF_UNIX, kind, getattr(self, name) + suffix))
            for suffix, kind in UNIX_KINDS.items()
            for name in ("unix", "abstract")
        ]
        for place in folder.glob("socket*"):
            place.chmod(0o777)  # likewise
        os.environ["CANARY"] = self.token
        self._undo.callback(os.environ.pop, "CANARY", None)
        self.decoy = subprocess.Popen(  # noqa: S603 - does nothing but wait
            [shutil.which("cat") or "/bin/cat", "-", self.token],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it would complain of a file that has the token's name
            start_new_session=True,
        )
        self._undo.callback(self.decoy.wait)
        self._undo.callback(self.decoy.kill)
        assert self.decoy.stdin is not None  # noqa: S101 - it was asked for above
        self._undo.callback(self.decoy.stdin.close)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._undo.close()

    def _listener(self, family: int, kind: int, address: Any) -> socket.socket:
        listener = self._undo.enter_context(socket.socket(family, kind))
        listener.bind(address)
        listener.setblocking(False)
        if kind != socket.SOCK_DGRAM:
            listener.listen()
        return listener

    def _state(self) -> tuple[Any, ...]:
        seen = self.path.stat()
        return self.path.read_text(), seen.st_mode, seen.st_mtime_ns, seen.st_uid, seen.st_nlink

    def map(self) -> dict[str, Any]:
        """Return where everything is, for a child that is to try its luck."""
        return {
            "path": str(self.path), "token": self.token, "decoy": self.decoy.pid,
            "tcp": self.tcp.getsockname()[1], "udp": self.udp.getsockname()[1],
            "unix": self.unix, "abstract": self.abstract, "judge": os.getpid(),
        }  # fmt: skip

    def damage(self) -> Iterator[tuple[str, str]]:
        """Say which probe left a trace that can be seen from outside."""
        time.sleep(0.01)
        try:
            text, mode, _time, owner, links = after = self._state()
        except OSError as problem:
            yield "write", f"the canary file is gone ({problem})"
        else:
            if (text, links) != (self._before[0], self._before[4]):
                yield "write", "the canary file was changed"
            elif after != self._before:
                yield "chmod", f"mode, owner or times were changed ({mode:o}, {owner})"
        for name, waiting in [("tcp", self.tcp), ("udp", self.udp), *self._waiting]:
            with contextlib.suppress(BlockingIOError):
                if waiting.type == socket.SOCK_DGRAM:
                    waiting.recv(64)
                    yield name, "a datagram reached a socket outside"
                else:
                    waiting.accept()[0].close()
                    yield name, "a connection reached a listener outside"
        if self.decoy.poll() is not None:
            yield "signal", "a process outside was ended"


def prove(level: str, way: str, *, devices: frozenset[str] = frozenset({"cpu"})) -> Isolation:
    """Return the level with what each probe found; WorkerError where no worker of it starts."""
    with Bait() as bait:
        worker = Worker(isolation=Isolation(level), way=way, devices=devices, warm=False)
        with worker:
            deadline = time.monotonic() + LIMITS.submission_seconds
            session = worker.session(LIMITS, deadline=deadline)
            findings = _try_everything(session, bait)
            findings.update(dict(bait.damage()))
            findings["scratch"] = _fill_scratch(session)
            session.close()
    abi = landlock_abi()
    findings["landlock"] = f"ok (version {abi})" if abi else "absent"
    return Isolation(level, findings)


def _try_everything(session: Session, bait: Bait) -> dict[str, str]:
    attempts = inside_source("attempts")
    try:
        tried = f"import json\nprint(json.dumps(try_everything({bait.map()!r})))"
        ran = session.run_cell(f"{attempts}\n{tried}", 1)
    except ChildEnded as ended:
        return {"libraries": f"the child ended: {ended.reason}"}
    if ran.failure is not None:
        said = f"{ran.failure.type_name}: {ran.failure.message}"
        return {"libraries": f"the probes could not run ({said})"}
    found: dict[str, str] = json.loads(ran.output.splitlines()[-1])
    return found


def _fill_scratch(session: Session) -> str:
    """Write more than there may be; an error or the end of the child is the right answer."""
    fill = (
        "import time\nfor number in range(16):\n    with open(f'fill{number}', 'wb') as file:\n"
        "        file.write(bytes(1 << 20))\ntime.sleep(2)"
    )
    try:
        ran = session.run_cell(fill, 2)
    except ChildEnded as ended:
        return OK if "wrote more than" in ended.reason else ended.reason
    if ran.failure is not None and ran.failure.type_name == "OSError":
        return OK
    return f"16 MiB fitted into {SCRATCH_BYTES >> 20} MiB"


def choose_isolation(
    requested: str = "auto", devices: frozenset[str] = frozenset({"cpu"})
) -> Isolation:
    """Return the best level that proves itself on this machine, or `none` where it was typed.

    IsolationError names the probe that failed, and the fix.
    """
    if requested == NONE:
        return Isolation(NONE)
    if sys.platform != "linux":
        raise IsolationError(
            f"{platform.system()} cannot isolate student code; run the grader in a Linux "
            "container or virtual machine, or grade unprotected with --isolation none."
        )
    shortcomings: list[str] = []
    for level in LEVELS:
        found = _prove_level(level, devices, shortcomings)
        if found is not None:
            if level == SAME_UID:
                found.probes["warning"] = shortcomings[0] if shortcomings else ""
            return found
    raise IsolationError(
        f"This machine cannot isolate student code: {shortcomings[-1]} "
        f"For the stronger level: {shortcomings[0]}"
    )


def _prove_level(level: str, devices: frozenset[str], shortcomings: list[str]) -> Isolation | None:
    """Try each way to a level; say in one sentence with a fix why it is not to be had."""
    missing = _missing(level)
    if missing is not None:
        if missing:
            shortcomings.append(missing)
        return None
    first: str | None = None
    for way in ways(level):
        try:
            isolation = prove(level, way, devices=devices)
        except (WorkerError, IsolationError) as problem:
            first = first or f"the probe start of {level} failed ({_short(problem)}); {_fix(level)}"
            continue
        failed = [name for name in DEMANDED[level] if isolation.probes.get(name) != OK]
        if not failed:
            choose_way(level, way)
            isolation.probes["way"] = way
            return isolation
        finding = isolation.probes.get(failed[0], "it did not run")
        first = (
            first
            or f"the probe {failed[0]} of {level} failed ({finding}); {_fix(level, failed[0])}"
        )
    if first:
        shortcomings.append(first)
    return None


def _missing(level: str) -> str | None:
    """Return why a level need not be tried: "" where it is not for this user, None to try it."""
    if level == CONTAINER_UID and not is_root():
        return ""
    if level == SAME_UID and is_root():
        return ""
    if level != STRONG and landlock_abi() < SAME_UID_LANDLOCK:
        return (
            f"the probe landlock of {level} failed (version {landlock_abi()}, and "
            f"{SAME_UID_LANDLOCK} is needed); use Linux 6.2 or later with landlock among its "
            "security modules (boot parameter lsm=landlock,…)."
        )
    return None


def _short(problem: GraderError) -> str:
    lines = [line for line in str(problem).splitlines() if line.strip()]
    return lines[-1].strip()[:200] if lines else "no reason given"


def _fix(level: str, probe: str = "start") -> str:
    if probe == "libraries" or level == CONTAINER_UID:
        return (
            f"make the Python in {sys.base_prefix} and its packages readable for everybody, for "
            "example by installing them under /opt."
        )
    if level != STRONG:
        return "please report it with the output of `grader doctor`."
    for name, wanted in (
        ("kernel/unprivileged_userns_clone", "1"),
        ("user/max_user_namespaces", "16384"),
    ):
        place = Path("/proc/sys", name)
        with contextlib.suppress(OSError):
            if place.read_text().strip() == "0":
                return f"allow namespaces: sudo sysctl -w {name.replace('/', '.')}={wanted}."
    if shutil.which("bwrap") is None:
        return f"install bubblewrap: {_install('bubblewrap')}."
    with contextlib.suppress(OSError):
        if Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").read_text()[:1] == "1":
            return (
                "allow bubblewrap its namespaces: sudo apt install apparmor-profiles and load its "
                "profile bwrap-userns-restrict, or sudo sysctl -w "
                "kernel.apparmor_restrict_unprivileged_userns=0."
            )
    return "run the grader outside a container, or in one with --security-opt seccomp=unconfined."


def _install(package: str) -> str:
    text = ""
    with contextlib.suppress(OSError):
        text = OS_RELEASE.read_text(encoding="utf-8")
    lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    family = f"{lines.get('ID', '')} {lines.get('ID_LIKE', '')}".replace('"', "").split()
    for name, command in (
        ("debian", "sudo apt install"),
        ("fedora", "sudo dnf install"),
        ("rhel", "sudo dnf install"),
        ("arch", "sudo pacman -S"),
        ("suse", "sudo zypper install"),
        ("alpine", "sudo apk add"),
    ):
        if name in family:
            return f"{command} {package}"
    return f"the package {package} of your distribution"
