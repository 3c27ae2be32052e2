"""What a child gives up before it may run student code, and how it is kept in view and cleared.

Executed from source in the worker. The judge sends the settings at start and the limits with each
submission; every step raises where it cannot be taken, and then there is no child: isolation that
half works is no isolation.
"""

import contextlib
import os
import resource
import signal
import socket
from typing import Any

from ..wire.orders import ChildLimits, LockdownSettings, Resource
from . import files, reaper, usage
from . import syscalls as kernel

WATCH_MS = 50
CPU_GRACE = 5
# Both ends of its connection, of which the judge holds one.
OWN_SOCKETS = 2
# Open files are looked at one by one where they could hold this part of the memory.
FEW_SOCKETS = 8
SCRATCH_INODES = 16_384
# Of its own process: what a library may want to know of itself. The list of mounts is not in it,
# because it names the folders of the machine outside.
OWN_PROC = ("cmdline", "comm", "fd", "maps", "smaps_rollup", "stat", "statm", "status")
# Of the machine: nothing that changes with what it does, for one student's code may tell another's
# by it what it has seen.
PROC_FILES = ("cpuinfo", "version", "filesystems")
COUNTERS = (
    "stat", "loadavg", "uptime", "meminfo", "vmstat", "interrupts", "softirqs", "schedstat",
    "diskstats", "zoneinfo", "buddyinfo", "pagetypeinfo", "slabinfo",
)  # fmt: skip
# What NVIDIA's driver reads of the machine before it starts.
CUDA_PROC_FILES = ("devices", "driver", "modules", "sys/vm/mmap_min_addr")


