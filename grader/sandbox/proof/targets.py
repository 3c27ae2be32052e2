"""What a child must not reach, set up for it to try, and what became of it as seen from outside."""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from grader.sandbox.inside.attempts import Targets

MAX_SOCKET_FOLDER = 60
# What a unix socket's name ends in, by its kind; `attempts` knows them too.
UNIX_KINDS = {
    "": socket.SOCK_STREAM, "-datagram": socket.SOCK_DGRAM, "-seqpacket": socket.SOCK_SEQPACKET,
}  # fmt: skip


@dataclass
class ProtectedTargets:
    """What a child must not reach: a file, listeners, a process and an environment variable."""

    token: str = field(default_factory=lambda: secrets.token_hex(16))
    beside: tuple[str, ...] = ()  # places of the batch that is about to begin

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
            # A copy: another thread's import may move the C library's own while it is read.
            env=dict(os.environ),
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

    def places(self) -> Targets:
        """Return where everything is, for a child that tries to reach it."""
        return Targets(
            path=str(self.path), token=self.token, decoy=self.decoy.pid,
            tcp=self.tcp.getsockname()[1], udp=self.udp.getsockname()[1],
            unix=self.unix, abstract=self.abstract, judge=os.getpid(), places=self.beside,
        )  # fmt: skip

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
