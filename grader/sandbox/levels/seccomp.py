"""Which system calls student code may make, compiled by libseccomp for this machine.

An allow-list: what is not named here does not exist (ENOSYS), as an older kernel would answer, and
libraries know how to go on without it. So a system call that a future kernel adds is closed until
somebody opens it. Calls that are refused on purpose say EPERM, because a student should read
"Operation not permitted" rather than "Function not implemented".

Compiled in the judge: the worker needs no libseccomp, and loads the finished program in a child
within microseconds.
"""

import errno
import functools
import tempfile

from grader.errors import IsolationError

FILES = """
    access close close_range copy_file_range creat dup dup2 dup3 epoll_create epoll_create1
    epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2
    faccessat faccessat2 fallocate fchdir chdir fdatasync fgetxattr flistxattr flock
    fstat fstatfs fsync ftruncate getcwd getdents getdents64 getxattr lgetxattr link linkat
    listxattr llistxattr lseek lstat mkdir mkdirat newfstatat open openat openat2 pipe pipe2 poll
    ppoll pread64 preadv pselect6 pwrite64 pwritev read readlink
    readlinkat readv rename renameat renameat2 rmdir select sendfile stat statfs statx
    symlink symlinkat timerfd_create timerfd_gettime timerfd_settime truncate
    umask unlink unlinkat write writev
"""
MEMORY = """
    brk get_mempolicy mbind membarrier mlock mlock2 mprotect mremap msync munlock munmap
    set_mempolicy
"""
PROCESSES = """
    arch_prctl execve execveat exit exit_group fork futex futex_requeue futex_wait futex_waitv
    futex_wake get_robust_list get_thread_area getcpu getegid geteuid getgid getgroups getpgid
    getpgrp getpid getppid getpriority getresgid getresuid getrlimit getrusage getsid gettid getuid
    restart_syscall rseq sched_get_priority_max sched_get_priority_min sched_getaffinity
    sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_yield
    set_robust_list set_thread_area set_tid_address setpgid setrlimit setsid times uname
    vfork wait4 waitid
"""
SIGNALS = """
    alarm getitimer pause rt_sigpending rt_sigprocmask rt_sigreturn
    rt_sigsuspend rt_sigtimedwait setitimer sigaltstack signalfd signalfd4
"""
CLOCKS = """
    getrandom gettimeofday nanosleep time timer_delete timer_getoverrun timer_gettime timer_settime
"""
# The calls on a socket that is connected already.
SOCKETS = """
    accept accept4 getpeername getsockname getsockopt recvfrom recvmmsg recvmsg shutdown
"""
REFUSED = """
    acct add_key bpf chroot delete_module fanotify_init fanotify_mark finit_module fsconfig fsmount
    fsopen fspick init_module inotify_add_watch io_uring_enter io_uring_register io_uring_setup
    ioprio_set kcmp kexec_file_load kexec_load keyctl mknod mknodat mount mount_setattr move_mount
    msgget name_to_handle_at open_by_handle_at open_tree perf_event_open pidfd_getfd pidfd_open
    pidfd_send_signal pivot_root process_madvise process_mrelease process_vm_readv
    process_vm_writev ptrace quotactl reboot request_key semget setdomainname setfsgid setfsuid
    setgid setgroups sethostname setns setregid setresgid setresuid setreuid settimeofday setuid
    shmat shmget swapoff swapon syslog umount2 unshare userfaultfd
"""
# What another student's file reads have left in the machine's memory, or what the machine does.
CACHES = """
    fadvise64 mincore readahead sync_file_range
"""
# They keep pages in a pipe that no process has any more, and nobody counts.
HIDDEN_PAGES = """
    splice tee vmsplice
"""
# Landlock does not watch over these. An honest `shutil.copy2` calls them on its own copy, so that
# outside a private file system they do nothing and say that all went well.
MODES_AND_TIMES = """
    chmod chown fchmod fchmodat fchmodat2 fchown fchownat futimesat lchown utime utimensat utimes
"""
EXTENDED_ATTRIBUTES = """
    fremovexattr fsetxattr lremovexattr lsetxattr removexattr setxattr
"""