class Lockdown:
    """One worker's isolation."""

    def __init__(self, settings: LockdownSettings) -> None:
        self._settings = settings
        self._nested = settings.nested
        self._uid = settings.uid
        self._scratch = settings.scratch
        self._files = settings.files
        # Of the course's own files, which are no use of a student's: in a file system of the
        # child's own, and as this machine's file system counts them.
        self._given = files.measure(settings.files)
        self._stored = 0
        self._processes = -1
        self._ruleset: Any = None
        self._virtual = 0
        self._core: int | None = None
        self._usable = self._used = os.sched_getaffinity(0)  # processors
        self._kept: set[int] = set()  # tasks that keep to it
        self._sockets = 0  # of the network, that are no child's
        self._socket_bytes = 0  # the most that one socket holds

    @property
    def shares_memory(self) -> bool:
        """Whether a child's own processes may share memory by files and unix sockets."""
        own_sockets = self._nested and not self._settings.network
        return own_sockets or not self._settings.confined

    @property
    def offers_gpu(self) -> bool:
        """Whether a child may use a GPU."""
        return self._settings.cuda

    def prepare(self) -> None:
        """Make the worker the adopter of what a child leaves, with no more power than it needs."""
        with contextlib.suppress(OSError, AttributeError):
            kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        if not self._nested:  # what is imported next remembers where temporary files can be made
            with contextlib.suppress(FileExistsError):
                os.mkdir(self._scratch, 0o700)  # noqa: PTH102 - no parents: it may be too late
        if not self._settings.confined:
            return
        self._socket_bytes = _socket_bytes()
        if self._nested:
            self._processes = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
            kept = 1 << kernel.CAP_SYS_ADMIN | 1 << kernel.CAP_SETPCAP
            kernel.set_capabilities(kept)
        # Nobody of the same uid may look into the worker or stop it with a debugger.
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)

    def ready_next(self) -> None:
        """Do ahead what the next child would wait for."""
        if self._settings.confined:
            self._virtual = int(open("/proc/self/statm").read().split()[0]) * usage.PAGE  # noqa: PTH123, SIM115
            self._ruleset = self._build_ruleset() if self._settings.landlock else None
            self._sockets = usage.sockets_of_the_network()
        if not self._nested:
            reaper.empty(self._scratch)  # of what the worker's own imports left
            os.mkdir(self._scratch, 0o700)  # noqa: PTH102
            if self._uid is not None:
                os.chown(self._scratch, self._uid, self._uid)
            self._lay_out_files()
            self._stored, _ = usage.stored(self._scratch)

    def _lay_out_files(self) -> None:
        if self._files:
            files.lay_out(self._files, self._scratch, self._uid)

    def descriptors(self) -> set[int]:
        """Return the descriptors that a child needs until it has entered."""
        return set() if self._ruleset is None else {self._ruleset.fileno()}

    def fork(self) -> int:
        """Fork a child, as the first process of a namespace of its own where the level nests."""
        if not self._nested:
            return os.fork()
        pid = -1
        kernel.unshare(kernel.CLONE_NEWPID)
        try:
            pid = os.fork()
        finally:
            if pid != 0:  # the worker's next processes belong beside it again
                kernel.setns(self._processes, kernel.CLONE_NEWPID)
        return pid

    def keep_to(self, core: int | None, *, at_once: bool) -> None:
        """Have the next child keep to one processor once it is more than one task.

        at_once: with this process, from now on.
        """
        self._core, self._kept = core, set()
        wanted = {core} if at_once and core is not None else self._usable
        if wanted != self._used:
            with contextlib.suppress(OSError):
                os.sched_setaffinity(0, wanted)
                self._used = wanted

    def enter(self, limits: ChildLimits) -> None:
        """Lock this process down for good."""
        with contextlib.suppress(PermissionError):
            os.setsid()
        if self._nested:
            self._private_mounts(limits)
        os.chdir(self._scratch)
        if not self._settings.confined:
            _end_with_the_worker()
            return
        tasks = limits.tasks + self._settings.tasks_base
        _limit_resources(limits, self._virtual, tasks, cuda=self._settings.cuda)
        kernel.seal_capabilities()
        if self._uid is not None:
            os.setgroups([])
            os.setresgid(self._uid, self._uid, self._uid)
            os.setresuid(self._uid, self._uid, self._uid)
        kernel.set_capabilities(0)
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # its own /proc entries are its own again
        _end_with_the_worker()
        _be_first_when_memory_is_short()
        if self._ruleset is not None:
            self._restrict_files()
        program = self._settings.filter
        if self._settings.own_pid:
            placeholder = self._settings.own_pid.to_bytes(4, "little")
            program = program.replace(placeholder, os.getpid().to_bytes(4, "little"))
        kernel.load_filter(program)

    def _private_mounts(self, limits: ChildLimits) -> None:
        kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC)
        flags = kernel.MS_NOSUID | kernel.MS_NODEV
        given, nothing = self._given, (0, 0)
        for place, (size, count) in ((self._scratch, given), ("/dev/shm", nothing)):  # noqa: S108 - the child's own, mounted here
            room, inodes = limits.scratch_bytes + size, SCRATCH_INODES + count
            options = f"size={room},nr_inodes={inodes},mode=0700"
            kernel.mount("tmpfs", place, "tmpfs", flags, options)
        self._lay_out_files()
        kernel.mount("proc", "/proc", "proc", flags | kernel.MS_NOEXEC)
        if not self._settings.landlock:
            for name in COUNTERS:
                if os.path.exists(f"/proc/{name}"):  # noqa: PTH110
                    kernel.mount("/dev/null", f"/proc/{name}", None, kernel.MS_BIND)

    def _build_ruleset(self) -> Any:
        import landlockpy

        access = landlockpy.AccessFS
        look = access.READ_FILE | access.READ_DIR | access.EXECUTE
        ruleset = landlockpy.Ruleset(
            scoped=landlockpy.Scope.SIGNAL | landlockpy.Scope.ABSTRACT_UNIX_SOCKET
        )
        for port in self._settings.ports if self._settings.network else ():
            ruleset.allow_port(port, landlockpy.AccessNet.CONNECT_TCP)
            ruleset.allow_port(port, landlockpy.AccessNet.CONNECT_SEND_UDP)
        for path in self._settings.readable:
            _allow(ruleset, path, look)
        for folder, names in self._settings.listed:
            _allow(ruleset, folder, access.READ_DIR)
            for name in names:
                _allow(ruleset, f"{folder}/{name}", look)
        for path in self._settings.writable:
            _allow(ruleset, path, access.READ_FILE | access.WRITE_FILE | access.IOCTL_DEV)
        return ruleset

    def _restrict_files(self) -> None:
        import landlockpy

        access = landlockpy.AccessFS
        look = access.READ_FILE | access.READ_DIR
        everything = landlockpy.fs_for_abi(landlockpy.flags.LATEST_ABI)
        whole = everything & ~(access.MAKE_CHAR | access.MAKE_BLOCK)
        _allow(self._ruleset, self._scratch, whole)
        if self._nested:
            _allow(self._ruleset, "/dev/shm", whole)  # noqa: S108 - the child's own
        for name in PROC_FILES:
            _allow(self._ruleset, f"/proc/{name}", look)
        if self._settings.cuda:
            # The driver names its threads: open("/proc/self/task/<tid>/comm", O_WRONLY | O_CREAT |
            # O_TRUNC). Processes of one's own are all that a nested child's /proc shows; elsewhere
            # only the notebook's first process can start the driver.
            tasks = "/proc" if self._nested else f"/proc/{os.getpid()}/task"
            _allow(self._ruleset, tasks, access.WRITE_FILE | access.TRUNCATE)
            for name in CUDA_PROC_FILES:
                _allow(self._ruleset, f"/proc/{name}", look)
        for name in OWN_PROC:
            _allow(self._ruleset, f"/proc/{os.getpid()}/{name}", look)
        self._ruleset.restrict()
        self._ruleset.close()

    def over_limit(self, pid: int, limits: ChildLimits) -> Resource | None:
        """Return which limit the child's processes broke together, or None."""
        if not self._settings.confined:
            return None
        pids = [pid]
        for other in usage.below(os.getpid()):
            if other != pid:
                pids.append(other)
            if len(pids) > limits.tasks:  # enough is known, and there may be many more
                return Resource.TASKS
        self._keep_to_one_core(pids)
        # The kernel's own limit counts each process alone, and the first of a namespace ignores
        # its warning. A scratch folder of one's own is a file system of the right size.
        broken = {
            Resource.TASKS: usage.tasks(pids) > limits.tasks,
            Resource.MEMORY: self._memory(pids, limits.memory_bytes) > limits.memory_bytes,
            Resource.PROCESSOR: usage.processor_seconds(pids) > limits.cpu_seconds,
            Resource.SCRATCH: not self._nested and self._over_scratch(pids, limits),
        }
        return next((name for name, is_broken in broken.items() if is_broken), None)

    def _keep_to_one_core(self, pids: list[int]) -> None:
        """Keep the tasks of a child that has several to its processor; one of them uses no more.

        What they start from then on is born there.
        """
        if self._core is None or (not self._kept and usage.tasks(pids) <= 1):
            return
        for task in usage.task_numbers(pids):
            if task not in self._kept:
                with contextlib.suppress(OSError):  # it has ended
                    os.sched_setaffinity(task, {self._core})
                self._kept.add(task)

    def _memory(self, pids: list[int], limit: int) -> int:
        """Return the bytes of a child's processes, and the most that its sockets can hold."""
        if self._settings.owns_network:
            sockets = usage.sockets_of_the_network() - self._sockets - OWN_SOCKETS
        else:
            sockets = usage.open_sockets(pids, limit // FEW_SOCKETS // self._socket_bytes)
        return usage.memory(pids, limit) + max(0, sockets) * self._socket_bytes

    def _over_scratch(self, pids: list[int], limits: ChildLimits) -> bool:
        size, count = usage.stored(self._scratch)
        size += usage.unlinked(pids, self._scratch) - self._stored
        rewritten = usage.written(pids) > usage.REWRITES * limits.scratch_bytes
        return size > limits.scratch_bytes or count > usage.MAX_FILES or rewritten

    def clear(self) -> None:
        """End and reap every process that the child left behind, and remove its files."""
        if self._uid is not None:
            reaper.kill_uid(self._uid)
        reaper.kill_below(os.getpid())
        if not self._nested:
            reaper.empty(self._scratch)


def _socket_bytes() -> int:
    one, other = socket.socketpair()
    with one, other:
        return one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)


