"""The few system calls that Python 3.11 does not offer, through the C library.

Executed from source in the worker, and in the process that builds a worker's file system.
"""

import contextlib
import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 4, 22, 24
PR_SET_SECUREBITS, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 28, 36, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
SECCOMP_MODE_FILTER = 2

CAP_SETPCAP, CAP_SYS_ADMIN = 8, 21
# NOROOT, NO_SETUID_FIXUP and NO_CAP_AMBIENT_RAISE with their locks, and the lock of KEEP_CAPS:
# being uid 0 of a namespace must never again mean anything.
SECUREBITS_LOCKED = 0b11101111

_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


class _CapabilityHeader(ctypes.Structure):
    """struct __user_cap_header_struct, version 3."""

    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    _check(_libc.unshare(flags), "unshare")


def setns(descriptor: int, kind: int) -> None:
    _check(_libc.setns(descriptor, kind), "setns")


def mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    result = _libc.mount(
        source.encode(),
        target.encode(),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        data.encode() or None,
    )
    _check(result, f"mount on {target}")


def swap_root(new_root: str) -> None:
    """Make a mounted folder the root, and let go of the old one."""
    os.chdir(new_root)
    _check(_libc.pivot_root(b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", MNT_DETACH), "umount of the old root")
    os.chdir("/")


def prctl(option: int, *arguments: int) -> None:
    padded = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    _check(_libc.prctl(option, *padded), f"prctl {option}")


def set_capabilities(kept: int) -> None:
    """Keep only the capabilities of a bit mask, in the effective and the permitted set."""
    header = _CapabilityHeader(0x20080522, 0)
    low, high = kept & 0xFFFFFFFF, kept >> 32
    data = (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)
    _check(_libc.capset(ctypes.byref(header), data), "capset")


def seal_capabilities() -> None:
    """Close every way to gain a capability later; those at hand stay until they are set."""
    # Python has the codec of UTF-8 at hand, and would import another one in every child.
    with open("/proc/sys/kernel/cap_last_cap", encoding="utf-8") as file:  # noqa: PTH123
        last = int(file.read())
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    # Without CAP_SETPCAP there is no capability either, and no_new_privs leaves no way to one.
    with contextlib.suppress(PermissionError):
        for number in range(last + 1):
            prctl(PR_CAPBSET_DROP, number)
        prctl(PR_SET_SECUREBITS, SECUREBITS_LOCKED)


def load_filter(program: bytes) -> None:
    """Install a compiled seccomp filter; no_new_privs must be set."""
    structure = _Program(len(program) // 8, program)
    address = ctypes.addressof(structure)
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, address)
