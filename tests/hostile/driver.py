# ruff: noqa: PTH116, PTH123, S108 - each request is one system call on the driver's own path
"""A stand-in for NVIDIA's driver: makes the requests with which CUDA starts, in their order.

Run as a cell in a child; `first_refused` names the first request that the driver would not survive,
and what it was answered. The requests are those that a trace of `cuInit` and of a first tensor
showed with driver 580.159 on Linux 6.18. A file that a machine without a GPU lacks may be absent,
but nothing that is there may be refused.
"""

import ctypes
import errno
import mmap
import os
import platform
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

ARM = platform.machine() == "aarch64"
# Of x86-64 and of aarch64.
MBIND, GET_MEMPOLICY, EVENTFD2, CLONE3 = (
    (235, 236, 19, 435) if ARM else (237, 239, 290, 435)
)  # fmt: skip
MPOL_PREFERRED = 1
READ = (
    "/proc/driver/nvidia/params", "/proc/driver/nvidia/capabilities/mig/config",
    "/proc/driver/nvidia/capabilities/mig/monitor", "/proc/devices", "/proc/modules",
    "/proc/self/status", "/proc/self/maps", "/proc/cpuinfo", "/proc/sys/vm/mmap_min_addr",
    "/sys/module/nvidia/initstate", "/sys/module/nvidia_uvm/initstate",
    "/sys/devices/system/cpu/online", "/sys/devices/system/memory/block_size_bytes",
    "/dev/shm/cuda_injection_path_shm",
)  # fmt: skip
libc = ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: object) -> int:
    result = int(libc.syscall(number, *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _in_a_thread(action: Callable[[], None]) -> None:
    """Do it in a thread of its own, and raise here what it raised there."""
    problems: list[OSError] = []

    def run() -> None:
        try:
            action()
        except OSError as problem:
            problems.append(problem)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if problems:
        raise problems[0]


def _name_this_thread() -> None:
    place = f"/proc/self/task/{threading.get_native_id()}/comm"
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.write(descriptor, b"cuda00001400006")
    os.close(descriptor)


def _read(path: str) -> Callable[[], None]:
    def read() -> None:
        try:
            with open(path, "rb") as file:
                file.read()
        except FileNotFoundError:
            pass

    return read


def _look_for_a_server() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC) as made:
        try:
            made.connect("/tmp/nvidia-mps/control")
        except FileNotFoundError:
            return
        raise ConnectionError(errno.EISCONN, "something answered")


def _wait_for_descriptors() -> None:
    namespace = os.stat("/proc/self/ns/pid").st_ino
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC) as made:
        made.bind(f"\0cuda-uvmfd-{namespace}-{os.getpid()}")
        made.listen(16)


def _keep_compiled_kernels() -> None:
    folder = Path("~/.nv/ComputeCache").expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index").write_bytes(b"cache")


def _prefer_a_node() -> None:
    with mmap.mmap(-1, 1 << 16) as memory:
        address = ctypes.addressof(held := ctypes.c_char.from_buffer(memory))
        nodes = ctypes.c_ulong(1)
        try:
            _call(
                MBIND, ctypes.c_void_p(address), ctypes.c_ulong(1 << 16), MPOL_PREFERRED,
                ctypes.byref(nodes), ctypes.c_ulong(64), 0,
            )  # fmt: skip
        finally:
            del held


def _ask_for_the_node() -> None:
    _call(GET_MEMPOLICY, ctypes.byref(ctypes.c_int()), None, ctypes.c_ulong(0), None, 0)


def _make_a_thread_the_new_way() -> None:
    """ENOSYS sends the C library back to `clone`; another answer would be the driver's end."""
    try:
        _call(CLONE3, None, ctypes.c_ulong(0))
    except OSError as problem:
        if problem.errno not in {errno.ENOSYS, errno.EINVAL}:
            raise


def requests() -> Iterator[tuple[str, Callable[[], None]]]:
    for path in READ[:3]:
        yield f"read {path}", _read(path)
    yield "start a thread", lambda: _in_a_thread(lambda: None)
    yield "name a thread", lambda: _in_a_thread(_name_this_thread)
    for path in READ[3:]:
        yield f"read {path}", _read(path)
    yield "connect to a server of many", _look_for_a_server
    yield "listen under an abstract name", _wait_for_descriptors
    yield "keep compiled kernels", _keep_compiled_kernels
    yield "mbind", _prefer_a_node
    yield "get_mempolicy", _ask_for_the_node
    yield "sched_setaffinity", lambda: os.sched_setaffinity(0, os.sched_getaffinity(0))
    yield "eventfd2", lambda: os.close(_call(EVENTFD2, 0, os.O_CLOEXEC))
    yield "clone3", _make_a_thread_the_new_way


def first_refused() -> str:
    """Return "" where every request was granted."""
    for name, request in requests():
        try:
            request()
        except OSError as problem:
            return f"{name}: {errno.errorcode.get(problem.errno or 0)}"
    return ""
