"""The warm process: imports once, then forks a child for each submission and watches over it.

Executed from source by `launch`, with a clean environment and nothing secret in memory. It talks
with the judge over a control socket in small JSON messages: "spawn" with one end of a connection,
"kill", and in return "ready", "spawned" and "ended". It never runs student code itself.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from typing import Any

from . import child
from . import shell as notebook_shell
from .lockdown import WATCH_MS, Lockdown

MESSAGE_BYTES = 1 << 16
# The first byte that a child sends, before any student code runs: whether it is locked down.
LOCKED, UNLOCKED = b"+", b"-"


def _warm_up(modules: list[str]) -> dict[str, str | None]:
    versions: dict[str, str | None] = {}
    if "triton" in modules:
        from . import instruments

        with contextlib.suppress(ImportError):
            instruments.preload(kernels=True, interpret="TRITON_INTERPRET" in os.environ)
    for name in modules:
        try:
            module = importlib.import_module(name)
        except ImportError:
            versions[name] = None
            continue
        versions[name] = str(getattr(module, "__version__", ""))
    return versions


def _tell(control: socket.socket, **message: Any) -> None:
    control.send(json.dumps(message).encode())


def _become_child(
    connection: socket.socket, shell: Any, order: dict[str, Any], lockdown: Lockdown
) -> None:
    """Never return: this process is the student's from here on."""
    status = 70
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        keep = {connection.fileno(), *lockdown.descriptors()}
        first = 3
        for descriptor in sorted(keep):
            os.closerange(first, descriptor)
            first = descriptor + 1
        os.closerange(first, 65_536)
        limits = order["limits"]
        try:
            lockdown.enter(limits)
        except Exception as problem:  # noqa: BLE001 - no isolation, no child, whatever the reason
            connection.sendall(UNLOCKED + f"{type(problem).__name__}: {problem}".encode()[:500])
            os._exit(72)
        connection.sendall(LOCKED)
        _seed(order["seed"])
        child.main(connection, shell, child.ChildLimits.of(limits))
        status = 0
    except BaseException:  # noqa: BLE001 - the exit status is all that this process may say
        status = 71
    finally:
        os._exit(status)


def _seed(seed: int) -> None:
    """Make unseeded notebooks repeatable; the number comes from the notebook's own bytes."""
    import random

    random.seed(seed)
    if "numpy" in sys.modules:
        importlib.import_module("numpy.random").seed(seed)  # numpy imports it when it is used
    if "torch" in sys.modules:
        importlib.import_module("torch").manual_seed(seed)


def _supervise(
    control: socket.socket, pid: int, limits: dict[str, Any], lockdown: Lockdown
) -> dict[str, Any]:
    """Wait for a child's end, on its own or on the judge's word; return how it ended."""
    watched = os.pidfd_open(pid)
    poller = select.poll()
    poller.register(watched, select.POLLIN)
    poller.register(control.fileno(), select.POLLIN)
    reason = None
    try:
        while reason is None:
            ready = {descriptor for descriptor, _event in poller.poll(WATCH_MS)}
            if control.fileno() in ready:
                reason = "judge" if control.recv(MESSAGE_BYTES) else "orphaned"
            elif watched in ready:
                break
            else:
                reason = lockdown.over_limit(pid, limits)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        _pid, status = os.waitpid(pid, 0)
    finally:
        os.close(watched)
    lockdown.clear()
    return {"event": "ended", "status": status, "reason": reason}


def _spawn(
    control: socket.socket, connection: socket.socket, shell: Any, order: Any, lockdown: Lockdown
) -> bool:
    """Fork one child and see it out; False when the judge is gone."""
    started = time.perf_counter()
    pid = lockdown.fork()
    if pid == 0:
        control.close()
        _become_child(connection, shell, order, lockdown)
    connection.close()
    _tell(control, event="spawned", pid=pid, seconds=time.perf_counter() - started)
    ended = _supervise(control, pid, order["limits"], lockdown)
    if ended["reason"] == "orphaned":
        return False
    _tell(control, **ended)
    return True


def main(spec: dict[str, Any]) -> None:
    """Serve spawn orders until the judge closes the control socket."""
    control = socket.socket(fileno=spec["control"])
    lockdown = Lockdown(spec["lockdown"])
    lockdown.prepare()
    started = time.perf_counter()
    versions = _warm_up(spec["imports"])
    shell = notebook_shell.build_shell()
    if not lockdown.shares_memory:
        notebook_shell.load_data_in_process()
    if spec["imports"]:
        notebook_shell.rehearse(shell)
    lockdown.ready_next()
    gc.collect()
    gc.freeze()  # a child that collects garbage must not copy the worker's pages
    seconds = time.perf_counter() - started
    _tell(control, event="ready", versions=versions, seconds=seconds, pid=os.getpid())
    while True:
        data, descriptors, _flags, _address = socket.recv_fds(control, MESSAGE_BYTES, 1)
        if not data:
            return
        order = json.loads(data)
        if order["order"] != "spawn":  # a kill that crossed the child's own end
            continue
        connection = socket.socket(fileno=descriptors[0])
        if not _spawn(control, connection, shell, order, lockdown):
            return
        lockdown.ready_next()