# Every CLONE_NEW* that `clone` can take; clone3 hides its flags from a filter and is answered
# ENOSYS, upon which C libraries fall back to clone.
NAMESPACES = 0x7E020000
AF_UNIX, IP, MOST_FAMILIES = 1, (2, 10), 64
# The kind of a socket; flags such as SOCK_CLOEXEC lie in the bits above.
SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_KINDS = 1, 2, 5, 0xF
# Terminals, pipes and descriptors: TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX.
PLAIN_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
# The plain commands of fcntl: duplicates, flags, locks, sizes and seals. Not among them are those
# by which a file sends signals (F_SETOWN, F_SETOWN_EX, F_SETSIG, F_NOTIFY), keeps others waiting
# (F_SETLEASE), or a pipe grows.
F_SETLEASE, F_NOTIFY, F_SETPIPE_SZ = 1024, 1026, 1031
PLAIN_FCNTLS = (0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 16, 36, 37, 38, 1025, 1030, 1032, 1033, 1034)
REFUSED_FCNTLS = (8, 10, 15, F_SETLEASE, F_NOTIFY, F_SETPIPE_SZ)
# Advice on memory that concerns nobody else's: not MADV_MERGEABLE, which tells whether another
# process has the same page, nor MADV_COLD and MADV_PAGEOUT, which take a file out of the cache.
PLAIN_ADVICE = (0, 1, 2, 3, 4, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 19, 22, 23, 24, 25)
REFUSED_ADVICE = (12, 20, 21)
# Clocks of the machine and of oneself; larger numbers stand for another process by its number.
LAST_CLOCK = 11
MSG_OOB = 1
MAP_TYPE, MAP_SHARED, MAP_SHARED_VALIDATE, MAP_ANONYMOUS = 0xF, 0x1, 0x3, 0x20
SIGCHLD = 17
PR_SET_DUMPABLE = 4
SOL_SOCKET, SIZES_OF_BUFFERS = 1, (7, 8, 32, 33)  # SO_SNDBUF and SO_RCVBUF, and their FORCE
# `kill` may name one process: the child's number takes this one's place in the compiled program.
OWN_PID = 0x2A5F31E7


@functools.cache
def compile_filter(
    *, private: bool, cuda: bool = False, scoped: bool = True, network: bool = False
) -> bytes:
    """Return a BPF program; IsolationError where libseccomp cannot be used.

    private: the file system, the network and the process numbers are the child's own, so that
    modes, times and unix sockets are harmless. cuda: the driver's calls are let through. scoped:
    the kernel keeps signals inside the child (Landlock 6 or process numbers of its own). network:
    what connects to other machines is let through.
    """
    try:
        import pyseccomp
    except (ImportError, RuntimeError, OSError) as problem:
        raise IsolationError(
            "The probe seccomp failed: libseccomp cannot be loaded "
            f"({problem}); install it: apt install libseccomp2, or dnf install libseccomp."
        ) from problem
    refuse, allow = pyseccomp.ERRNO(errno.EPERM), pyseccomp.ALLOW
    chosen = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.ENOSYS))
    # A syscall through the 32-bit or x32 table has other numbers, and ends the process.
    chosen.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.KILL_PROCESS)
    rules = _Rules(chosen, pyseccomp)
    for names in (FILES, MEMORY, PROCESSES, SIGNALS, CLOCKS, SOCKETS):
        rules.add(allow, names)
    for names in (REFUSED, CACHES, HIDDEN_PAGES):
        rules.add(refuse, names)
    rules.add(allow if private else pyseccomp.ERRNO(0), MODES_AND_TIMES)
    rules.add(pyseccomp.ERRNO(errno.ENOTSUP), EXTENDED_ATTRIBUTES)
    _restrict_arguments(rules, pyseccomp, cuda=cuda, scoped=scoped)
    _restrict_what_is_shared(rules, pyseccomp, cuda=cuda)
    if private and not network:
        _allow_sockets_inside(rules, pyseccomp)
    else:
        _restrict_sockets(rules, pyseccomp, cuda=cuda, network=network)
    if cuda:
        rules.add(allow, "memfd_create mlockall munlockall")
    return _export(chosen)


