"""The warm process: imports once, then forks a child for each submission and watches over it.

Executed from source by `launch`, with a clean environment and nothing secret in memory; `wire`
states what it and the judge say to each other. It never runs student code itself.
"""

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
import time
from typing import Any

from ..wire import orders
from ..wire.nodes import ProtocolViolationError
from . import child, rehearsal
from . import shell as notebook_shell
from .lockdown import WATCH_MS, Lockdown

# A child's exit status where its lockdown failed, and where our own code did.
NOT_LOCKED, BROKEN = 72, 71


def _warm_up(modules: tuple[str, ...]) -> dict[str, str | None]:
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


def _lay_out_fonts(files: dict[str, str]) -> None:
    """Put the lists where matplotlib looks for them, which goes away before any child comes."""
    folder = os.environ["MPLCONFIGDIR"]
    with contextlib.suppress(OSError):  # it makes its own
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
        for name, text in files.items():
            with open(f"{folder}/{name}", "w", encoding="utf-8") as file:  # noqa: PTH123
                file.write(text)


def _tell(control: socket.socket, event: orders.Event) -> None:
    control.send(orders.dump(event))


def _become_child(
    connection: socket.socket, shell: Any, order: orders.Spawn, lockdown: Lockdown
) -> None:
    """Never return: this process is the student's from here on."""
    status = BROKEN
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
        try:
            lockdown.enter(order.limits)
        except Exception as problem:  # noqa: BLE001 - no isolation, no child, whatever the reason
            reason = f"{type(problem).__name__}: {problem}"[: orders.MAX_REASON]
            connection.sendall(orders.dump(orders.NotLocked(reason)))
            os._exit(NOT_LOCKED)
        connection.sendall(orders.dump(orders.Locked()))
        _seed(order.seed, on_gpu=lockdown.offers_gpu)
        child.main(connection, shell, order.limits)
        status = 0
    except BaseException:  # noqa: BLE001 - the exit status is all that this process may say
        status = BROKEN
    finally:
        os._exit(status)


def _seed(seed: int, *, on_gpu: bool) -> None:
    """Make unseeded notebooks repeatable; the number comes from the notebook's own bytes."""
    import random

    random.seed(seed)
    if "numpy" in sys.modules:
        importlib.import_module("numpy.random").seed(seed)  # numpy imports it when it is used
    if "torch" in sys.modules:
        torch = importlib.import_module("torch")
        # For devices that are not there yet, manual_seed keeps the lines of all that called it.
        (torch if on_gpu else torch.default_generator).manual_seed(seed)


def _supervise(
    control: socket.socket, pid: int, limits: orders.ChildLimits, lockdown: Lockdown
) -> orders.Ended | None:
    """Wait for a child's end, on its own or by an order; None where the judge is gone."""
    watched = os.pidfd_open(pid)
    poller = select.poll()
    poller.register(watched, select.POLLIN)
    poller.register(control.fileno(), select.POLLIN)
    exceeded = None
    is_abandoned = False
    try:
        while exceeded is None:
            ready = {descriptor for descriptor, _event in poller.poll(WATCH_MS)}
            if control.fileno() in ready:
                is_abandoned = not _is_told_to_kill(control)
                break
            if watched in ready:
                break
            exceeded = lockdown.over_limit(pid, limits)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        _pid, status, used = os.wait4(pid, 0)
    finally:
        os.close(watched)
    lockdown.clear()
    seconds = used.ru_utime + used.ru_stime
    return None if is_abandoned else orders.Ended(status, exceeded, seconds)


def _is_told_to_kill(control: socket.socket) -> bool:
    """Read the order that came while a child runs; False where the judge closed the socket."""
    data = control.recv(orders.PACKET_BYTES)
    if not data:
        return False
    order = orders.load_order(data)
    if not isinstance(order, orders.Kill):
        raise ProtocolViolationError("an order to fork while a child runs")
    return True


def _spawn(
    control: socket.socket,
    connection: socket.socket,
    shell: Any,
    order: orders.Spawn,
    lockdown: Lockdown,
) -> bool:
    """Fork one child and see it out; False when the judge is gone."""
    started = time.perf_counter()
    lockdown.keep_to(order.core)
    pid = lockdown.fork()
    if pid == 0:
        control.close()
        _become_child(connection, shell, order, lockdown)
    connection.close()
    _tell(control, orders.Spawned(time.perf_counter() - started))
    ended = _supervise(control, pid, order.limits, lockdown)
    if ended is None:
        return False
    _tell(control, ended)
    return True


def main(data: bytes) -> None:
    """Serve orders until the judge closes the control socket; `data` is one `orders.Start`."""
    gc.disable()  # a tenth of the time of imports is spent looking for garbage that is none
    start = orders.load_start(data)
    control = socket.socket(fileno=start.control)
    lockdown = Lockdown(start.lockdown)
    lockdown.prepare()
    started = time.perf_counter()
    if start.fonts:
        _lay_out_fonts(start.fonts)
    versions = _warm_up(start.imports)
    shell = notebook_shell.build_shell()
    if not lockdown.shares_memory:
        notebook_shell.load_data_in_process()
    if start.imports:
        notebook_shell.rehearse(shell)
        rehearsal.rehearse(shell)
    lockdown.ready_next()
    gc.freeze()  # a child that collects garbage must not copy the worker's pages
    gc.enable()
    _tell(control, orders.Ready(versions, time.perf_counter() - started))
    _serve(control, shell, lockdown)
    os._exit(0)  # libraries take a while to be taken apart, to no end


def _serve(control: socket.socket, shell: Any, lockdown: Lockdown) -> None:
    """Fork one child after the other, until the judge is gone."""
    while True:
        data, descriptors, _flags, _address = socket.recv_fds(control, orders.PACKET_BYTES, 1)
        if not data:
            return
        order = orders.load_order(data)
        if isinstance(order, orders.Kill):  # it crossed the child's own end
            continue
        if isinstance(order, orders.Expect):
            notebook_shell.expect(shell, order.cells)
            gc.freeze()
            continue
        connection = socket.socket(fileno=descriptors[0])
        if not _spawn(control, connection, shell, order, lockdown):
            return
        lockdown.ready_next()
