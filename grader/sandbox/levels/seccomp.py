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
    faccessat faccessat2 fadvise64 fallocate fchdir chdir fcntl fdatasync fgetxattr flistxattr flock
    fstat fstatfs fsync ftruncate getcwd getdents getdents64 getxattr lgetxattr link linkat
    listxattr llistxattr lseek lstat mkdir mkdirat newfstatat open openat openat2 pipe pipe2 poll
    ppoll pread64 preadv preadv2 pselect6 pwrite64 pwritev pwritev2 read readahead readlink
    readlinkat readv rename renameat renameat2 rmdir select sendfile splice stat statfs statx
    symlink symlinkat sync_file_range tee timerfd_create timerfd_gettime timerfd_settime truncate
    umask unlink unlinkat vmsplice write writev
"""
MEMORY = """
    brk get_mempolicy madvise mbind membarrier mincore mlock mlock2 mmap mprotect mremap msync
    munlock munmap set_mempolicy
"""
PROCESSES = """
    arch_prctl execve execveat exit exit_group fork futex futex_requeue futex_wait futex_waitv
    futex_wake get_robust_list get_thread_area getcpu getegid geteuid getgid getgroups getpgid
    getpgrp getpid getppid getpriority getresgid getresuid getrlimit getrusage getsid gettid getuid
    prctl restart_syscall rseq sched_get_priority_max sched_get_priority_min sched_getaffinity
    sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_yield
    set_robust_list set_thread_area set_tid_address setpgid setrlimit setsid sysinfo times uname
    vfork wait4 waitid
"""
SIGNALS = """
    alarm getitimer pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
    rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo setitimer sigaltstack signalfd signalfd4
"""
CLOCKS = """
    clock_getres clock_gettime clock_nanosleep getrandom gettimeofday nanosleep time
    timer_create timer_delete timer_getoverrun timer_gettime timer_settime
"""
# The calls on a socket that is connected already.
SOCKETS = """
    accept accept4 getpeername getsockname getsockopt recvfrom recvmmsg recvmsg sendmmsg sendmsg
    setsockopt shutdown
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
AF_UNIX = 1
# The kind of a socket; flags such as SOCK_CLOEXEC lie in the bits above.
SOCK_STREAM, SOCK_SEQPACKET, SOCK_KINDS = 1, 5, 0xF
# Terminals, pipes and descriptors: TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX.
PLAIN_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
# `kill` may name one process: the child's number takes this one's place in the compiled program.
OWN_PID = 0x2A5F31E7


@functools.cache
def compile_filter(*, private: bool, cuda: bool = False, scoped: bool = True) -> bytes:
    """Return a BPF program; IsolationError where libseccomp cannot be used.

    private: the file system, the network and the process numbers are the child's own, so that
    modes, times and unix sockets are harmless. cuda: the driver's calls are let through. scoped:
    the kernel keeps signals inside the child (Landlock 6 or process numbers of its own).
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
    rules.add(refuse, REFUSED)
    rules.add(allow if private else pyseccomp.ERRNO(0), MODES_AND_TIMES)
    rules.add(pyseccomp.ERRNO(errno.ENOTSUP), EXTENDED_ATTRIBUTES)
    _restrict_arguments(rules, pyseccomp, private=private, cuda=cuda, scoped=scoped)
    if private:
        _allow_sockets_inside(rules, pyseccomp)
    else:
        _restrict_sockets(rules, pyseccomp, cuda=cuda)
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


def _restrict_arguments(
    rules: _Rules, library: object, *, private: bool, cuda: bool, scoped: bool
) -> None:
    allow, refuse = library.ALLOW, library.ERRNO(errno.EPERM)  # type: ignore[attr-defined]
    arg, equal, other = library.Arg, library.EQ, library.NE  # type: ignore[attr-defined]
    masked = library.MASKED_EQ  # type: ignore[attr-defined]
    rules.add(allow, "clone", arg(0, masked, NAMESPACES, 0))
    # Number 0 means oneself; anything else could be the judge, the worker or another student.
    for name in ("prlimit64", "sched_setaffinity", "sched_setscheduler", "sched_setparam"):
        rules.add(allow, name, arg(0, equal, 0))
        rules.add(refuse, name, arg(0, other, 0))
    rules.add(allow, "setpriority", arg(0, equal, 0), arg(1, equal, 0))
    if scoped:
        rules.add(allow, "kill tkill tgkill")
    else:
        for name in ("kill", "tgkill"):
            rules.add(allow, name, arg(0, equal, OWN_PID))
            rules.add(refuse, name, arg(0, other, OWN_PID))
        rules.add(refuse, "tkill")
    if private or cuda:  # a driver's requests have no common form
        rules.add(allow, "ioctl")
    else:
        for request in PLAIN_IOCTLS:
            rules.add(allow, "ioctl", arg(1, equal, request))


def _allow_sockets_inside(rules: _Rules, library: object) -> None:
    """Allow unix sockets, all of whose names lie in the child's own file system and network."""
    allow, refuse = library.ALLOW, library.ERRNO(errno.EPERM)  # type: ignore[attr-defined]
    arg, equal, other = library.Arg, library.EQ, library.NE  # type: ignore[attr-defined]
    for name in ("socket", "socketpair"):
        rules.add(allow, name, arg(0, equal, AF_UNIX))
        rules.add(refuse, name, arg(0, other, AF_UNIX))
    rules.add(allow, "bind connect listen sendto")


def _restrict_sockets(rules: _Rules, library: object, *, cuda: bool) -> None:
    """Allow pairs of sockets that are connected to each other for good, and no way to a third.

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
        rules.add(refuse, name, arg(0, other, AF_UNIX))
        for kind in range(SOCK_KINDS + 1):
            action = allow if kind in kinds else refuse
            rules.add(action, name, arg(0, equal, AF_UNIX), arg(1, masked, SOCK_KINDS, kind))
    rules.add(allow if cuda else refuse, "bind listen")
    # The driver looks for a server that shares the GPU, and goes on where there is none.
    rules.add(library.ERRNO(errno.ENOENT) if cuda else refuse, "connect")  # type: ignore[attr-defined]
    rules.add(allow, "sendto", arg(4, equal, 0))
    rules.add(refuse, "sendto", arg(4, other, 0))


def _export(chosen: object) -> bytes:
    with tempfile.TemporaryFile() as file:
        chosen.export_bpf(file)  # type: ignore[attr-defined]
        file.seek(0)
        return file.read()