class _Rules:
    """Adds rules by name, leaving out names that this libseccomp or architecture lacks."""

    def __init__(self, chosen: object, library: object) -> None:
        self._filter = chosen
        self._library = library

    def add(self, action: int, names: str, *arguments: object) -> None:
        for name in names.split():
            if self._library.resolve_syscall(0, name) < 0:  # type: ignore[attr-defined]
                continue
            self._filter.add_rule(action, name, *arguments)  # type: ignore[attr-defined]


def _restrict_arguments(rules: _Rules, library: object, *, cuda: bool, scoped: bool) -> None:
    allow, refuse = library.ALLOW, library.ERRNO(errno.EPERM)  # type: ignore[attr-defined]
    arg, equal, other = library.Arg, library.EQ, library.NE  # type: ignore[attr-defined]
    masked = library.MASKED_EQ  # type: ignore[attr-defined]
    rules.add(allow, "clone", arg(0, masked, NAMESPACES, 0))
    # Number 0 means oneself; anything else could be the judge, the worker or another student.
    for name in ("prlimit64", "sched_setscheduler", "sched_setparam"):
        rules.add(allow, name, arg(0, equal, 0))
        rules.add(refuse, name, arg(0, other, 0))
    # A child of several tasks has one processor, and does not choose it.
    rules.add(library.ERRNO(0), "sched_setaffinity", arg(0, equal, 0))  # type: ignore[attr-defined]
    rules.add(refuse, "sched_setaffinity", arg(0, other, 0))
    rules.add(allow, "setpriority", arg(0, equal, 0), arg(1, equal, 0))
    if scoped:
        rules.add(allow, "kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo")
    else:
        for name in ("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"):
            rules.add(allow, name, arg(0, equal, OWN_PID))
            rules.add(refuse, name, arg(0, other, OWN_PID))
        rules.add(refuse, "tkill")
    if cuda:  # a driver's requests have no common form
        rules.add(allow, "ioctl")
    else:
        for request in PLAIN_IOCTLS:
            rules.add(allow, "ioctl", arg(1, equal, request))


def _restrict_what_is_shared(rules: _Rules, library: object, *, cuda: bool) -> None:
    """Refuse what reaches others by a file, a signal or a page, and what nobody could count."""
    allow, refuse = library.ALLOW, library.ERRNO(errno.EPERM)  # type: ignore[attr-defined]
    nothing = library.ERRNO(0)  # type: ignore[attr-defined]
    arg, equal, other = library.Arg, library.EQ, library.NE  # type: ignore[attr-defined]
    masked = library.MASKED_EQ  # type: ignore[attr-defined]
    for name, place, plain, refused in (
        ("fcntl", 1, PLAIN_FCNTLS, REFUSED_FCNTLS),
        ("madvise", 2, PLAIN_ADVICE, REFUSED_ADVICE),
    ):
        for action, numbers in ((allow, plain), (refuse, refused)):
            for number in numbers:
                rules.add(action, name, arg(place, equal, number))
    # RWF_NOWAIT tells whether a page is in the machine's memory.
    rules.add(allow, "preadv2 pwritev2", arg(5, equal, 0))
    rules.add(refuse, "preadv2 pwritev2", arg(5, other, 0))
    names = "clock_getres clock_gettime clock_nanosleep timer_create"
    rules.add(allow, names, arg(0, library.LE, LAST_CLOCK))  # type: ignore[attr-defined]
    rules.add(refuse, names, arg(0, library.GT, LAST_CLOCK))  # type: ignore[attr-defined]
    for name, place in (("sendmsg", 2), ("sendmmsg", 3)):
        rules.add(allow, name, arg(place, masked, MSG_OOB, 0))
        rules.add(refuse, name, arg(place, masked, MSG_OOB, MSG_OOB))
    # A process that has ended leaves its times to whoever waits for it, unless that ignores its
    # end, and hides its own if it must not be looked at: neither can be chosen.
    for name, place, number in (("rt_sigaction", 0, SIGCHLD), ("prctl", 0, PR_SET_DUMPABLE)):
        rules.add(allow, name, arg(place, other, number))
        rules.add(nothing, name, arg(place, equal, number))
    rules.add(allow, "setsockopt", arg(1, other, SOL_SOCKET))
    for option in range(64):
        action = nothing if option in SIZES_OF_BUFFERS else allow
        rules.add(action, "setsockopt", arg(1, equal, SOL_SOCKET), arg(2, equal, option))
    if cuda:
        rules.add(allow, "mmap sysinfo")
        return
    rules.add(refuse, "sysinfo")  # how busy the machine is
    # Pages shared without a file stay in memory when nobody has them mapped.
    kinds = MAP_TYPE | MAP_ANONYMOUS
    for kind in range(MAP_TYPE + 1):
        rules.add(allow, "mmap", arg(3, masked, kinds, kind))
        is_shared = kind in {MAP_SHARED, MAP_SHARED_VALIDATE}
        action = refuse if is_shared else allow
        rules.add(action, "mmap", arg(3, masked, kinds, kind | MAP_ANONYMOUS))


