"""Builds a worker's private file system and namespaces, where bubblewrap is absent or not needed.

Executed from source in a process that then becomes the worker; it takes a `MountPlan` as one JSON
argument. As root it first becomes the unprivileged uid that was lent to the worker:
uid 0 of the machine escapes RLIMIT_NPROC whatever namespace it is in.
"""

import os
import signal
import sys
from pathlib import Path

from ..wire.mount_plan import MountPlan
from . import syscalls as kernel

ALL = (
    kernel.CLONE_NEWUSER
    | kernel.CLONE_NEWPID
    | kernel.CLONE_NEWNET
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWUTS
)
# The old /proc is only looked through once more, to mount the new one over it.
WRITABLE = ("/scratch", "/dev/shm", "/proc")  # noqa: S108 - places inside
LOCKABLE = {
    "nosuid": kernel.MS_NOSUID, "nodev": kernel.MS_NODEV, "noexec": kernel.MS_NOEXEC,
    "noatime": 1 << 10, "nodiratime": 1 << 11, "relatime": 1 << 21,
}  # fmt: skip


def _enter_user_namespace(flags: int) -> None:
    uid, gid = os.getuid(), os.getgid()
    kernel.unshare(flags)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")


def _bind(source: str, target: str) -> None:
    if os.path.isdir(source):  # noqa: PTH112
        os.makedirs(target, exist_ok=True)  # noqa: PTH103
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
        if not os.path.lexists(target):
            Path(target).touch()
    kernel.mount(source, target, None, kernel.MS_BIND | kernel.MS_REC)


def _make_read_only(root: str, devices: set[str]) -> None:
    """Close every mount below the root, also those that came along with a bound folder."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        place = fields[4].encode().decode("unicode_escape")
        inside = place.removeprefix(root)
        if inside == place or inside.startswith(WRITABLE):
            continue
        flags = kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | kernel.MS_NOSUID
        if inside in devices:
            flags &= ~kernel.MS_RDONLY
        else:
            flags |= kernel.MS_NODEV
        for name in fields[5].split(","):
            flags |= LOCKABLE.get(name, 0)
        kernel.mount("none", place, None, flags)


def _build(plan: MountPlan) -> None:
    root = plan.root
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", root, "tmpfs", kernel.MS_NOSUID, "mode=0755,size=1m")
    empty = f"{root}/.empty"
    Path(empty).touch(mode=0o444)
    for source, target in plan.binds:
        _bind(source, root + target)
    for blank in plan.blanks:
        kernel.mount(empty, root + blank, None, kernel.MS_BIND)
    for place in plan.hidden:
        kernel.mount("tmpfs", root + place, "tmpfs", kernel.MS_NOSUID, "mode=0755,size=4k")
    for target, text in plan.files:
        os.makedirs(os.path.dirname(root + target), exist_ok=True)  # noqa: PTH103, PTH120
        Path(root + target).write_text(text, encoding="utf-8")
        os.chmod(root + target, 0o444)  # noqa: PTH101
    for text, target in plan.links:
        os.symlink(text, root + target)  # noqa: PTH211 - both are texts
    for device in plan.devices:
        _bind(device, root + device)
    for name, text in {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}.items():
        os.symlink(f"/proc/self/fd{text}", f"{root}/dev/{name}")  # noqa: PTH211 - likewise
    options = f"size={plan.scratch_bytes},mode=0777"
    for place in WRITABLE:
        os.makedirs(root + place, exist_ok=True)  # noqa: PTH103
    for place in WRITABLE[:2]:
        kernel.mount("tmpfs", root + place, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)
    # A new /proc may be mounted only where an old one is in full view.
    kernel.mount("/proc", root + "/proc", None, kernel.MS_BIND | kernel.MS_REC)
    _make_read_only(root, {*plan.devices})
    kernel.swap_root(root)


def _become(uid: int) -> None:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # the maps of its user namespace are its own to write


def main() -> None:
    """Build the file system, enter it, and become the worker."""
    plan = MountPlan.load(sys.argv[1])
    apart = ALL & ~kernel.CLONE_NEWNET if plan.network else ALL
    if plan.uid is None:
        _enter_user_namespace(apart | kernel.CLONE_NEWNS)
        _build(plan)
    else:
        kernel.unshare(kernel.CLONE_NEWNS)
        _build(plan)
        _become(plan.uid)
        _enter_user_namespace(apart | kernel.CLONE_NEWNS)
    inner = os.fork()
    if inner:
        os.closerange(3, 4096)
        _pid, status = os.waitpid(inner, 0)
        os._exit(abs(os.waitstatus_to_exitcode(status)))
    # Ending this outer process ends the first of the inner ones, and with it all the others.
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    kernel.mount("proc", "/proc", "proc", flags)
    os.chdir("/scratch")
    os.execve(plan.command[0], plan.command, dict(os.environ))  # noqa: S606 - no shell