def _end_with_the_worker() -> None:
    """Be killed when the worker is, even by somebody who kills it without a word."""
    with contextlib.suppress(OSError, AttributeError):
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)


def _be_first_when_memory_is_short() -> None:
    """Be the first process that the kernel ends where the machine's memory is short."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123
        score.write("1000")


def _allow(ruleset: Any, path: str, rights: Any) -> None:
    from landlockpy import AccessFS

    # A path that this machine lacks opens nothing; a ruleset without it is as strict as before.
    with contextlib.suppress(OSError):
        if not os.path.isdir(path):  # noqa: PTH112 - the kernel refuses a folder's rights on a file
            rights &= (
                AccessFS.READ_FILE
                | AccessFS.WRITE_FILE
                | AccessFS.EXECUTE
                | AccessFS.TRUNCATE
                | AccessFS.IOCTL_DEV
            )
        ruleset.allow_path(path, rights)


def _limit_resources(limits: ChildLimits, virtual: int, tasks: int, *, cuda: bool) -> None:
    seconds = limits.cpu_seconds
    chosen = {
        resource.RLIMIT_CPU: (seconds, seconds + CPU_GRACE),
        resource.RLIMIT_NPROC: (tasks, tasks),
        resource.RLIMIT_NOFILE: (limits.open_files, limits.open_files),
        resource.RLIMIT_FSIZE: (limits.file_bytes, limits.file_bytes),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_MSGQUEUE: (0, 0),
        resource.RLIMIT_SIGPENDING: (1024, 1024),
    }
    if not cuda:  # a CUDA context reserves more addresses than any machine has memory
        room = virtual + limits.memory_bytes
        chosen[resource.RLIMIT_AS] = (room, room)
        chosen[resource.RLIMIT_MEMLOCK] = (1 << 16, 1 << 16)
    for what, wanted in chosen.items():
        _current, most = resource.getrlimit(what)
        ceiling = max(wanted) if most == resource.RLIM_INFINITY else most
        resource.setrlimit(what, (min(wanted[0], ceiling), min(wanted[1], ceiling)))
    # A handler that ignores SIGXCPU buys the grace and no more.
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