def _allow_sockets_inside(rules: _Rules, library: object) -> None:
    """Allow unix sockets, all of whose names lie in the child's own file system and network."""
    allow, refuse = library.ALLOW, library.ERRNO(errno.EPERM)  # type: ignore[attr-defined]
    arg, equal, other = library.Arg, library.EQ, library.NE  # type: ignore[attr-defined]
    for name in ("socket", "socketpair"):
        rules.add(allow, name, arg(0, equal, AF_UNIX))
        rules.add(refuse, name, arg(0, other, AF_UNIX))
    rules.add(allow, "bind connect listen")
    rules.add(allow, "sendto", arg(3, library.MASKED_EQ, MSG_OOB, 0))  # type: ignore[attr-defined]
    rules.add(refuse, "sendto", arg(3, library.MASKED_EQ, MSG_OOB, MSG_OOB))  # type: ignore[attr-defined]


def _restrict_sockets(rules: _Rules, library: object, *, cuda: bool, network: bool) -> None:
    """Allow pairs of sockets that are connected to each other for good, and no way to a third.

    With an open network also those of IP that connect to other machines; not one that waits.

    A pair of datagram sockets is none: each may send to any name. `sendmsg` hides its address from
    a filter, and the two kinds allowed here ignore or refuse one. NVIDIA's driver needs a socket of
    its own that waits under an abstract name; nobody inside can connect to it, or to another.
    """
    allow, refuse = library.ALLOW, library.ERRNO(errno.EPERM)  # type: ignore[attr-defined]
    arg, equal, other = library.Arg, library.EQ, library.NE  # type: ignore[attr-defined]
    masked = library.MASKED_EQ  # type: ignore[attr-defined]
    allowed = {
        "socketpair": {SOCK_STREAM, SOCK_SEQPACKET},
        "socket": {SOCK_SEQPACKET} if cuda else set(),
    }
    for name, kinds in allowed.items():
        families = {AF_UNIX: kinds}
        if network and name == "socket":
            families |= {family: {SOCK_STREAM, SOCK_DGRAM} for family in IP}
        for family in range(MOST_FAMILIES):
            if family not in families:
                rules.add(refuse, name, arg(0, equal, family))
        rules.add(refuse, name, arg(0, library.GE, MOST_FAMILIES))  # type: ignore[attr-defined]
        for family, allowed_kinds in families.items():
            for kind in range(SOCK_KINDS + 1):
                action = allow if kind in allowed_kinds else refuse
                rules.add(action, name, arg(0, equal, family), arg(1, masked, SOCK_KINDS, kind))
    rules.add(allow if cuda else refuse, "bind listen")
    if network:
        rules.add(allow, "connect")
        rules.add(allow, "sendto", arg(3, masked, MSG_OOB, 0))
        rules.add(refuse, "sendto", arg(3, masked, MSG_OOB, MSG_OOB))
        return
    # The driver looks for a server that shares the GPU, and goes on where there is none.
    rules.add(library.ERRNO(errno.ENOENT) if cuda else refuse, "connect")  # type: ignore[attr-defined]
    rules.add(allow, "sendto", arg(3, masked, MSG_OOB, 0), arg(4, equal, 0))
    rules.add(refuse, "sendto", arg(3, masked, MSG_OOB, MSG_OOB), arg(4, equal, 0))
    rules.add(refuse, "sendto", arg(4, other, 0))


def _export(chosen: object) -> bytes:
    with tempfile.TemporaryFile() as file:
        chosen.export_bpf(file)  # type: ignore[attr-defined]
        file.seek(0)
        return file.read()
